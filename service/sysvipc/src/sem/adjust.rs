//! What one process (or threads that share it) has to undo of a set. Changed under the set's lock.
use abi::Result;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicI16, Ordering::Relaxed};
use kmem::TryVec;

/// A number to add to each semaphore at the end.
pub(crate) struct Undo {
    changes: Vec<AtomicI16>,
}

impl Undo {
    /// Nothing yet, for so many semaphores. `ENOMEM`.
    pub(crate) fn new(count: usize) -> Result<Self> {
        let changes = Vec::try_collect_from((0..count).map(|_| AtomicI16::new(0)))?;
        Ok(Self { changes })
    }

    /// Adds to what is to be added; false and unchanged if that becomes too much.
    pub(crate) fn add(&self, num: usize, change: i32) -> bool {
        let word = &self.changes[num];
        let sum = i32::from(word.load(Relaxed)) + change;
        let fits = i16::try_from(sum);
        if let Ok(sum) = fits {
            word.store(sum, Relaxed);
        }
        fits.is_ok()
    }

    pub(crate) fn get(&self, num: usize) -> i32 {
        self.changes[num].load(Relaxed).into()
    }

    /// The value was set: nothing of before is undone.
    pub(crate) fn forget(&self, num: usize) {
        self.changes[num].store(0, Relaxed);
    }
}
