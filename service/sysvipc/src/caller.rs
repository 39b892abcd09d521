//! Who calls, and when.
use alloc::sync::Arc;
use pid::Pid;

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    time::clock::realtime_coarse_ns() / 1_000_000_000
}

/// The process that runs; none while the kernel works by itself.
pub(crate) fn caller() -> Option<Arc<Pid>> {
    task::current().map(|task| task.process().pid().clone())
}
