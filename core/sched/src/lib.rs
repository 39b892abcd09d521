//! Threads and who runs when.
//!
//! | module | holds |
//! |---|---|
//! | [`Thread`] (`thread`, `state`, `claim`) | a thread: its context, claim to the CPU, state, times |
//! | `create`, `attr`, `boost` | making a thread, changing its claim, what it inherits from those who wait for it |
//! | `deadline`, `reserve`, `bandwidth` | threads with deadlines: what one keeps of that, how it enters and leaves, what all may have |
//! | `rq` | one run queue per CPU and what of it others may read without its lock |
//! | `switch` | choosing the next thread and switching to it; first and last moments of a thread |
//! | `wake` | wake-ups: which CPU, preempt or not |
//! | `ops` | what `sync` asks of threads and of the scheduler: park with a deadline, unpark |
//! | `tick`, `balance` | what a tick does; moving threads between CPUs |
//! | `idle` | bringing a CPU in, its idle loop |
//! | [`kthread`], [`stop`], [`stats`], `reap` | kernel threads, stopping the machine, figures for /proc, the dead |
//! | `burier` | the kernel threads that bury them |
//!
//! Called by: task, workqueue and all above, through [`current`], [`Thread`] and `sync`'s wait queues; by the trap
//! handlers ([`on_timer`], [`on_reschedule_ipi`], [`preempt_from_irq`]). Calls: `kmem::context` (the switch), `hal`,
//! `time`, `irq`, `runqueue`.
//!
//! # How a thread stays alive
//! A started thread keeps a count of itself (`Thread::alive`) until it is dead and off its stack; run queues and wait
//! queues name it by plain reference meanwhile. So neither a wake-up nor a switch counts anything.
//!
//! # Lock order
//! Wait queue → timer → run queue; what deadlines were granted → run queue. Two run queues are locked at once only by try-lock (balancing). Nothing is held
//! across a switch: a thread that still stands on its stack is woken to the queue of the CPU that it is leaving, and
//! that CPU looks at its queue only afterwards.
//!
//! # Specification
//! sched(7), sched_setscheduler(2), sched_setaffinity(2), proc_pid_stat(5).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod attr;
mod balance;
pub mod bandwidth;
mod boost;
mod burier;
mod claim;
mod create;
mod deadline;
mod idle;
pub mod kthread;
mod machine;
mod mask;
mod ops;
mod reap;
mod reserve;
pub mod roll;
mod rq;
mod state;
pub mod stats;
pub mod stop;
mod switch;
mod thread;
pub mod throttle;
mod tick;
mod ticket;
mod wake;

pub use claim::SchedAttr;
pub use deadline::Wanted;
pub use idle::{cpu_online, init, run_idle};
pub use mask::CpuSet;
pub use reap::{begin_end, settle};
pub use runqueue::{Policy, RR_SLICE_NS, Share};
pub use state::StateChar;
pub use switch::{
    SchedSwitch, exit_thread, preempt_from_irq, resched_if_needed, sched_switch, yield_now,
};
pub use thread::{COMM_LEN, Thread, ThreadData, Times, current, current_data, try_current};
pub use tick::{on_reschedule_ipi, on_timer};
pub use wake::resched_cpu;

use sync::{WaitError, WaitMode, WaitQueue};

/// Sleeps until the monotonic clock shows `deadline_ns`, not to be interrupted.
pub fn sleep_until(deadline_ns: u64) {
    let _ = sleep_until_mode(deadline_ns, WaitMode::Uninterruptible);
}

/// Sleeps until the monotonic clock shows `deadline_ns` or a signal comes that `mode` lets through.
///
/// # Errors
/// [`WaitError::Interrupted`].
pub fn sleep_until_mode(deadline_ns: u64, mode: WaitMode) -> Result<(), WaitError> {
    let nobody = WaitQueue::new();
    match nobody.wait(mode, Some(deadline_ns), || None::<()>) {
        Err(WaitError::Interrupted) => Err(WaitError::Interrupted),
        _ => Ok(()),
    }
}

/// Sleeps `ns` nanoseconds, not to be interrupted.
pub fn sleep_ns(ns: u64) {
    sleep_until(time::monotonic_ns().saturating_add(ns));
}
