//! Moving threads between CPUs: an idle CPU pulls one from the busiest, a tick pulls when another CPU has much more.
use crate::mask::CpuSet;
use crate::rq::{self, Rq};
use crate::thread::Thread;
use crate::wake::resched_cpu;
use core::sync::atomic::Ordering;
use hal::preempt;
use runqueue::{DEADLINE_LEVEL, Enqueue};

/// Between looks of one CPU, in ticks.
const PERIOD_TICKS: u64 = 8;

/// The CPU with the most threads waiting, if that is any besides `cpu`.
fn busiest(cpu: usize) -> Option<(usize, u32)> {
    let others = rq::ACTIVE.load().without(cpu);
    let (other, runnable) = others
        .iter()
        .map(|other| (other, rq::shared(other).runnable.load(Ordering::Relaxed)))
        .max_by_key(|(_, runnable)| *runnable)?;
    (runnable >= 2).then_some((other, runnable))
}

/// What is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// Whoever waits.
    Any,
    /// One with a deadline.
    Due,
}

#[cold]
fn take_due(
    from: &mut Rq,
    other: usize,
    may_come: impl FnOnce(&&'static Thread) -> bool,
) -> Option<&'static Thread> {
    if !from.queue.has_due() {
        rq::DUE.remove(other);
    }
    from.queue.take_due(may_come)
}

/// Takes a waiting thread from `other` for `cpu` into `rq`. Never waits for the other's lock: two CPUs may do this to
/// each other.
fn pull(rq: &mut Rq, cpu: usize, other: usize, what: What) -> bool {
    let Some(mut from) = rq::of(other).try_lock() else {
        return false;
    };
    let may_come = |thread: &&'static Thread| {
        // One that still stands on its stack belongs to the CPU that it leaves.
        !thread.on_cpu.load(Ordering::Acquire) && thread.allowed.load().has(cpu)
    };
    let due = match rq::DUE.load().has(other) {
        true => take_due(&mut from, other, may_come),
        false => None,
    };
    let Some(thread) = due.or_else(|| match what {
        What::Any => from.queue.take_where(may_come),
        What::Due => None,
    }) else {
        return false;
    };
    from.publish(other);
    thread
        .entity
        .rebase(from.queue.min_vruntime(), rq.queue.min_vruntime());
    thread.cpu.store(cpu, Ordering::Relaxed);
    drop(from);
    let queued = rq.put(cpu, thread, Enqueue::Moved);
    debug_assert!(queued, "who waits in a queue is not held back");
    rq.publish(cpu);
    true
}

/// This CPU has nothing to run: it looks for something elsewhere.
#[inline]
pub(crate) fn pull_when_idle(rq: &mut Rq, cpu: usize) {
    if rq::ACTIVE.load().without(cpu).is_empty() {
        return;
    }
    if let Some((other, _)) = busiest(cpu) {
        pull(rq, cpu, other, What::Any);
    }
}

/// At a tick: pulls from a CPU that has at least two threads more, and lets an idle CPU do the same.
pub(crate) fn tick(cpu: usize) {
    if rq::ACTIVE.load().without(cpu).is_empty() {
        return;
    }
    let due = rq::DUE.load().without(cpu);
    if !due.is_empty() {
        pull_due(cpu, due);
    }
    let here = rq::shared(cpu);
    let runnable = here.runnable.load(Ordering::Relaxed);
    if runnable >= 2
        && let Some(idle) = rq::IDLE.load().without(cpu).first()
    {
        resched_cpu(idle);
    }
    if (here.ticks.load(Ordering::Relaxed) + cpu as u64).is_multiple_of(PERIOD_TICKS)
        && let Some((other, theirs)) = busiest(cpu)
        && theirs >= runnable + 2
    {
        pull(&mut rq::of(cpu).lock(), cpu, other, What::Any);
    }
}

/// At a tick: threads with deadlines that wait for others' come here, if this CPU has nothing so urgent.
#[cold]
fn pull_due(cpu: usize, others: CpuSet) {
    let mut rq = rq::of(cpu).lock();
    let runs = |rq: &Rq| {
        rq.running
            .is_some_and(|t| t.entity.rt_level() >= DEADLINE_LEVEL)
    };
    if runs(&rq) || rq.queue.has_due() {
        return;
    }
    for other in others.iter() {
        if pull(&mut rq, cpu, other, What::Due) {
            preempt::set_need_resched();
            return;
        }
    }
}
