//! The one place where file times come from.

/// Nanoseconds since the epoch, as of the last tick: what Linux stamps files with.
#[inline]
pub(crate) fn realtime_ns() -> u64 {
    time::clock::realtime_coarse_ns()
}
