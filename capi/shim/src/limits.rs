//! How long calls into modules may take.
use core::sync::atomic::{AtomicU64, Ordering};
use time::NSEC_PER_SEC;

/// How long a call may keep interrupts or preemption off, and run without sleeping; 0: for ever.
pub(crate) static OFF_NS: AtomicU64 = AtomicU64::new(NSEC_PER_SEC);
/// The second.
pub(crate) static RUN_NS: AtomicU64 = AtomicU64::new(10 * NSEC_PER_SEC);

/// See [`OFF_NS`].
pub(crate) fn off_limit_ns() -> u64 {
    OFF_NS.load(Ordering::Relaxed)
}

/// See [`RUN_NS`].
pub(crate) fn run_limit_ns() -> u64 {
    RUN_NS.load(Ordering::Relaxed)
}
