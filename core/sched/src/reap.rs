//! The dead: a thread cannot free the stack it stands on. Whoever runs next lays it out; it is buried (dropped, with
//! what the floors above keep with it) in a context that may sleep: by the next thread that is created on this CPU, or by
//! a kernel thread that the next tick or idle moment wakes.
use crate::thread::{Thread, try_current};
use alloc::sync::Arc;
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicIsize, AtomicUsize, Ordering};
use hal::MAX_CPUS;
use sync::percpu::CachePadded;
use sync::{IrqGuard, PerCpu, PerCpuCell, WaitMode, WaitQueue, irq_disable};

static DEAD: PerCpuCell<Option<Arc<Thread>>> =
    PerCpuCell::new([const { CachePadded(UnsafeCell::new(None)) }; MAX_CPUS]);
/// The dead of all CPUs that the burier took over.
static WAITING: AtomicUsize = AtomicUsize::new(0);
static WAKE: WaitQueue = WaitQueue::new();
/// Threads that began to end on a CPU less threads that were buried there: only the sum means something.
static ENDING: PerCpu<AtomicIsize> =
    PerCpu::new([const { CachePadded(AtomicIsize::new(0)) }; MAX_CPUS]);

/// The running thread begins to end: from here until it is buried [`settle`] waits for it. For task loops, before
/// anybody hears that the task is gone; else it counts from [`crate::exit_thread`] on.
pub fn begin_end() {
    if let Some(me) = try_current()
        && !me.ending.swap(true, Ordering::SeqCst)
    {
        ENDING.here().fetch_add(1, Ordering::Relaxed);
    }
}

/// Waits until all threads that have begun to end are gone with all they held, a second at most: one may sleep on its
/// way out. In task context with no lock held.
pub fn settle() {
    let deadline = time::monotonic_ns() + time::NSEC_PER_SEC;
    while ENDING
        .iter()
        .map(|n| n.load(Ordering::Relaxed))
        .sum::<isize>()
        != 0
        && time::monotonic_ns() < deadline
    {
        bury();
        poke();
        crate::sleep_ns(1_000_000);
    }
}

/// Puts a dead thread, off its stack, on this CPU's list.
#[cold]
pub(crate) fn lay_out(thread: &'static Thread, irqs_off: &IrqGuard) {
    let Some(alive) = thread.alive.lock().take() else {
        return;
    };
    DEAD.with(irqs_off, |head| {
        *thread.next_dead.lock() = head.take();
        *head = Some(alive);
    });
    thread.on_cpu.store(false, Ordering::Release);
    WAITING.fetch_add(1, Ordering::Relaxed);
}

/// Drops this CPU's dead, unless the caller holds a lock: what the floors above keep with a thread may take any.
#[inline]
pub(crate) fn bury() {
    if WAITING.load(Ordering::Relaxed) != 0
        && let Some(me) = try_current()
        && me.exec.held.depth() == 0
        && sync::context::may_sleep()
    {
        bury_here();
    }
}

pub(crate) fn bury_here() {
    let mut next = {
        let irqs_off = irq_disable();
        DEAD.with(&irqs_off, Option::take)
    };
    while let Some(thread) = next {
        next = thread.next_dead.lock().take();
        WAITING.fetch_sub(1, Ordering::Relaxed);
        drop(thread);
        ENDING.here().fetch_sub(1, Ordering::Relaxed);
    }
}

/// A tick or an idle moment: has the dead buried if there are any.
#[inline]
pub(crate) fn poke() {
    if WAITING.load(Ordering::Relaxed) != 0 && !WAKE.is_empty() {
        WAKE.wake_all();
    }
}

/// Waits until this CPU has dead, or is poked.
pub(crate) fn wait_for_dead() {
    let some_here = || {
        let irqs_off = irq_disable();
        DEAD.with(&irqs_off, |head| head.is_some())
    };
    let _ = WAKE.wait(WaitMode::Idle, None, || some_here().then_some(()));
}
