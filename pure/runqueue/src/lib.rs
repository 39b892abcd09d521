//! Who runs next on one CPU: deadlines first, then real-time levels, then the fair class by virtual run time.
//!
//! Called by: `sched`, once per CPU, under that CPU's run queue lock. Calls: nothing.
//!
//! - [`Entity`]: what scheduling knows of a thread: its policy, nice value or level, virtual run time, slice.
//! - [`RunQueue`]: the threads that are runnable and do not run; the running one is kept by the caller.
//! - [`Reservation`]: what a thread of the deadline class may have of each period.
//! - [`FEATURES`]: what of the fair class can be switched off.
//! - [`weight`]: Linux' table from nice to weight, and the arithmetic with it.
//!
//! Queueing and taking out never allocate: both heaps get their room beforehand ([`RunQueue::grow_into`]).
//!
//! # Specification
//! sched(7); the constants of Linux 6.1's kernel/sched/{core,fair,rt}.c: `sched_prio_to_weight`, latency 6 ms, minimal
//! granularity 0.75 ms, wake-up granularity 1 ms, round-robin slice 100 ms.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod entity;
mod features;
mod heap;
mod queue;
mod reservation;
pub mod weight;

pub use entity::{Entity, Policy, RR_SLICE_NS, Share};
pub use features::{FEATURES, Feature, Features};
pub use heap::Entry;
pub use queue::{Enqueue, HasEntity, LATENCY_NS, MIN_GRANULARITY_NS, Room, RunQueue, Ticked};
pub use reservation::{BANDWIDTH_UNIT, DEADLINE_LEVEL, Held, Reservation, bandwidth};

#[cfg(test)]
mod tests;
