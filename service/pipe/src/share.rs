//! How many pages the pipes of one user may have together (pipe(7), "/proc files").
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A limit on the pages of a user; 0: none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// More than this, and new pipes are of two pages, and none grows.
    Soft,
    /// More than this, and there are no new pipes.
    Hard,
}

static LIMITS: [AtomicU64; 2] = [AtomicU64::new(16384), AtomicU64::new(0)];

impl Share {
    /// Its value.
    pub fn get(self) -> u64 {
        LIMITS[self as usize].load(Relaxed)
    }
    /// Sets it.
    pub fn set(self, pages: u64) {
        LIMITS[self as usize].store(pages, Relaxed);
    }
    /// Whether so many pages are too many.
    pub(crate) fn is_exceeded(self, pages: u64) -> bool {
        let limit = self.get();
        limit != 0 && pages > limit
    }
}
