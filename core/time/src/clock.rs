//! The clocks of the system.
use crate::{NSEC_PER_SEC, TICK_NS};
use abi::pod::Timespec;
use abi::{Errno, Result, raw};
use core::sync::atomic::{AtomicU64, Ordering};
use hal::clock::{realtime_offset, tai_offset};
use sync::WaitQueue;

/// A clock of clock_gettime(2) that is not a thread's or process's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockId {
    /// Since the epoch; can be set.
    Realtime,
    /// Since boot, never set.
    Monotonic,
    /// As monotonic, by the machine's counter alone: adjtimex(2) does not reach it.
    MonotonicRaw,
    /// Realtime at the last tick.
    RealtimeCoarse,
    /// Monotonic at the last tick.
    MonotonicCoarse,
    /// As monotonic, counting suspended time (there is none).
    Boottime,
    /// International atomic time: realtime plus the offset that adjtimex(2) sets.
    Tai,
}

impl ClockId {
    /// The clock of a number; `None` for a thread's, a process's, a device's or an unknown one.
    #[must_use]
    pub const fn from_raw(id: i32) -> Option<Self> {
        Some(match id as u32 {
            raw::CLOCK_REALTIME | raw::CLOCK_REALTIME_ALARM => Self::Realtime,
            raw::CLOCK_MONOTONIC => Self::Monotonic,
            raw::CLOCK_MONOTONIC_RAW => Self::MonotonicRaw,
            raw::CLOCK_REALTIME_COARSE => Self::RealtimeCoarse,
            raw::CLOCK_MONOTONIC_COARSE => Self::MonotonicCoarse,
            raw::CLOCK_BOOTTIME | raw::CLOCK_BOOTTIME_ALARM => Self::Boottime,
            raw::CLOCK_TAI => Self::Tai,
            _ => return None,
        })
    }

    /// What it shows, in nanoseconds.
    #[inline]
    #[must_use]
    pub fn now_ns(self) -> u64 {
        match self {
            Self::Realtime => realtime_ns(),
            Self::Tai => realtime_ns().wrapping_add(tai_ns()),
            Self::Monotonic | Self::Boottime => monotonic_ns(),
            Self::MonotonicRaw => hal::clock::raw_ns(),
            Self::RealtimeCoarse => coarse(monotonic_ns()) + offset_ns(),
            Self::MonotonicCoarse => coarse(monotonic_ns()),
        }
    }

    /// Its resolution, for clock_getres(2).
    #[must_use]
    pub const fn resolution_ns(self) -> u64 {
        match self {
            Self::RealtimeCoarse | Self::MonotonicCoarse => TICK_NS,
            _ => 1,
        }
    }

    /// A time of this clock as one of the monotonic clock, for timers. A past time gives a past time.
    #[must_use]
    pub fn to_monotonic_ns(self, at_ns: u64) -> u64 {
        match self {
            Self::Realtime | Self::RealtimeCoarse => at_ns.saturating_sub(offset_ns()),
            Self::Tai => at_ns.saturating_sub(offset_ns().wrapping_add(tai_ns())),
            _ => at_ns,
        }
    }

    /// Whether setting the time moves it.
    #[must_use]
    pub const fn is_settable(self) -> bool {
        matches!(self, Self::Realtime | Self::RealtimeCoarse | Self::Tai)
    }
}

/// Counts how often the time was set.
static SETS: AtomicU64 = AtomicU64::new(0);
static WAS_SET: WaitQueue = WaitQueue::new();

/// Nanoseconds since boot.
#[inline]
#[must_use]
pub fn monotonic_ns() -> u64 {
    hal::clock::now_ns()
}
/// Nanoseconds since boot, suspended time included (there is none).
#[inline]
#[must_use]
pub fn boottime_ns() -> u64 {
    monotonic_ns()
}
/// Nanoseconds since the epoch.
#[inline]
#[must_use]
pub fn realtime_ns() -> u64 {
    monotonic_ns().wrapping_add(offset_ns())
}
/// The time of the last tick boundary: what file times are stamped with (`current_time`).
#[inline]
#[must_use]
pub fn realtime_coarse_ns() -> u64 {
    ClockId::RealtimeCoarse.now_ns()
}

const fn coarse(ns: u64) -> u64 {
    ns - ns % TICK_NS
}

/// Realtime minus monotonic; 0 in its place until the first look (nobody boots at the epoch).
#[inline]
#[must_use]
pub fn offset_ns() -> u64 {
    match realtime_offset().load(Ordering::Relaxed) {
        0 => first_offset(),
        offset => offset,
    }
}

#[cold]
fn first_offset() -> u64 {
    let offset = hal::clock::boot_realtime_ns().max(1);
    let place = realtime_offset();
    let _ = place.compare_exchange(0, offset, Ordering::Relaxed, Ordering::Relaxed);
    place.load(Ordering::Relaxed)
}

/// Makes realtime `now_ns`; [`tell_set`] has to follow. `EINVAL`: before the time of boot would be before the epoch.
pub(crate) fn set_offset(now_ns: u64) -> Result<()> {
    let offset = now_ns
        .checked_sub(monotonic_ns())
        .filter(|o| *o != 0)
        .ok_or(Errno::EINVAL)?;
    realtime_offset().store(offset, Ordering::Relaxed);
    Ok(())
}
/// Moves realtime by some seconds; [`tell_set`] has to follow.
pub(crate) fn leap(seconds: i64) {
    let by = seconds * NSEC_PER_SEC as i64;
    realtime_offset().store(offset_ns().wrapping_add_signed(by), Ordering::Relaxed);
}
/// Sets TAI minus UTC, in seconds.
pub(crate) fn set_tai(seconds: i64) {
    let ns = seconds * NSEC_PER_SEC as i64;
    tai_offset().store(ns as u64, Ordering::Relaxed);
}
fn tai_ns() -> u64 {
    tai_offset().load(Ordering::Relaxed)
}
/// Wakes who waits for the time to be set.
pub(crate) fn tell_set() {
    SETS.fetch_add(1, Ordering::Relaxed);
    WAS_SET.wake_all();
}
/// How often the time was set.
pub fn sets() -> u64 {
    SETS.load(Ordering::Relaxed)
}
/// Woken when the time is set: absolute realtime timers look at their deadline anew.
pub fn was_set() -> &'static WaitQueue {
    &WAS_SET
}

/// Nanoseconds as seconds and nanoseconds.
#[must_use]
pub const fn to_timespec(ns: u64) -> Timespec {
    Timespec {
        tv_sec: (ns / NSEC_PER_SEC) as i64,
        tv_nsec: (ns % NSEC_PER_SEC) as i64,
    }
}

/// A time or span that user space gave, in nanoseconds; beyond 584 years it is the far future.
///
/// # Errors
/// `EINVAL`: negative, or nanoseconds out of range.
pub fn from_timespec(ts: &Timespec) -> Result<u64> {
    if ts.tv_sec < 0 || !(0..NSEC_PER_SEC as i64).contains(&ts.tv_nsec) {
        return Err(Errno::EINVAL);
    }
    Ok((ts.tv_sec as u64)
        .saturating_mul(NSEC_PER_SEC)
        .saturating_add(ts.tv_nsec as u64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_agree() {
        let (a, b) = (ClockId::Realtime.now_ns(), ClockId::Monotonic.now_ns());
        assert!(ClockId::Realtime.to_monotonic_ns(a) <= b);
        assert!(ClockId::MonotonicCoarse.now_ns() <= monotonic_ns());
        assert_eq!(ClockId::from_raw(7), Some(ClockId::Boottime));
        assert_eq!(ClockId::from_raw(-6), None);
        set_offset(2_000_000_000 * NSEC_PER_SEC).expect("later than boot");
        assert!(realtime_ns() / NSEC_PER_SEC >= 2_000_000_000);
        assert_eq!(set_offset(0), Err(Errno::EINVAL));
    }

    #[test]
    fn timespecs() {
        let ts = |tv_sec, tv_nsec| Timespec { tv_sec, tv_nsec };
        assert_eq!(from_timespec(&ts(1, 5)), Ok(1_000_000_005));
        assert_eq!(from_timespec(&ts(-1, 5)), Err(Errno::EINVAL));
        assert_eq!(from_timespec(&ts(1, 1_000_000_000)), Err(Errno::EINVAL));
        assert_eq!(from_timespec(&ts(i64::MAX, 5)), Ok(u64::MAX));
        assert_eq!(to_timespec(1_000_000_005), ts(1, 5));
    }
}
