//! How many requests of asynchronous I/O all contexts together may have (`/proc/sys/fs/aio-max-nr`).
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU64, Ordering};

static MOST: AtomicU64 = AtomicU64::new(0x1_0000);
static NOW: AtomicU64 = AtomicU64::new(0);

/// How many there may be.
pub fn most() -> u64 {
    MOST.load(Ordering::Relaxed)
}

/// Sets it; what there is stays.
pub fn set_most(most: u64) {
    MOST.store(most, Ordering::Relaxed);
}

/// How many there are (`/proc/sys/fs/aio-nr`).
pub fn taken() -> u64 {
    NOW.load(Ordering::Relaxed)
}

/// Takes some for a context. EAGAIN: there would be too many.
pub fn take(count: u32) -> Result<()> {
    let more = |now: u64| {
        now.checked_add(u64::from(count))
            .filter(|sum| *sum <= most())
    };
    NOW.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more)
        .map(drop)
        .map_err(|_| Errno::EAGAIN)
}

/// Gives them back.
pub fn give_back(count: u32) {
    NOW.fetch_sub(u64::from(count), Ordering::Relaxed);
}
