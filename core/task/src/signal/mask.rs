//! The mask of blocked signals.
use crate::objects::{SigShared, Task};
use crate::signal::send;
use crate::task::work;
use abi::{Errno, Result};
use core::sync::atomic::Ordering::Relaxed;
use pid::SigSet;

/// Sets the signal mask of `task`, the calling one; answers the one before. SIGKILL and SIGSTOP stay unblocked.
pub fn set_blocked(task: &Task, mask: SigSet) -> SigSet {
    let mask = mask.minus(SigSet::UNBLOCKABLE);
    let old = task.blocked();
    if mask == old && !task.has_signal() {
        return old;
    }
    if old.minus(mask).is_empty() && task.process().live.load(Relaxed) == 1 {
        // Blocking more, alone: nothing becomes deliverable and nobody else could take what is blocked now. A flag that
        // is set for a signal just blocked costs one look.
        task.blocked.store(mask.0, Relaxed);
        return old;
    }
    let shared = task.process().sig.lock_irq();
    let more = mask.minus(old);
    task.blocked.store(mask.0, Relaxed);
    if shared.threads.len() > 1 && !more.and(shared.pending.set()).is_empty() {
        send::retarget(&shared, task, more);
    }
    recalculate(&shared, task);
    old
}

/// Whether there is anything for a thread to look at.
fn something(shared: &SigShared, task: &Task) -> bool {
    let pending = shared.pending.set().or(task.pending_set());
    !pending.minus(task.blocked()).is_empty()
        || task.stopping.load(Relaxed)
        || shared.group_exit.is_some()
        || shared.exec_by.is_some()
        || shared.stop.tell_parent.is_some()
        || task.has_trap()
}

/// Sets [`work::SIGNAL`] of a thread if there is something for it. It is never cleared here: the thread may be on its way
/// out of a call that it interrupted, which has to be made again.
pub(crate) fn raise(shared: &SigShared, task: &Task) {
    if something(shared, task) {
        task.add_work(work::SIGNAL);
    }
}

/// Sets [`work::SIGNAL`] of the calling thread by what there is for it.
pub(crate) fn recalculate(shared: &SigShared, task: &Task) {
    if something(shared, task) {
        task.add_work(work::SIGNAL);
    } else if task.work() & (work::SIGNAL | work::KILLED) != 0 {
        task.clear_work(work::SIGNAL | work::KILLED);
    }
}

/// A signal mask from the address and size that a call was given; none for a null address.
///
/// # Errors
/// `EINVAL`: the size is not 8. `EFAULT`.
pub fn mask_of(addr: usize, size: usize) -> Result<Option<SigSet>> {
    if addr == 0 {
        return Ok(None);
    }
    if size != 8 {
        return Err(Errno::EINVAL);
    }
    kmem::user::read::<u64>(hal::addr::UserAddr(addr)).map(|bits| Some(SigSet(bits)))
}
