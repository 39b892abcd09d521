//! Wake-ups: which CPU a thread goes to, and whether it takes that CPU at once.
use crate::mask::CpuSet;
use crate::rq;
use crate::state::Woken;
use crate::thread::{Thread, name};
use crate::{machine, stats};
use core::sync::atomic::Ordering;
use hal::preempt;
use runqueue::Enqueue;
use sync::irq_disable;

impl Thread {
    /// Makes it runnable if it sleeps; see [`sync::thread::ThreadOps::unpark`].
    #[inline]
    pub(crate) fn wake(&self, sync: bool) {
        self.finish_wake(self.state.wake(), sync);
    }

    /// A signal was queued for it: wakes it from an interruptible sleep, or from a killable one if the signal `kills`;
    /// if it runs in user mode on another CPU, that CPU is interrupted so that it looks.
    pub fn signal_wake(&self, kills: bool) {
        self.finish_wake(self.state.wake_for_signal(kills), false);
        self.kick();
    }

    /// If another CPU runs it at this moment, interrupts that CPU: its task loop then looks for work.
    pub fn kick(&self) {
        let cpu = self.cpu();
        if self.is_on_cpu() && cpu != hal::cpu::id() {
            machine::send_reschedule(cpu);
        }
    }

    #[inline]
    fn finish_wake(&self, woken: Woken, sync: bool) {
        let Woken::Blocked { uninterruptible } = woken else {
            return;
        };
        if uninterruptible {
            rq::shared(hal::cpu::id())
                .uninterruptible
                .fetch_sub(1, Ordering::Relaxed);
        }
        if let Some(me) = self.named.get() {
            activate(me, sync, Enqueue::Wakeup);
        }
    }

    /// Starts it: it becomes runnable, on an idle CPU if there is one, else here. Once; later calls do nothing.
    pub fn start(&self) {
        let Some(me) = self.arc() else { return };
        if !self.state.start() {
            return;
        }
        *self.alive.lock() = Some(me.clone());
        if let Some(named) = name(me) {
            let _ = self.named.set(named);
            self.cpu.store(hal::cpu::id(), Ordering::Relaxed);
            stats::note_start();
            activate(named, false, Enqueue::New);
        }
    }

    /// As [`Self::start`], but on this CPU even if others are idle (a child that will exec or exit soon).
    pub fn start_on_parent_cpu(&self) {
        let allowed = self.allowed.load();
        let here = CpuSet::only(hal::cpu::id());
        if allowed.and(here).is_empty() {
            return self.start();
        }
        self.allowed.store(here);
        self.start();
        self.allowed.store(allowed);
    }
}

/// Puts a thread that is on no queue on one. It is the caller's: he took it from blocked to running.
#[inline]
pub(crate) fn activate(thread: &'static Thread, sync: bool, how: Enqueue) {
    let irqs_off = irq_disable();
    let old = thread.cpu.load(Ordering::Relaxed);
    // Still standing on its stack: only the CPU that it leaves may have it, since that one looks at its queue only when
    // it is done.
    let cpu = if thread.on_cpu.load(Ordering::Acquire) {
        old
    } else {
        select_cpu(thread, old, sync)
    };
    let mut rq = rq::of(cpu).lock();
    if cpu != old {
        if how != Enqueue::New {
            let from = rq::shared(old).min_vruntime.load(Ordering::Relaxed);
            thread.entity.rebase(from, rq.queue.min_vruntime());
        }
        thread.cpu.store(cpu, Ordering::Relaxed);
    }
    let takes_over = match rq.running {
        Some(running) if rq.busy => {
            rq.charge(time::monotonic_ns());
            if !rq.put(cpu, thread, how) {
                drop(rq);
                return thread.hold_back();
            }
            // Who will sleep at once is not worth preempting; a real-time thread does not wait for that.
            (!sync || thread.entity.rt_level() != 0)
                && rq.queue.preempts(&running.entity, &thread.entity)
        }
        _ => {
            if !rq.put(cpu, thread, how) {
                drop(rq);
                return thread.hold_back();
            }
            rq::IDLE.remove(cpu);
            true
        }
    };
    rq.publish(cpu);
    drop(rq);
    if takes_over {
        resched_cpu(cpu);
    }
    drop(irqs_off);
}

/// Makes a CPU call its scheduler soon.
#[inline]
pub fn resched_cpu(cpu: usize) {
    if cpu == hal::cpu::id() {
        preempt::set_need_resched();
    } else if !rq::shared(cpu).kicked.swap(true, Ordering::Relaxed) {
        machine::send_reschedule(cpu);
    }
}

/// The CPU for a thread that wakes up: here, if the waker goes to sleep at once and nobody else waits here (what it wrote
/// is warm, and no other CPU must be woken); where it was, if that is idle; any idle one; else where it was. A waker that
/// does not sleep after all is helped at the next tick, when an idle CPU is told to pull.
#[inline]
fn select_cpu(thread: &Thread, old: usize, sync: bool) -> usize {
    let active = rq::ACTIVE.load();
    if active == CpuSet(1) {
        return 0;
    }
    select_among(thread, thread.allowed.load().and(active), old, sync)
}

fn select_among(thread: &Thread, allowed: CpuSet, old: usize, sync: bool) -> usize {
    let idle = rq::IDLE.load().and(allowed);
    let here = hal::cpu::id();
    if sync && allowed.has(here) && rq::shared(here).runnable.load(Ordering::Relaxed) <= 1 {
        return here;
    }
    if idle.has(old) {
        return old;
    }
    if let Some(cpu) = idle.first() {
        return cpu;
    }
    if thread.entity.rt_level() != 0 {
        return lowest_level(thread.entity.rt_level(), allowed, old);
    }
    if allowed.has(old) {
        old
    } else {
        least_loaded(allowed).unwrap_or(here)
    }
}

/// Where the least urgent thread runs, if that is less urgent than `level`.
fn lowest_level(level: u8, allowed: CpuSet, old: usize) -> usize {
    let level_on = |cpu: usize| rq::shared(cpu).rt_level.load(Ordering::Relaxed);
    if allowed.has(old) && level_on(old) < level {
        return old;
    }
    allowed
        .iter()
        .min_by_key(|cpu| level_on(*cpu))
        .unwrap_or(old)
}

/// The CPU with the fewest runnable threads.
pub(crate) fn least_loaded(allowed: CpuSet) -> Option<usize> {
    allowed
        .iter()
        .min_by_key(|cpu| rq::shared(*cpu).runnable.load(Ordering::Relaxed))
}
