//! Counters of what is read and written. Only the task that has them counts, so that counting is two additions without a
//! lock; others read.
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One direction.
#[derive(Default)]
struct Way {
    bytes: AtomicU64,
    calls: AtomicU64,
}

/// The counters of a task.
#[derive(Default)]
pub struct IoCounters {
    read: Way,
    written: Way,
}

/// Sums of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IoSums {
    /// Bytes that calls have read.
    pub read: u64,
    /// Bytes that calls have written.
    pub written: u64,
    /// Calls that read.
    pub reads: u64,
    /// Calls that write.
    pub writes: u64,
}

impl IoSums {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.read += other.read;
        self.written += other.written;
        self.reads += other.reads;
        self.writes += other.writes;
    }
}

/// Adds to a counter that nobody else changes.
#[inline(always)]
fn add(counter: &AtomicU64, n: u64) {
    counter.store(counter.load(Relaxed) + n, Relaxed);
}

impl Way {
    #[inline(always)]
    fn note(&self, result: Result<usize>) {
        match result {
            Ok(n) => self.add(n),
            Err(error) => self.note_failed(error),
        }
    }

    #[inline(always)]
    fn add(&self, bytes: usize) {
        add(&self.bytes, bytes as u64);
        add(&self.calls, 1);
    }

    /// A call that could not begin is none.
    #[cold]
    fn note_failed(&self, error: Errno) {
        if !matches!(error, Errno::EBADF | Errno::ESPIPE) {
            self.add(0);
        }
    }
}

impl IoCounters {
    /// What came of a call that reads; for its own task, as the others.
    #[inline(always)]
    pub fn note_read(&self, result: Result<usize>) {
        self.read.note(result);
    }

    /// What came of a call that writes.
    #[inline(always)]
    pub fn note_write(&self, result: Result<usize>) {
        self.written.note(result);
    }

    /// What came of one that reads several segments, or copies: it counts whatever came of it, as in Linux.
    pub fn note_segments_read(&self, result: Result<usize>) {
        self.read.add(result.unwrap_or(0));
    }

    /// The same of one that writes, or copies.
    pub fn note_segments_written(&self, result: Result<usize>) {
        self.written.add(result.unwrap_or(0));
    }

    pub(crate) fn get(&self) -> IoSums {
        IoSums {
            read: self.read.bytes.load(Relaxed),
            written: self.written.bytes.load(Relaxed),
            reads: self.read.calls.load(Relaxed),
            writes: self.written.calls.load(Relaxed),
        }
    }
}
