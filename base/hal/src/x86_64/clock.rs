//! The monotonic clock and the one seam through which time enters the kernel (a replay would feed it). It is the
//! time-stamp counter, its rate measured at boot against a timer of known rate; where it can't be measured or trusted,
//! the HPET.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, AtomicUsize};

use super::{cpu, registers};

mod calibrate;
mod rtc;
mod source;

pub use calibrate::{SourceCheck, source_check};

/// How TSC values become nanoseconds.
struct Scale {
    /// The TSC and the nanosecond where it starts to count.
    base_tsc: AtomicU64,
    base_ns: AtomicU64,
    /// Nanoseconds per tick, times 2^32.
    ns_per_tick: AtomicU64,
}

/// Each is written before it is in use and never after: the rate is refined a few times in the first seconds, as the
/// comparison with the other timer gets longer.
static SCALES: [Scale; REFINEMENTS.len() + 1] = [const {
    Scale {
        base_tsc: AtomicU64::new(0),
        base_ns: AtomicU64::new(0),
        ns_per_tick: AtomicU64::new(1 << 32),
    }
}; REFINEMENTS.len() + 1];
static SCALE: AtomicPtr<Scale> = AtomicPtr::new((&raw const SCALES).cast_mut().cast());
/// When the rate is measured again, after boot.
const REFINEMENTS: [u64; 4] = [20_000_000, 200_000_000, 2_000_000_000, 20_000_000_000];
static REFINED: AtomicUsize = AtomicUsize::new(0);
static NEXT_REFINEMENT: AtomicU64 = AtomicU64::new(u64::MAX);

static REALTIME: AtomicU64 = AtomicU64::new(0);
/// The TSC isn't used.
static FALLBACK: AtomicBool = AtomicBool::new(false);

#[inline]
fn scale() -> &'static Scale {
    // SAFETY: always one of `SCALES`.
    unsafe { &*SCALE.load(Acquire) }
}

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
    let scale = scale();
    // A value from just before the scale's start, read on the way to here or on another CPU, counts as its start.
    let ticks = tsc.saturating_sub(scale.base_tsc.load(Relaxed));
    let ns = (u128::from(ticks) * u128::from(scale.ns_per_tick.load(Relaxed))) >> 32;
    scale.base_ns.load(Relaxed) + ns as u64
}

/// The TSC value at a monotonic time.
#[inline]
pub(crate) fn ns_to_tsc(ns: u64) -> u64 {
    let scale = scale();
    let ahead = ns.saturating_sub(scale.base_ns.load(Relaxed));
    let ticks = u128::from(ahead) * u128::from(cpu::TSC_HZ.load(Relaxed)) / 1_000_000_000;
    scale
        .base_tsc
        .load(Relaxed)
        .wrapping_add(u64::try_from(ticks).unwrap_or(u64::MAX / 2))
}

/// How a reader in user space (vDSO) computes the clock: `base_ns + ((tsc - base_tsc) * ns_per_tick >> 32)`. Changes a
/// few times in the first 20 seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TscParameters {
    /// The TSC where this scale starts.
    pub base_tsc: u64,
    /// The monotonic time there.
    pub base_ns: u64,
    /// Nanoseconds per tick, times 2^32.
    pub ns_per_tick: u64,
}

/// The clock's present scale; `None` when the clock isn't the TSC.
#[must_use]
pub fn tsc_parameters() -> Option<TscParameters> {
    let scale = scale();
    (!FALLBACK.load(Relaxed)).then(|| TscParameters {
        base_tsc: scale.base_tsc.load(Relaxed),
        base_ns: scale.base_ns.load(Relaxed),
        ns_per_tick: scale.ns_per_tick.load(Relaxed),
    })
}

/// Puts another rate into use from now on; the clock goes on from where it is.
fn set_rate(index: usize, base_tsc: u64, base_ns: u64, hz: u64) {
    let next = &SCALES[index];
    next.base_tsc.store(base_tsc, Relaxed);
    next.base_ns.store(base_ns, Relaxed);
    next.ns_per_tick.store(
        ((1_000_000_000u128 << 32) / u128::from(hz.max(1))) as u64,
        Relaxed,
    );
    cpu::TSC_HZ.store(hz, Relaxed);
    SCALE.store(core::ptr::from_ref(next).cast_mut(), Release);
}

/// From the timer's interrupt: measures the rate again when it is time to.
#[inline]
pub(crate) fn maybe_refine() {
    let due = NEXT_REFINEMENT.load(Relaxed);
    if due != u64::MAX && now_ns() >= due {
        refine();
    }
}

#[cold]
fn refine() {
    let due = NEXT_REFINEMENT.swap(u64::MAX, Relaxed);
    let index = REFINED.load(Relaxed);
    if due == u64::MAX || index >= REFINEMENTS.len() {
        return; // another CPU is at it
    }
    if let Some(hz) = calibrate::measure_again() {
        let tsc = registers::rdtsc();
        set_rate(index + 1, tsc, tsc_to_ns(tsc), hz);
        REFINED.store(index + 1, Relaxed);
        NEXT_REFINEMENT.store(
            REFINEMENTS.get(index + 1).copied().unwrap_or(u64::MAX),
            Relaxed,
        );
    }
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

/// Measures the counters and starts the clock at 0. Gives the rate of the local APIC's timer; `None` when it is to
/// compare with the TSC.
pub(crate) fn init() -> Option<u64> {
    let start = registers::rdtsc();
    let rates = calibrate::measure();
    set_rate(0, start, 0, rates.tsc_hz);
    if rates.refinable {
        NEXT_REFINEMENT.store(REFINEMENTS[0], Relaxed);
    }
    if !rates.tsc_usable && source::start_fallback() {
        FALLBACK.store(true, Relaxed);
    }
    let wall_ns = rtc::read().map_or(0, |seconds| seconds * 1_000_000_000);
    REALTIME.store(wall_ns.saturating_sub(now_ns()), Relaxed);
    rates.apic_hz
}
