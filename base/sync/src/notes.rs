//! What a thread has been noted to do ([`crate::cost`]): sums that it alone writes.
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// What one thread has done since its birth; it alone writes.
#[derive(Default)]
pub(crate) struct Notes {
    pub(crate) parked_ns: AtomicU64,
    pub(crate) locked_ns: AtomicU64,
    pub(crate) copied_in: AtomicU64,
    pub(crate) copied_out: AtomicU64,
    pub(crate) copied_inside: AtomicU64,
    pub(crate) referenced: AtomicU64,
    pub(crate) passed: AtomicU64,
}

/// The same as numbers.
#[derive(Clone, Copy, Default)]
pub struct Noted {
    /// Nanoseconds without the CPU, for want of a lock or of anything else.
    pub parked_ns: u64,
    /// Of these, those for a lock of the kernel's own.
    pub locked_ns: u64,
    /// Bytes copied from user memory.
    pub copied_in: u64,
    /// Bytes copied to user memory.
    pub copied_out: u64,
    /// Bytes copied from one place of the kernel to another.
    pub copied_inside: u64,
    /// Bytes that changed hands, or came to be seen by one more, without a copy.
    pub referenced: u64,
    /// Descriptors passed on.
    pub passed: u64,
}

impl Noted {
    /// What came since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> Self {
        Self {
            parked_ns: self.parked_ns - before.parked_ns,
            locked_ns: self.locked_ns - before.locked_ns,
            copied_in: self.copied_in - before.copied_in,
            copied_out: self.copied_out - before.copied_out,
            copied_inside: self.copied_inside - before.copied_inside,
            referenced: self.referenced - before.referenced,
            passed: self.passed - before.passed,
        }
    }
}

impl Notes {
    /// As numbers.
    pub(crate) fn get(&self) -> Noted {
        Noted {
            parked_ns: self.parked_ns.load(Relaxed),
            locked_ns: self.locked_ns.load(Relaxed),
            copied_in: self.copied_in.load(Relaxed),
            copied_out: self.copied_out.load(Relaxed),
            copied_inside: self.copied_inside.load(Relaxed),
            referenced: self.referenced.load(Relaxed),
            passed: self.passed.load(Relaxed),
        }
    }
}

/// Adds to one of the running thread's sums.
pub(crate) fn add(sum: &AtomicU64, more: u64) {
    sum.store(sum.load(Relaxed) + more, Relaxed);
}
