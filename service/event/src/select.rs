//! select(2): the same with sets of bits.
use crate::poll::{Until, Waiter, Watch, watch};
use abi::Result;
use alloc::vec::Vec;
use kmem::TryVec;
use vfs::{Files, PollEvents, PollTable};

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

    fn asked(&self, which: usize, word: usize) -> u64 {
        self.bits[which * self.words + word]
    }
}

struct Selected<'a> {
    files: &'a mut Files,
    sets: &'a mut Sets,
}

impl Watch for Selected<'_> {
    fn look(&mut self, mut waiter: Option<&mut Waiter>) -> Result<usize> {
        let sets = &mut *self.sets;
        let mut count = 0;
        for word in 0..sets.words {
            let asked = [0, 1, 2].map(|which| sets.asked(which, word));
            let mut found = [0; 3];
            let mut any = asked[0] | asked[1] | asked[2];
            while any != 0 {
                let bit = any & any.wrapping_neg();
                let fd = word * 64 + any.trailing_zeros() as usize;
                any ^= bit;
                if fd >= sets.nfds {
                    break;
                }
                let mut wanted = PollEvents::empty();
                for (asked, events) in asked.iter().zip([IN, OUT, EXCEPT]) {
                    if asked & bit != 0 {
                        wanted |= events;
                    }
                }
                let file = self.files.file_io(fd as i32)?;
                let events = match &mut waiter {
                    Some(waiter) => file.poll(&mut PollTable::new(&mut **waiter, wanted)),
                    None => file.poll(&mut PollTable::peek(wanted)),
                };
                if !events.intersects(wanted) {
                    continue;
                }
                for (which, set) in [IN, OUT, EXCEPT].into_iter().enumerate() {
                    if events.intersects(set) && asked[which] & bit != 0 {
                        found[which] |= bit;
                        count += 1;
                    }
                }
                waiter = None;
            }
            for (which, bits) in found.into_iter().enumerate() {
                sets.bits[(3 + which) * sets.words + word] |= bits;
            }
        }
        Ok(count)
    }
}

/// Waits until a file of `sets` is ready; answers how many bits are set in what is ready. EBADF: a descriptor is not
/// open; ERESTARTNOHAND: a signal; ENOMEM.
pub fn select(files: &mut Files, sets: &mut Sets, until: Until) -> Result<usize> {
    watch(&mut Selected { files, sets }, until)
}
