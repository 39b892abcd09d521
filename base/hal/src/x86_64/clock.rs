//! The monotonic clock and the one seam through which time enters the kernel (a replay would feed it). It is the
//! time-stamp counter, its rate measured at boot against a timer of known rate; where it can't be measured or trusted,
//! the HPET.

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::{cpu, registers};

mod calibrate;
mod rtc;
mod source;

pub use calibrate::{SourceCheck, source_check};

/// Nanoseconds per TSC tick, times 2^32.
static NS_PER_TICK: AtomicU64 = AtomicU64::new(1 << 32);
/// The TSC at nanosecond 0.
static BASE: AtomicU64 = AtomicU64::new(0);
static REALTIME: AtomicU64 = AtomicU64::new(0);
/// The TSC isn't used.
static FALLBACK: AtomicBool = AtomicBool::new(false);

/// Nanoseconds since boot.
#[inline]
#[must_use]
pub fn now_ns() -> u64 {
    if FALLBACK.load(Relaxed) {
        return source::fallback_ns();
    }
    tsc_to_ns(registers::rdtsc())
}

/// The monotonic time at a TSC value.
#[inline]
#[must_use]
pub fn tsc_to_ns(tsc: u64) -> u64 {
    let ticks = tsc.wrapping_sub(BASE.load(Relaxed));
    ((u128::from(ticks) * u128::from(NS_PER_TICK.load(Relaxed))) >> 32) as u64
}

/// The TSC value at a monotonic time.
#[inline]
pub(crate) fn ns_to_tsc(ns: u64) -> u64 {
    let ticks = (u128::from(ns) * u128::from(cpu::TSC_HZ.load(Relaxed))) / 1_000_000_000;
    BASE.load(Relaxed)
        .wrapping_add(u64::try_from(ticks).unwrap_or(u64::MAX / 2))
}

/// What a reader of the clock in user space (vDSO) needs: the TSC at 0, and nanoseconds per tick times 2^32. `None` when
/// the clock isn't the TSC.
#[must_use]
pub fn tsc_parameters() -> Option<(u64, u64)> {
    (!FALLBACK.load(Relaxed)).then(|| (BASE.load(Relaxed), NS_PER_TICK.load(Relaxed)))
}

/// Nanoseconds since the epoch at which [`now_ns`] was 0, from the battery-backed clock; 0 without one.
#[must_use]
pub fn boot_realtime_ns() -> u64 {
    REALTIME.load(Relaxed)
}

/// The clock's name, as in Linux' clocksource.
#[must_use]
pub fn source_name() -> &'static str {
    if FALLBACK.load(Relaxed) {
        "hpet"
    } else {
        "tsc"
    }
}

/// Measures the counters and starts the clock at 0.
pub(crate) fn init() {
    let start = registers::rdtsc();
    let rates = calibrate::measure();
    cpu::TSC_HZ.store(rates.tsc_hz, Relaxed);
    super::timer::set_rate(rates.apic_hz);
    let ns_per_tick = (1_000_000_000u128 << 32) / u128::from(rates.tsc_hz.max(1));
    NS_PER_TICK.store(ns_per_tick as u64, Relaxed);
    BASE.store(start, Relaxed);
    if !rates.tsc_usable && source::start_fallback() {
        FALLBACK.store(true, Relaxed);
    }
    let wall_ns = rtc::read().map_or(0, |seconds| seconds * 1_000_000_000);
    REALTIME.store(wall_ns.saturating_sub(now_ns()), Relaxed);
}
