//! The tick of a busy CPU. An idle CPU has none: it wakes for its earliest timer alone.
use crate::{TICK_NS, oneshot};
use core::sync::atomic::{AtomicU64, Ordering};
use hal::MAX_CPUS;
use sync::{IrqGuard, Once, PerCpu, percpu::CachePadded};

/// Done at every tick, in hard interrupt context: the scheduler's turn.
pub trait TickHook: Sync {
    /// A tick at `now_ns` on this CPU.
    fn tick(&self, now_ns: u64);
}

const STOPPED: u64 = u64::MAX;

static HOOK: Once<&'static dyn TickHook> = Once::new();
/// When each CPU's next tick is due.
static NEXT: PerCpu<AtomicU64> =
    PerCpu::new([const { CachePadded(AtomicU64::new(STOPPED)) }; MAX_CPUS]);

/// Sets who hears of ticks, once.
pub fn set_hook(hook: &'static dyn TickHook) {
    let _ = HOOK.set(hook);
}

/// This CPU has something to run: ticks come from now on. The timer is programmed only if it is not to fire before.
#[inline]
pub fn start(now_ns: u64, irqs_off: &IrqGuard) {
    let next = NEXT.get(irqs_off);
    if next.load(Ordering::Relaxed) == STOPPED {
        let at = now_ns + TICK_NS;
        next.store(at, Ordering::Relaxed);
        oneshot::ensure(at, irqs_off);
    }
}

/// This CPU goes idle. What is programmed stays so: the interrupt then finds nothing to do, once.
#[inline]
pub fn stop(irqs_off: &IrqGuard) {
    NEXT.get(irqs_off).store(STOPPED, Ordering::Relaxed);
}

/// Gives the tick if it is due; says when the next is.
pub(crate) fn run(now_ns: u64, irqs_off: &IrqGuard) -> u64 {
    let next = NEXT.get(irqs_off);
    if next.load(Ordering::Relaxed) <= now_ns {
        next.store(now_ns + TICK_NS, Ordering::Relaxed);
        if let Some(hook) = HOOK.get() {
            hook.tick(now_ns);
        }
    }
    next.load(Ordering::Relaxed)
}
