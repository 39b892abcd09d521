//! Limits on how many processes a user has (`RLIMIT_NPROC`).
use crate::cx::Cx;
pub use crate::user::{QueueBytes, User};
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use cred::{Kuid, Resource, cap};

/// Most threads at once, whatever memory there is; some numbers stay free for root.
const MOST_THREADS: u32 = pid::PID_MAX - 512;
/// 0: not set, so as many as memory allows.
static MAX_THREADS: AtomicU32 = AtomicU32::new(0);

/// How many threads there may be (`kernel.threads-max`): at first as many as have half the memory as stacks of four pages.
pub fn max_threads() -> u32 {
    match MAX_THREADS.load(Relaxed) {
        0 => {
            let by_memory = u32::try_from(kmem::frame::stats().total / 8).unwrap_or(u32::MAX);
            let max = by_memory.min(MOST_THREADS);
            MAX_THREADS.store(max, Relaxed);
            max
        }
        max => max,
    }
}

/// Sets it. `EINVAL`: fewer than 20, or more than there are numbers.
pub fn set_max_threads(max: i64) -> Result<()> {
    match u32::try_from(max) {
        Ok(max @ 20..=MOST_THREADS) => {
            MAX_THREADS.store(max, Relaxed);
            Ok(())
        }
        _ => Err(Errno::EINVAL),
    }
}

/// Whether a task that changed its user may exec. `EAGAIN`: that user had more processes than `RLIMIT_NPROC` allows, and
/// still has.
pub fn check_nproc_at_exec(cx: &mut Cx) -> Result<()> {
    if cx.over_nproc && cx.is_over_nproc() {
        return Err(Errno::EAGAIN);
    }
    cx.over_nproc = false;
    Ok(())
}

/// Whether one more thread may be made. `EAGAIN`: there are as many as may be, or `RLIMIT_NPROC` is reached and the task
/// has no privilege.
pub(crate) fn check_nproc(cx: &Cx) -> Result<()> {
    if pid::INIT_NS.in_use() >= max_threads() {
        return Err(Errno::EAGAIN);
    }
    let limit = cx.process().limits().cur(Resource::Nproc);
    if u64::from(cx.user.processes()) < limit
        || cx.user.uid == Kuid::ROOT
        || cx.cred.capable(cap::SYS_RESOURCE)
        || cx.cred.capable(cap::SYS_ADMIN)
    {
        Ok(())
    } else {
        Err(Errno::EAGAIN)
    }
}
