//! select(2): the same with sets of bits.
use crate::poll::{Until, Waiter, Watch, ready, watch};
use abi::Result;
use alloc::vec::Vec;
use kmem::TryVec;
use vfs::{FdTable, PollEvents};

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

    fn look_at(
        &mut self,
        files: &FdTable,
        fd: usize,
        waiter: &mut Option<&mut Waiter>,
    ) -> Result<usize> {
        let (word, bit) = (fd / 64, 1u64 << (fd % 64));
        let mut wanted = PollEvents::empty();
        for (which, events) in [IN, OUT, EXCEPT].into_iter().enumerate() {
            if self.asked(which, word) & bit != 0 {
                wanted |= events;
            }
        }
        let file = files.get_io(fd as i32)?;
        let events = ready(&file, wanted, waiter);
        let mut count = 0;
        for (which, set) in [IN, OUT, EXCEPT].into_iter().enumerate() {
            if events.intersects(set) && self.asked(which, word) & bit != 0 {
                self.bits[(3 + which) * self.words + word] |= bit;
                count += 1;
            }
        }
        if count > 0 {
            *waiter = None;
        }
        Ok(count)
    }
}

struct Selected<'a> {
    files: &'a FdTable,
    sets: &'a mut Sets,
}

impl Watch for Selected<'_> {
    fn look(&mut self, mut waiter: Option<&mut Waiter>) -> Result<usize> {
        let sets = &mut *self.sets;
        let mut count = 0;
        for word in 0..sets.words {
            let mut any = sets.asked(0, word) | sets.asked(1, word) | sets.asked(2, word);
            while any != 0 {
                let fd = word * 64 + any.trailing_zeros() as usize;
                any &= any - 1;
                if fd < sets.nfds {
                    count += sets.look_at(self.files, fd, &mut waiter)?;
                }
            }
        }
        Ok(count)
    }
}

/// Waits until a file of `sets` is ready; answers how many bits are set in what is ready. EBADF: a descriptor is not
/// open; ERESTARTNOHAND: a signal; ENOMEM.
pub fn select(files: &FdTable, sets: &mut Sets, until: Until) -> Result<usize> {
    watch(&mut Selected { files, sets }, until)
}
