//! The one place where file times come from.

/// Nanoseconds since the epoch.
pub(crate) fn realtime_ns() -> u64 {
    hal::clock::boot_realtime_ns() + hal::clock::now_ns()
}
