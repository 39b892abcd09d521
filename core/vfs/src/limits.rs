//! How many events may wait in a queue of inotify(7) or fanotify(7). How much of these a user may have, its user namespace
//! says (`cred`).
use core::sync::atomic::{AtomicU64, Ordering};

/// A limit, as /proc/sys/fs/inotify or /proc/sys/fs/fanotify has it.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    QueuedEvents,
    GroupEvents,
}

static LIMITS: [AtomicU64; 2] = [const { AtomicU64::new(16384) }; 2];

impl Limit {
    /// Its value.
    pub fn get(self) -> u64 {
        LIMITS[self as usize].load(Ordering::Relaxed)
    }
    /// Sets it.
    pub fn set(self, value: u64) {
        LIMITS[self as usize].store(value, Ordering::Relaxed);
    }
}
