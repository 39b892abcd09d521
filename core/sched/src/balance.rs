//! Moving threads between CPUs: an idle CPU pulls one from the busiest, a tick pulls when another CPU has much more.
use crate::rq::{self, Rq};
use crate::thread::Thread;
use crate::wake::resched_cpu;
use core::sync::atomic::Ordering;
use runqueue::Enqueue;

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

/// Takes a waiting thread from `other` for `cpu` into `rq`. Never waits for the other's lock: two CPUs may do this to
/// each other.
fn pull(rq: &mut Rq, cpu: usize, other: usize) -> bool {
    let Some(mut from) = rq::of(other).try_lock() else {
        return false;
    };
    let may_come = |thread: &&'static Thread| {
        // One that still stands on its stack belongs to the CPU that it leaves.
        !thread.on_cpu.load(Ordering::Acquire) && thread.allowed.load().has(cpu)
    };
    let Some(thread) = from.queue.take_where(may_come) else {
        return false;
    };
    from.publish(other);
    thread
        .entity
        .rebase(from.queue.min_vruntime(), rq.queue.min_vruntime());
    thread.cpu.store(cpu, Ordering::Relaxed);
    drop(from);
    rq.put(cpu, thread, Enqueue::Moved);
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
        pull(rq, cpu, other);
    }
}

/// At a tick: pulls from a CPU that has at least two threads more, and lets an idle CPU do the same.
pub(crate) fn tick(cpu: usize) {
    if rq::ACTIVE.load().without(cpu).is_empty() {
        return;
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
        pull(&mut rq::of(cpu).lock(), cpu, other);
    }
}
