//! Who calls, and when.

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    time::clock::realtime_coarse_ns() / 1_000_000_000
}

/// The process that runs.
pub(crate) fn caller() -> i32 {
    task::current().map_or(0, |task| task.process().nr())
}
