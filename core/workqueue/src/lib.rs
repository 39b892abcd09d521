//! Work put off to kernel threads, where it may sleep.
//!
//! - [`Work`]: a function that is queued, runs once per queueing, and never on two threads at once.
//! - [`Workqueue`]: where it is queued: [`system_wq`] for anything short, or one of your own ([`Workqueue::alloc`]).
//! - [`DelayedWork`]: work that a timer queues.
//!
//! Called by: everything above. Calls: `sched` (kernel threads), `time` (timers), `sync`, `kmem`.
//!
//! Workers stand in pools: one per CPU, one for unbound work, one for each ordered queue. A worker that takes work while
//! no other is idle first starts another one: work that sleeps holds nothing up, and may wait for work that is queued
//! later. A worker that was idle for five seconds ends, if it is not one of the last two. Where no other worker can be
//! had, queues with a rescuer ([`Workqueue::alloc_with_rescuer`]) are served by that.
//!
//! # Lock order
//! A pool's list (rank `WORKQUEUE`) inside nothing; wake-ups happen after it is released.
//!
//! # Specification
//! Documentation/core-api/workqueue.rst.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod delayed;
mod name;
mod pool;
mod queue;
mod rescue;
mod staff;
mod work;

pub use delayed::DelayedWork;
pub use pool::{note, settle};
pub use queue::{
    Kind, Workqueue, cpu_online, init, queue_work, queue_work_on, system_unbound_wq, system_wq,
};
pub use staff::Note;
pub use work::Work;
