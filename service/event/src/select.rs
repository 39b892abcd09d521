//! select(2): the same with sets of bits.
use crate::poll::{Kept, Until, Waiter, Watch, watch};
use abi::Result;
use alloc::vec::Vec;
use kmem::TryVec;
use vfs::{File, Files, PollEvents, PollTable, Reached};

const IN: PollEvents = PollEvents::READABLE
    .union(PollEvents::RDBAND)
    .union(PollEvents::HUP)
    .union(PollEvents::ERR);
const OUT: PollEvents = PollEvents::WRITABLE
    .union(PollEvents::WRBAND)
    .union(PollEvents::ERR);
const EXCEPT: PollEvents = PollEvents::PRI;

/// The three sets of select(2), what is asked and what is ready, as words of 64 bits.
pub struct Sets {
    nfds: usize,
    words: usize,
    /// Asked: read, write, except; ready: read, write, except.
    bits: Vec<u64>,
}

impl Sets {
    /// Sets for descriptors `0..nfds`. ENOMEM.
    pub fn new(nfds: usize) -> Result<Self> {
        let words = nfds.div_ceil(64);
        Ok(Self {
            nfds,
            words,
            bits: Vec::try_filled(0, 6 * words)?,
        })
    }

    /// What is asked of set `which` (0 read, 1 write, 2 except).
    pub fn asked_mut(&mut self, which: usize) -> &mut [u64] {
        &mut self.bits[which * self.words..(which + 1) * self.words]
    }

    /// What is ready of set `which`.
    pub fn ready(&self, which: usize) -> &[u64] {
        &self.bits[(3 + which) * self.words..(4 + which) * self.words]
    }

    /// What is asked of one word of descriptors, those beyond the last aside.
    fn asked(&self, word: usize) -> Word {
        let beyond = ((word + 1) * 64).saturating_sub(self.nfds);
        let valid = u64::MAX >> beyond;
        Word([0, 1, 2].map(|which| self.bits[which * self.words + word] & valid))
    }

    /// Puts down what is ready of one word; answers how much that is.
    fn note(&mut self, word: usize, ready: Word) -> usize {
        let mut count = 0;
        for (which, bits) in ready.0.into_iter().enumerate() {
            self.bits[(3 + which) * self.words + word] = bits;
            count += bits.count_ones() as usize;
        }
        count
    }
}

/// What is asked, or ready, of 64 descriptors: read, write, except.
#[derive(Clone, Copy, Default)]
struct Word([u64; 3]);

impl Word {
    /// Sets `bit` of each set whose event is among `events`. No branch depends on which that are.
    #[inline]
    fn add(&mut self, bit: u64, events: PollEvents) {
        for (set, of) in self.0.iter_mut().zip([IN, OUT, EXCEPT]) {
            *set |= bit & u64::from(events.intersects(of)).wrapping_neg();
        }
    }

    /// The events that `bit` asks for.
    #[inline]
    fn wanted(&self, bit: u64) -> PollEvents {
        let mut wanted = PollEvents::empty();
        for (set, of) in self.0.iter().zip([IN, OUT, EXCEPT]) {
            wanted.set(of, set & bit != 0);
        }
        wanted
    }
}

/// Asks a file that can be polled, or with somebody who waits, who waits for no more once it is ready.
fn ask(file: &File, wanted: PollEvents, waiter: &mut Option<&mut Waiter>) -> PollEvents {
    let Some(collects) = waiter else {
        return file.poll(&mut PollTable::peek(wanted));
    };
    let events = file.poll(&mut PollTable::new(&mut **collects, wanted));
    if events.intersects(wanted) {
        *waiter = None;
    }
    events
}

/// Looks at the files `base..base + 64` that are asked for. Answers which are ready for what is asked. EBADF.
fn look_at(
    files: &mut Reached<'_>,
    base: usize,
    asked: Word,
    waiter: &mut Option<&mut Waiter>,
) -> Result<Word> {
    let mut ready = Word::default();
    // Programs select on many files that are no pipes or sockets: these share one bit a file, and no call.
    let mut always = 0;
    let mut left = asked.0[0] | asked.0[1] | asked.0[2];
    while left != 0 {
        let at = left.trailing_zeros() as usize;
        let bit = left & left.wrapping_neg();
        left ^= bit;
        let file = files.file_io((base + at) as i32)?;
        if file.can_poll() || waiter.is_some() {
            ready.add(bit, ask(&file, asked.wanted(bit), waiter));
        } else {
            always |= bit;
        }
    }
    ready.add(always, PollEvents::ALWAYS);
    for (ready, asked) in ready.0.iter_mut().zip(asked.0) {
        *ready &= asked;
    }
    Ok(ready)
}

struct Selected<'a> {
    files: &'a mut Files,
    sets: &'a mut Sets,
}

impl Watch for Selected<'_> {
    fn look(&mut self, mut waiter: Option<&mut Waiter>) -> Result<usize> {
        let mut files = self.files.reach();
        let mut count = 0;
        for word in 0..self.sets.words {
            let ready = look_at(&mut files, word * 64, self.sets.asked(word), &mut waiter)?;
            count += self.sets.note(word, ready);
        }
        Ok(count)
    }
}

/// Waits until a file of `sets` is ready; answers how many bits are set in what is ready. EBADF: a descriptor is not
/// open; ERESTARTNOHAND: a signal; ENOMEM.
pub fn select(files: &mut Files, sets: &mut Sets, until: Until, kept: &mut Kept) -> Result<usize> {
    watch(&mut Selected { files, sets }, until, kept)
}
