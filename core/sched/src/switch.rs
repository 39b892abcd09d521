//! Choosing the next thread, switching to it, and the first and last moments of a thread.
use crate::rq::{self, Rq};
use crate::thread::{SLOT, Thread, current};
use crate::{balance, machine, reap, wake};
use core::cell::UnsafeCell;
use core::sync::atomic::Ordering;
use hal::{MAX_CPUS, preempt};
use kmem::context;
use runqueue::Enqueue;
use sync::percpu::CachePadded;
use sync::{IrqGuard, PerCpuCell, irq_disable, rcu};

/// Why the running thread calls the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It sleeps, if it still wants to.
    Park,
    /// Somebody else should run.
    Preempt,
    /// It lets others run.
    Yield,
    /// It has ended.
    Exit,
}

/// A context switch, for the tracepoint of that name.
#[derive(Clone, Copy, Debug)]
pub struct SchedSwitch {
    /// Who leaves the CPU.
    pub prev: &'static Thread,
    /// Who gets it.
    pub next: &'static Thread,
}
trace::define_tracepoint!(
    /// A CPU switches from one thread to another. Interrupts are off.
    pub mod sched_switch(SchedSwitch)
);
/// Its name.
pub(crate) static EVENT: trace::events::Named<SchedSwitch> =
    trace::events::Named::new("sched:sched_switch", &sched_switch::HOOK);

impl core::fmt::Display for SchedSwitch {
    /// As in Linux' trace.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let priority = |thread: &Thread| {
            let share = thread.entity.share();
            match share.rt_level {
                0 => 120 + i16::from(share.nice),
                level => 99 - i16::from(level),
            }
        };
        let (prev, next) = (self.prev, self.next);
        write!(
            f,
            "prev_comm={} prev_pid={} prev_prio={} prev_state={} ==> next_comm={} next_pid={} next_prio={}",
            prev.name().as_str(),
            prev.id(),
            priority(prev),
            prev.state_char() as u8 as char,
            next.name().as_str(),
            next.id(),
            priority(next)
        )
    }
}

/// From whom to whom this CPU switches, for whoever runs next to finish with.
static SWITCHING: PerCpuCell<Option<(&'static Thread, &'static Thread)>> =
    PerCpuCell::new([const { CachePadded(UnsafeCell::new(None)) }; MAX_CPUS]);

/// Lets others run if somebody is more urgent or it is their turn: what task loops call before user mode, and long
/// loops in the kernel.
#[inline]
pub fn resched_if_needed() {
    if preempt::need_resched() {
        schedule(Why::Preempt);
    }
}

/// Lets others of the same priority run.
pub fn yield_now() {
    schedule(Why::Yield);
}

/// An interrupt of kernel code is over and somebody else should run. Interrupts are off on entry and on return; for
/// `KernelTraps::preempt`.
pub fn preempt_from_irq() {
    schedule(Why::Preempt);
}

/// Gives the CPU to whoever should have it. Interrupts may be on or off and are left as they were.
pub(crate) fn schedule(why: Why) {
    schedule_from(current(), why);
    // A wake-up while this thread was being switched to may have asked for somebody more urgent.
    while preempt::need_resched() && preempt::count() == 0 && hal::irq::enabled() {
        schedule_from(current(), Why::Preempt);
    }
}

fn schedule_from(prev: &'static Thread, why: Why) {
    // Not a guard's work: a guard that turns interrupts on again looks for a wish to reschedule, and would come back here.
    let saved = hal::irq::disable();
    preempt::add(preempt::PREEMPT);
    let irqs_off = irq_disable();
    debug_assert_eq!(
        preempt::count(),
        preempt::PREEMPT,
        "a context switch in an atomic section"
    );
    let cpu = hal::cpu::id();
    // Preemption was on: this CPU is in no read section, whether it switches or not.
    rcu::quiescent();
    if let Some(next) = choose(cpu, prev, why, &irqs_off) {
        switch_to(prev, next, &irqs_off);
    }
    drop(irqs_off);
    // In this order: an interrupt that comes as soon as they are on finds preemption possible.
    preempt::sub(preempt::PREEMPT);
    hal::irq::restore(saved);
}

/// Settles `prev` and picks the next thread; `None` when that is `prev` itself.
#[inline]
fn choose(
    cpu: usize,
    prev: &'static Thread,
    why: Why,
    irqs_off: &IrqGuard,
) -> Option<&'static Thread> {
    let now = time::monotonic_ns();
    let mut rq = rq::of(cpu).lock();
    preempt::clear_need_resched();
    rq::shared(cpu).kicked.store(false, Ordering::Relaxed);
    rq.charge(now);
    let stays = settle(&mut rq, cpu, prev, why);
    if !stays && rq.queue.is_empty() {
        balance::pull_when_idle(&mut rq, cpu);
    }
    let was_busy = rq.busy;
    let waiting = if rq.fair_first(now) {
        rq.queue.pop_fair()
    } else {
        rq.queue.pop_next()
    };
    rq.busy = waiting.is_some();
    let next = waiting.or(rq.idle)?;
    rq.running = Some(next);
    rq.turn_over = false;
    if was_busy != rq.busy {
        note_idleness(rq.busy, cpu, now, irqs_off);
    }
    rq.publish(cpu);
    if core::ptr::eq(next, prev) {
        return None;
    }
    // Or two CPUs that leave each other's next thread would wait for one another in the switch. Only the CPU that a
    // thread leaves may have it on its queue until it is off its stack (`wake::activate`, `balance::pull`).
    debug_assert!(!next.on_cpu.load(Ordering::Relaxed));
    next.on_cpu.store(true, Ordering::Relaxed);
    next.exec_start_ns.store(now, Ordering::Relaxed);
    let shared = rq::shared(cpu);
    shared
        .rt_level
        .store(next.entity.rt_level(), Ordering::Relaxed);
    shared.switches.store(
        shared.switches.load(Ordering::Relaxed) + 1,
        Ordering::Relaxed,
    );
    let kind = if stays {
        &prev.involuntary
    } else {
        &prev.voluntary
    };
    kind.store(kind.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    Some(next)
}

/// Puts `prev` where it belongs; true if it stays runnable (here or elsewhere).
#[inline]
fn settle(rq: &mut Rq, cpu: usize, prev: &'static Thread, why: Why) -> bool {
    if !rq.busy {
        return true;
    }
    let how = match why {
        Why::Exit => return false,
        Why::Park => match prev.state.block() {
            Some(uninterruptible) => {
                if uninterruptible {
                    rq::shared(cpu)
                        .uninterruptible
                        .fetch_add(1, Ordering::Relaxed);
                }
                return false;
            }
            // Woken before it slept.
            None => Enqueue::Preempted,
        },
        Why::Preempt if rq.turn_over => Enqueue::Expired,
        Why::Preempt => Enqueue::Preempted,
        Why::Yield => Enqueue::Yield,
    };
    if !(prev.allowed.load().has(cpu) && rq.put(cpu, prev, how)) {
        // It must leave this CPU or is held back, but stands on its stack here until the switch is done.
        prev.migrating.store(true, Ordering::Relaxed);
    }
    true
}

/// Keeps the set of idle CPUs and the tick in step with who runs.
fn note_idleness(busy: bool, cpu: usize, now: u64, irqs_off: &IrqGuard) {
    if busy {
        rq::IDLE.remove(cpu);
        rq::shared(cpu).sampled_ns.store(now, Ordering::Relaxed);
        time::tick::start(now, irqs_off);
    } else {
        rq::IDLE.insert(cpu);
        if rcu::pending() == 0 {
            time::tick::stop(irqs_off);
        }
    }
}

#[inline]
fn switch_to(prev: &'static Thread, next: &'static Thread, irqs_off: &IrqGuard) {
    trace::tracepoint!(sched_switch, SchedSwitch { prev, next });
    SWITCHING.with(irqs_off, |switching| *switching = Some((prev, next)));
    if let Some(data) = prev.data() {
        data.switch_out();
    }
    if let Some(data) = next.data() {
        data.switch_in();
    }
    context::switch(&prev.context, &next.context);
    // Here again, perhaps on another CPU.
    if let Some((left, _)) = SWITCHING.with(irqs_off, Option::take) {
        finish(left, irqs_off);
    }
}

/// The thread that was left is off its stack: others may have it.
#[inline]
fn finish(left: &'static Thread, irqs_off: &IrqGuard) {
    if left.state.is_dead() {
        reap::lay_out(left, irqs_off);
    } else if left.migrating.load(Ordering::Relaxed) {
        left.migrating.store(false, Ordering::Relaxed);
        left.on_cpu.store(false, Ordering::Release);
        wake::activate(left, false, Enqueue::Moved);
    } else {
        left.on_cpu.store(false, Ordering::Release);
    }
}

/// Where a thread begins: on its own stack, interrupts off, the preemption count raised by one.
pub(crate) fn first(_argument: usize) -> ! {
    let irqs_off = irq_disable();
    if let Some((left, me)) = SWITCHING.with(&irqs_off, Option::take) {
        // The switch keeps the slot's words with each context: from here on this thread's name it.
        if let (Some(slot), Some(me)) = (SLOT.get(), me.arc()) {
            let none = slot.set(me);
            debug_assert!(none.is_none(), "a new context names nobody");
        }
        finish(left, &irqs_off);
    }
    preempt::sub(preempt::PREEMPT);
    drop(irqs_off);
    machine::enable_irqs();
    let entry = current().entry.lock().take();
    if let Some(entry) = entry {
        entry();
    }
    exit_thread()
}

/// Ends the running thread. Who waits for its exit hears of it; its stack is freed by others.
///
/// # Panics
/// If it is called by an idle thread.
pub fn exit_thread() -> ! {
    let me = current();
    reap::begin_end();
    if me.deadline.get().is_some() {
        me.end_deadline();
    }
    drop(me.entry.lock().take());
    if me.data.is_none() {
        me.leave_roll();
    }
    // From here on nobody may preempt it: it is dead, and its next switch is its last.
    let irqs_off = irq_disable();
    me.state.die();
    me.exit_queue().wake_all();
    machine::finish(&me.context);
    let idle = rq::of(hal::cpu::id()).lock().idle.and_then(Thread::arc);
    if let (Some(slot), Some(idle)) = (SLOT.get(), idle) {
        // Gives this thread's count in the slot back; `alive` still keeps it.
        drop(slot.set(idle));
    }
    schedule_from(me, Why::Exit);
    drop(irqs_off);
    panic!("a dead thread ran");
}
