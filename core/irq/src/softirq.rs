//! Softirqs: what hard interrupts put off until interrupts may be on again.
//!
//! They run when the last hard interrupt ends, or when softirqs are allowed again, on the CPU that raised them; with
//! interrupts on, one at a time per CPU. What keeps being raised is left to the thread `ksoftirqd/N`, so that softirqs
//! never lock threads out.
pub use crate::numbers::{ALL, KINDS, Kind};
use crate::stats;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use hal::{MAX_CPUS, preempt};
use sync::percpu::CachePadded;
use sync::{Once, PerCpu, WaitMode, WaitQueue, irq_disable};

/// Work of one kind.
pub type Action = &'static (dyn Fn() + Sync);

const MAX_ROUNDS: u32 = 10;
const MAX_NS: u64 = 2_000_000;

static ACTIONS: [Once<Action>; KINDS] = [const { Once::new() }; KINDS];
static PENDING: PerCpu<AtomicU32> =
    PerCpu::new([const { CachePadded(AtomicU32::new(0)) }; MAX_CPUS]);

struct Daemon {
    wake: WaitQueue,
    wanted: AtomicBool,
}
static DAEMONS: PerCpu<Daemon> = PerCpu::new(
    [const {
        CachePadded(Daemon {
            wake: WaitQueue::new(),
            wanted: AtomicBool::new(false),
        })
    }; MAX_CPUS],
);

/// Sets what a kind does, once (`open_softirq`).
pub fn register(kind: Kind, action: Action) {
    if ACTIONS[kind as usize].set(action).is_err() {
        trace::pr_err!("softirq {kind:?} registered twice");
    }
}

/// Raises a kind on this CPU. Outside interrupts and softirqs `ksoftirqd` is woken for it. Any context but NMI.
pub fn raise(kind: Kind) {
    let irqs_off = irq_disable();
    PENDING
        .get(&irqs_off)
        .fetch_or(1 << kind as u8, Ordering::Relaxed);
    if preempt::count() < preempt::SOFTIRQ {
        wake_daemon(hal::cpu::id());
    }
}

/// Whether this CPU has softirqs pending.
#[inline]
pub fn pending() -> bool {
    PENDING.here().load(Ordering::Relaxed) != 0
}

/// The last hard interrupt is over: runs what is pending. Interrupts are off on entry and return. For
/// `KernelTraps::irq_exit`.
#[inline]
pub fn on_irq_exit() {
    if pending() && preempt::count() < preempt::SOFTIRQ {
        run();
    }
    trace::kmsg::poll_wakeups();
}

/// Softirqs are off on this CPU while this lives; nests. What was raised meanwhile runs when the last one ends.
#[must_use]
pub struct BhGuard(core::marker::PhantomData<*const ()>);

/// Turns softirqs off.
#[inline]
pub fn local_bh_disable() -> BhGuard {
    preempt::add(preempt::SOFTIRQS_OFF);
    BhGuard(core::marker::PhantomData)
}

impl BhGuard {
    /// Ends what a forgotten guard began. For capi, whose callers hold no guards.
    pub fn resume() {
        drop(Self(core::marker::PhantomData));
    }
}

impl Drop for BhGuard {
    #[inline]
    fn drop(&mut self) {
        preempt::sub(preempt::SOFTIRQS_OFF);
        if pending() && preempt::count() < preempt::SOFTIRQ && hal::irq::enabled() {
            let _irqs_off = irq_disable();
            run();
        }
        // Gives a reschedule that was asked for meanwhile its chance.
        drop(sync::preempt_disable());
    }
}

/// Runs pending softirqs. Interrupts are off on entry and return, on while an action runs.
#[cold]
fn run() {
    let deadline = hal::clock::now_ns() + MAX_NS;
    preempt::add(preempt::SOFTIRQ);
    let mut rounds = 0;
    while pending() {
        if rounds == MAX_ROUNDS || (rounds != 0 && hal::clock::now_ns() > deadline) {
            wake_daemon(hal::cpu::id());
            break;
        }
        rounds += 1;
        run_round();
    }
    preempt::sub(preempt::SOFTIRQ);
}

fn run_round() {
    let taken = PENDING.here().swap(0, Ordering::Relaxed);
    enable_irqs();
    for (kind, action) in ACTIONS.iter().enumerate() {
        if taken >> kind & 1 != 0
            && let Some(action) = action.get()
        {
            stats::count_softirq(kind);
            action();
        }
    }
    let _ = hal::irq::disable();
}

#[cfg(target_os = "none")]
fn enable_irqs() {
    hal::irq::enable();
}
#[cfg(not(target_os = "none"))]
fn enable_irqs() {}

fn wake_daemon(cpu: usize) {
    let daemon = DAEMONS.of(cpu);
    daemon.wanted.store(true, Ordering::Release);
    daemon.wake.wake_all();
}

/// The body of `ksoftirqd/N`; sched runs it in a thread bound to each CPU.
pub fn ksoftirqd() {
    let cpu = hal::cpu::id();
    let daemon = DAEMONS.of(cpu);
    loop {
        let wanted = || daemon.wanted.swap(false, Ordering::AcqRel).then_some(());
        let _ = daemon.wake.wait(WaitMode::Interruptible, None, wanted);
        while pending() {
            // The end of the guard runs them.
            drop(local_bh_disable());
            sync::thread::yield_now();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static RAN: AtomicU32 = AtomicU32::new(0);

    #[test]
    fn they_wait_for_the_guard_and_restart_is_limited() {
        register(Kind::Block, &|| {
            RAN.fetch_add(1, Ordering::Relaxed);
            raise(Kind::Block);
        });
        let outer = local_bh_disable();
        let inner = local_bh_disable();
        raise(Kind::Block);
        drop(inner);
        assert_eq!(RAN.load(Ordering::Relaxed), 0);
        drop(outer);
        let rounds = RAN.load(Ordering::Relaxed);
        assert!((1..=MAX_ROUNDS).contains(&rounds));
        assert!(pending());
        PENDING.here().store(0, Ordering::Relaxed);
        assert_eq!(preempt::count(), 0);
        assert!(stats::softirq(Kind::Block, hal::cpu::id()) >= 1);
    }
}
