//! Which process waits for which to give a record lock back, so that a circle is seen before it closes.
//!
//! A wait is noted while the list of the lock that is in the way is locked, and forgotten when a lock of that list goes,
//! still under it: who was woken and has not run yet waits for nobody.
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static WAITING: LockClass = LockClass::new("vfs.lock_waits", rank::FILE_LOCK_WAITS);
static WAITS: SpinLock<Vec<Wait>> = SpinLock::new(&WAITING, Vec::new());

struct Wait {
    waiter: u64,
    holder: u64,
    /// Names the list of locks.
    list: usize,
}

/// Notes that `waiter` waits for a lock of `holder` in `list`. EDEADLK: that one waits, directly or over others, for the
/// waiter. ENOLCK.
pub(crate) fn note(waiter: u64, holder: u64, list: usize) -> Result<()> {
    let mut all = WAITS.lock();
    let mut at = holder;
    // As many steps as there are waiters lead round any circle.
    for _ in 0..=all.len() {
        if at == waiter {
            return Err(Errno::EDEADLK);
        }
        match all.iter().find(|wait| wait.waiter == at) {
            Some(wait) => at = wait.holder,
            None => break,
        }
    }
    let wait = Wait {
        waiter,
        holder,
        list,
    };
    all.try_push(wait).map_err(|_| Errno::ENOLCK)
}

/// Forgets all waits in `list`.
pub(crate) fn forget_all(list: usize) {
    WAITS.lock().retain(|wait| wait.list != list);
}

/// Forgets one wait of `waiter` in `list`.
pub(crate) fn forget(waiter: u64, list: usize) {
    let mut all = WAITS.lock();
    let which = |wait: &Wait| wait.waiter == waiter && wait.list == list;
    if let Some(at) = all.iter().position(which) {
        all.swap_remove(at);
    }
}
