//! Each CPU's one-shot timer: timers and the tick ask for an interrupt, the earliest wins.
use crate::machine;
use core::sync::atomic::{AtomicU64, Ordering};
use hal::MAX_CPUS;
use sync::percpu::CachePadded;
use sync::{IrqGuard, PerCpu};

/// What each CPU's one-shot timer is set to, written by that CPU with interrupts off.
static PROGRAMMED: PerCpu<AtomicU64> =
    PerCpu::new([const { CachePadded(AtomicU64::new(u64::MAX)) }; MAX_CPUS]);

/// Makes the one-shot timer of this CPU fire at `at_ns` at the latest.
#[inline]
pub(crate) fn ensure(at_ns: u64, irqs_off: &IrqGuard) {
    let programmed = PROGRAMMED.get(irqs_off);
    if at_ns < programmed.load(Ordering::Relaxed) {
        programmed.store(at_ns, Ordering::Relaxed);
        machine::program(at_ns);
    }
}

/// It fired: nothing is programmed.
#[inline]
pub(crate) fn fired(irqs_off: &IrqGuard) {
    PROGRAMMED.get(irqs_off).store(u64::MAX, Ordering::Relaxed);
}
