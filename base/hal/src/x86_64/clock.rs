//! The monotonic clock and the one seam through which time enters the kernel (a replay would feed it). It is the
//! time-stamp counter, its rate measured at boot against a timer of known rate; where it can't be measured or trusted,
//! the HPET.

use core::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, fence};

use super::{cpu, registers};

mod calibrate;
mod rtc;
mod source;

pub use calibrate::{SourceCheck, source_check};

/// How the counter's values become nanoseconds.
#[repr(C)]
pub(super) struct Scale {
    /// The counter where it starts to count, and the nanoseconds there: of the clock, and of the clock that nobody steers.
    pub(super) base: AtomicU64,
    pub(super) base_ns: AtomicU64,
    pub(super) raw_ns: AtomicU64,
    /// Nanoseconds per tick, times 2^32, of both.
    pub(super) ns_per_tick: AtomicU64,
    pub(super) raw_per_tick: AtomicU64,
    /// Ticks per nanosecond of the clock, times 2^32.
    pub(super) ticks_per_ns: AtomicU64,
}

impl Scale {
    /// It starts at this value of the counter and these nanoseconds, with the rates of now.
    fn start(&self, ticks: u64, ns: u64, raw_ns: u64) {
        let hz = HZ.load(Relaxed).max(1);
        let (per_tick, raw_per_tick) = (STEERED_SECOND.load(Relaxed) / hz, SECOND / hz);
        let ticks_per_ns = (1u128 << 64) / u128::from(per_tick.max(1));
        self.base.store(ticks, Relaxed);
        self.base_ns.store(ns, Relaxed);
        self.raw_ns.store(raw_ns, Relaxed);
        self.ns_per_tick.store(per_tick, Relaxed);
        self.raw_per_tick.store(raw_per_tick, Relaxed);
        self.ticks_per_ns
            .store(u64::try_from(ticks_per_ns).unwrap_or(u64::MAX), Relaxed);
    }
    /// The clock, and the one that nobody steers, at a value of the counter. A value from just before the scale's start,
    /// read on the way to here or on another CPU, counts as its start.
    #[inline]
    fn at(&self, ticks: u64) -> u64 {
        span(self.ticks_since(ticks), &self.ns_per_tick) + self.base_ns.load(Relaxed)
    }
    #[inline]
    fn raw_at(&self, ticks: u64) -> u64 {
        span(self.ticks_since(ticks), &self.raw_per_tick) + self.raw_ns.load(Relaxed)
    }
    #[inline]
    fn ticks_since(&self, ticks: u64) -> u64 {
        ticks.saturating_sub(self.base.load(Relaxed))
    }
}

#[inline]
fn span(ticks: u64, per_tick: &AtomicU64) -> u64 {
    ((u128::from(ticks) * u128::from(per_tick.load(Relaxed))) >> 32) as u64
}

/// Nanoseconds in a second, times 2^32.
pub const SECOND: u64 = 1_000_000_000 << 32;

/// Nanoseconds from tick to tick: what the coarse clocks show whole numbers of.
pub const TICK_NS: u64 = 4_000_000;

pub(super) const SCALE_COUNT: usize = 4;

/// What the time is read from: a page of its own, which processes may read as well ([`vdso`](super::vdso)).
#[repr(C, align(4096))]
pub(super) struct Shown {
    pub(super) scales: [Scale; SCALE_COUNT],
    /// Twice the number of the scale in use, which is written before it is and not while it is; odd while the next one is
    /// made. The rate is refined a few times in the first seconds, and steered by adjtimex(2).
    pub(super) era: AtomicUsize,
    /// Realtime minus monotonic, and TAI minus realtime, in two's complement.
    pub(super) offset: AtomicU64,
    pub(super) tai: AtomicU64,
    /// The counter isn't the TSC.
    pub(super) fallback: AtomicBool,
}
pub(super) static SHOWN: Shown = Shown {
    scales: [const {
        Scale {
            base: AtomicU64::new(0),
            base_ns: AtomicU64::new(0),
            raw_ns: AtomicU64::new(0),
            ns_per_tick: AtomicU64::new(1 << 32),
            raw_per_tick: AtomicU64::new(1 << 32),
            ticks_per_ns: AtomicU64::new(1 << 32),
        }
    }; SCALE_COUNT],
    era: AtomicUsize::new(0),
    offset: AtomicU64::new(0),
    tai: AtomicU64::new(0),
    fallback: AtomicBool::new(false),
};
/// Realtime minus the monotonic clock in nanoseconds, which `time` keeps; 0 until it does.
#[inline]
#[must_use]
pub fn realtime_offset() -> &'static AtomicU64 {
    &SHOWN.offset
}

/// TAI minus realtime in nanoseconds of two's complement, which `time` keeps.
#[inline]
#[must_use]
pub fn tai_offset() -> &'static AtomicU64 {
    &SHOWN.tai
}

/// The counter's rate.
static HZ: AtomicU64 = AtomicU64::new(1_000_000_000);
/// By how much the clock goes on in a second of the counter, times 2^32.
static STEERED_SECOND: AtomicU64 = AtomicU64::new(SECOND);
/// When the rate is measured again, after boot.
const REFINEMENTS: [u64; 4] = [20_000_000, 200_000_000, 2_000_000_000, 20_000_000_000];
static REFINED: AtomicUsize = AtomicUsize::new(0);
static NEXT_REFINEMENT: AtomicU64 = AtomicU64::new(u64::MAX);

static REALTIME: AtomicU64 = AtomicU64::new(0);

fn scale_of(era: usize) -> &'static Scale {
    &SHOWN.scales[era / 2 % SCALE_COUNT]
}

/// What `look` finds in the scale in use. It reads the counter itself, so that what it saw and the scale belong together.
#[inline]
fn look<R>(look: impl Fn(&Scale) -> R) -> R {
    let era = SHOWN.era.load(Acquire);
    let seen = look(scale_of(era));
    fence(Acquire);
    if SHOWN.era.load(Relaxed) == era && era.is_multiple_of(2) {
        seen
    } else {
        look_again(look)
    }
}

/// The scale is being changed, which takes another CPU a moment; or this CPU, if a non-maskable interrupt came in that
/// moment: then the scale before has to do.
#[cold]
fn look_again<R>(look: impl Fn(&Scale) -> R) -> R {
    for _ in 0..1000 {
        let era = SHOWN.era.load(Acquire);
        let seen = look(scale_of(era));
        fence(Acquire);
        if SHOWN.era.load(Relaxed) == era && era.is_multiple_of(2) {
            return seen;
        }
        cpu::relax();
    }
    look(scale_of(SHOWN.era.load(Acquire)))
}

/// The counter under the clock.
#[inline]
fn counter() -> u64 {
    if SHOWN.fallback.load(Relaxed) {
        return source::fallback_ticks();
    }
    registers::rdtsc()
}

/// Nanoseconds since boot.
#[inline]
#[must_use]
pub fn now_ns() -> u64 {
    look(|scale| scale.at(counter()))
}

/// Nanoseconds since boot by the counter alone, whatever it is steered to.
#[must_use]
pub fn raw_ns() -> u64 {
    look(|scale| scale.raw_at(counter()))
}

/// The TSC value at a time of the clock. The clock's counter is the TSC.
#[inline]
pub(crate) fn ns_to_tsc(ns: u64) -> u64 {
    look(|scale| {
        let ahead = ns.saturating_sub(scale.base_ns.load(Relaxed));
        let ticks = (u128::from(ahead) * u128::from(scale.ticks_per_ns.load(Relaxed))) >> 32;
        scale
            .base
            .load(Relaxed)
            .wrapping_add(u64::try_from(ticks).unwrap_or(u64::MAX / 2))
    })
}

/// Lets the clock go on by `second` (nanoseconds, times 2^32) in each second of the counter from now on: [`SECOND`], or up to
/// half of it more or less. [`super::timer::steer`] is who to call.
pub(super) fn steer(second: u64) {
    let second = second.clamp(SECOND / 2, SECOND / 2 * 3);
    if STEERED_SECOND.load(Relaxed) == second {
        return;
    }
    change(|| STEERED_SECOND.store(second, Relaxed));
}

/// Makes a new scale after `how` has changed what it is made of, and puts it into use. The clock goes on from where it is.
fn change(how: impl FnOnce()) {
    let saved = super::irq::disable();
    let old = claim();
    how();
    let now = counter();
    let before = scale_of(old);
    scale_of(old + 2).start(now, before.at(now), before.raw_at(now));
    SHOWN.era.store(old + 2, Release);
    super::irq::restore(saved);
}

/// Waits for whoever changes the scale, and keeps others from it: the number of the era that ends.
fn claim() -> usize {
    loop {
        let era = SHOWN.era.load(Relaxed) & !1;
        let claimed = SHOWN
            .era
            .compare_exchange_weak(era, era + 1, Acquire, Relaxed);
        if claimed.is_ok() {
            // What follows is not to be seen before the odd number is.
            fence(SeqCst);
            return era;
        }
        cpu::relax();
    }
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
        cpu::TSC_HZ.store(hz, Relaxed);
        change(|| HZ.store(hz, Relaxed));
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
    if SHOWN.fallback.load(Relaxed) {
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
    cpu::TSC_HZ.store(rates.tsc_hz, Relaxed);
    let fallback = if rates.tsc_usable {
        None
    } else {
        source::start_fallback()
    };
    let (base, hz) = fallback.unwrap_or((start, rates.tsc_hz));
    SHOWN.fallback.store(fallback.is_some(), Relaxed);
    HZ.store(hz, Relaxed);
    scale_of(0).start(base, 0, 0);
    if rates.refinable && fallback.is_none() {
        NEXT_REFINEMENT.store(REFINEMENTS[0], Relaxed);
    }
    let wall_ns = rtc::read().map_or(0, |seconds| seconds * 1_000_000_000);
    REALTIME.store(wall_ns.saturating_sub(now_ns()), Relaxed);
    rates.apic_hz
}
