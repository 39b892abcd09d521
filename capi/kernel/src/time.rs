//! Sleeping and the clock.
use crate::bindings::{ktime_get, msleep};
use core::time::Duration;

/// Sleeps at least so long, in whole milliseconds (at most seven weeks).
pub fn sleep(time: Duration) {
    let milliseconds = time.as_nanos().div_ceil(1_000_000);
    let milliseconds = u32::try_from(milliseconds).unwrap_or(u32::MAX);
    // SAFETY: who may not sleep is told so by the kernel.
    unsafe { msleep(milliseconds) };
}

/// A moment by the clock that only goes forward.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instant(i64);

impl Instant {
    /// This moment.
    #[must_use]
    pub fn now() -> Self {
        // SAFETY: a plain call.
        Self(unsafe { ktime_get() })
    }

    /// How long ago it was.
    #[must_use]
    pub fn elapsed(self) -> Duration {
        let nanoseconds = Self::now().0.saturating_sub(self.0);
        Duration::from_nanos(nanoseconds.try_into().unwrap_or(0))
    }
}
