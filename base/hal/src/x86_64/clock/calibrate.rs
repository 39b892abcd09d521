//! How fast the TSC and the local APIC's timer count.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::source::Source;
use crate::x86_64::{apic, cpu, registers};

/// How long the counters are compared.
const WINDOW_NS: u64 = 200_000;
/// A rate for when nothing at all is known.
const GUESS_HZ: u64 = 1_000_000_000;

pub(super) struct Rates {
    pub(super) tsc_hz: u64,
    /// `None`: the timer is in TSC-deadline mode.
    pub(super) apic_hz: Option<u64>,
    pub(super) tsc_usable: bool,
    /// There is another timer to compare with for longer.
    pub(super) refinable: bool,
}

/// A moment on three clocks.
#[derive(Clone, Copy)]
struct Moment {
    tsc: u64,
    reference: u64,
    apic: u64,
}

/// How often a moment is tried. The first readings of a device under an emulator or hypervisor take many times as long.
const TRIES: usize = 16;

/// Reads the clocks close together: the best of a few tries, since a reading may be held up anywhere.
fn moment(source: Option<Source>) -> Moment {
    let mut best = Moment {
        tsc: 0,
        reference: 0,
        apic: 0,
    };
    let mut best_gap = u64::MAX;
    for _ in 0..TRIES {
        let before = registers::rdtsc();
        let reference = source.map_or(0, Source::read);
        let apic = u64::from(u32::MAX - apic::read_count());
        let after = registers::rdtsc();
        if after - before < best_gap {
            best_gap = after - before;
            best = Moment {
                tsc: before + (after - before) / 2,
                reference,
                apic,
            };
        }
    }
    best
}

fn scale(value: u64, by: u64, over: u64) -> u64 {
    (u128::from(value) * u128::from(by) / u128::from(over.max(1))) as u64
}

/// Measures both counters in one window.
pub(super) fn measure() -> Rates {
    apic::start_free_running();
    let known = tsc_hz_from_cpuid();
    let source = if known.is_some() {
        None
    } else {
        Source::find()
    };
    let start = moment(source);
    wait(start, source, known.unwrap_or(GUESS_HZ));
    let end = moment(source);
    let tsc_ticks = end.tsc - start.tsc;
    let tsc_hz = match (known, source) {
        (Some(hz), _) => hz,
        (None, Some(source)) => {
            let ticks = end.reference.wrapping_sub(start.reference) & source.mask();
            scale(tsc_ticks, source.hz(), ticks)
        }
        // Nothing to measure with: the local APIC's timer of every hypervisor that leaves out all else runs at 1 GHz.
        (None, None) => scale(tsc_ticks, GUESS_HZ, end.apic - start.apic),
    };
    let usable = tsc_ticks != 0 && tsc_hz != 0;
    let tsc_hz = if usable { tsc_hz } else { GUESS_HZ };
    let refinable = source.is_some_and(|source| remember(source, start));
    let apic_hz = if Source::local_apic().is_some() {
        Source::LocalApic.hz()
    } else {
        scale(end.apic - start.apic, tsc_hz, tsc_ticks)
    };
    let deadline = cpu::features().tsc_deadline && usable;
    Rates {
        tsc_hz,
        apic_hz: (!deadline).then_some(apic_hz.max(1)),
        tsc_usable: usable,
        refinable,
    }
}

fn wait(start: Moment, source: Option<Source>, tsc_hz: u64) {
    match source {
        Some(source) => {
            let ticks = scale(WINDOW_NS, source.hz(), 1_000_000_000);
            while source.read().wrapping_sub(start.reference) & source.mask() < ticks {
                core::hint::spin_loop();
            }
        }
        None => {
            let ticks = scale(WINDOW_NS, tsc_hz, 1_000_000_000);
            while registers::rdtsc() - start.tsc < ticks {
                core::hint::spin_loop();
            }
        }
    }
}

/// The TSC's rate where the CPU or the hypervisor says it.
fn tsc_hz_from_cpuid() -> Option<u64> {
    if cpu::features().hypervisor && cpu::cpuid(0x4000_0000, 0).eax >= 0x4000_0010 {
        let khz = cpu::cpuid(0x4000_0010, 0).eax;
        if khz != 0 {
            return Some(u64::from(khz) * 1000);
        }
    }
    if cpu::cpuid(0, 0).eax < 0x15 {
        return None;
    }
    let leaf = cpu::cpuid(0x15, 0);
    let (denominator, numerator, crystal) = (
        u64::from(leaf.eax),
        u64::from(leaf.ebx),
        u64::from(leaf.ecx),
    );
    (denominator != 0 && numerator != 0 && crystal != 0).then(|| crystal * numerator / denominator)
}

/// What later comparisons go back to.
static CHECK_TSC: AtomicU64 = AtomicU64::new(0);
static CHECK_REFERENCE: AtomicU64 = AtomicU64::new(0);

/// Whether a timer goes on while the kernel runs and can be compared with any time.
const fn lasts(source: Source) -> bool {
    matches!(source, Source::Hpet { .. } | Source::PmTimer { .. })
}

fn remember(source: Source, start: Moment) -> bool {
    CHECK_TSC.store(start.tsc, Relaxed);
    CHECK_REFERENCE.store(start.reference, Relaxed);
    lasts(source)
}

/// TSC ticks since boot, and nanoseconds since then by the other timer.
fn since_boot(source: Source) -> (u64, u64) {
    let now = moment(Some(source));
    let tsc_ticks = now.tsc.saturating_sub(CHECK_TSC.load(Relaxed));
    let clock_ns = scale(tsc_ticks, 1_000_000_000, cpu::TSC_HZ.load(Relaxed));
    let ticks = now.reference.wrapping_sub(CHECK_REFERENCE.load(Relaxed)) & source.mask();
    let mut reference_ns = scale(ticks, 1_000_000_000, source.hz());
    if source.mask() != u64::MAX {
        // A narrow counter has wrapped a number of times that the clock itself tells.
        let period_ns = scale(source.mask() + 1, 1_000_000_000, source.hz());
        let wraps = (clock_ns.saturating_sub(reference_ns) + period_ns / 2) / period_ns.max(1);
        reference_ns += wraps * period_ns;
    }
    (tsc_ticks, reference_ns)
}

/// The TSC's rate over the time since boot.
pub(super) fn measure_again() -> Option<u64> {
    let source = Source::find().filter(|source| lasts(*source))?;
    let (tsc_ticks, reference_ns) = since_boot(source);
    let hz = scale(tsc_ticks, 1_000_000_000, reference_ns);
    // More than 5 % off the first measurement is no refinement: something jumped.
    let old = cpu::TSC_HZ.load(Relaxed);
    (hz.abs_diff(old) < old / 20).then_some(hz)
}

/// How the clock compares with the timer it was measured against.
#[derive(Clone, Copy, Debug)]
pub struct SourceCheck {
    /// The other timer's name.
    pub reference: &'static str,
    /// Nanoseconds compared, by the clock.
    pub interval_ns: u64,
    /// The clock's time minus the other's, in parts per million of the interval.
    pub deviation_ppm: i64,
}

/// Compares the clock's rate with that of the HPET or the power management timer, over the time since boot. `None` when there is
/// neither.
#[must_use]
pub fn source_check() -> Option<SourceCheck> {
    let source = Source::find().filter(|source| lasts(*source))?;
    let (tsc_ticks, reference_ns) = since_boot(source);
    let clock_ns = scale(tsc_ticks, 1_000_000_000, cpu::TSC_HZ.load(Relaxed));
    let difference = i128::from(clock_ns) - i128::from(reference_ns);
    let deviation_ppm = (difference * 1_000_000 / i128::from(reference_ns.max(1))) as i64;
    Some(SourceCheck {
        reference: source.name(),
        interval_ns: clock_ns,
        deviation_ppm,
    })
}
