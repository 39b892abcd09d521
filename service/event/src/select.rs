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

/// `events` where bit `at` of `set` is set, else none.
#[inline(always)]
fn where_asked(set: u64, at: u32, events: PollEvents) -> u32 {
    events.bits() & ((set >> at & 1) as u32).wrapping_neg()
}

/// Bit `at` where `events` has one of `wanted`.
#[inline(always)]
fn where_ready(events: u32, wanted: u32, at: u32) -> u64 {
    u64::from(events & wanted != 0) << at
}

impl Watch for Selected<'_> {
    // Most programs select on many and few are ready or all are: nothing in the loop branches on which set a bit is of.
    fn look(&mut self, mut waiter: Option<&mut Waiter>) -> Result<usize> {
        let sets = &mut *self.sets;
        let mut count = 0;
        for word in 0..sets.words {
            let asked = [0, 1, 2].map(|which| sets.asked(which, word));
            let mut found = [0; 3];
            let mut left = asked[0] | asked[1] | asked[2];
            let beyond = (word + 1) * 64;
            if beyond > sets.nfds {
                left &= u64::MAX >> (beyond - sets.nfds);
            }
            while left != 0 {
                let at = left.trailing_zeros();
                left &= left - 1;
                let wanted = [
                    where_asked(asked[0], at, IN),
                    where_asked(asked[1], at, OUT),
                    where_asked(asked[2], at, EXCEPT),
                ];
                let any = PollEvents::from_bits_retain(wanted[0] | wanted[1] | wanted[2]);
                let file = self.files.file_io((word * 64 + at as usize) as i32)?;
                let events = match &mut waiter {
                    Some(waiter) => file.poll(&mut PollTable::new(&mut **waiter, any)),
                    None => file.poll(&mut PollTable::peek(any)),
                };
                if !events.intersects(any) {
                    continue;
                }
                let events = events.bits();
                found[0] |= where_ready(events, wanted[0], at);
                found[1] |= where_ready(events, wanted[1], at);
                found[2] |= where_ready(events, wanted[2], at);
                waiter = None;
            }
            for (which, bits) in found.into_iter().enumerate() {
                sets.bits[(3 + which) * sets.words + word] |= bits;
                count += bits.count_ones() as usize;
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
