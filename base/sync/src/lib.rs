//! Mutual exclusion, waiting and per-CPU data: what every floor above stands on.
//!
//! | module | what it has |
//! |---|---|
//! | [`lock_order`] | the ranks of all locks, one sparse list |
//! | [`class`] | lock classes, reports of broken rules |
//! | [`held`] | the held-lock stacks of CPUs and threads |
//! | [`lockdep`] | what locks tell of themselves; order checks in debug builds |
//! | [`context`] | guards for preemption and interrupts, context tokens, [`context::might_sleep`] |
//! | [`spin`], [`rwspin`] | spinning locks |
//! | [`mutex`], [`rwlock`] | sleeping locks |
//! | [`owned`] | data that a single owner reads without a lock |
//! | [`seqlock`], [`once`] | lock-free reads of small data; set once |
//! | [`waitqueue`] | waiting with a predicate; callbacks for poll |
//! | [`thread`] | the seam to the scheduler above |
//! | [`percpu`] | data of one CPU each |
//! | [`rcu`] | read-copy-update |
//! | [`statickey`], [`inject`] | branches patched into the text; fault injection |
//! | [`cost`] | what communication costs the running thread, while that is counted |
//!
//! It calls `hal` and `lockgraph` only. The scheduler registers itself through [`thread::set_scheduler`]; reports of
//! broken rules go to [`class::set_report_hook`].
//!
//! Specification: Linux' Documentation/locking, Documentation/RCU/whatisRCU.rst for the meaning of the operations.
#![no_std]
#![deny(missing_docs)]

#[cfg(not(target_os = "none"))]
extern crate std;

extern crate alloc;

pub mod abandon;
pub mod class;
pub mod context;
pub mod cost;
pub mod held;
pub mod inject;
pub mod lock_order;
pub mod lockdep;
#[cfg(debug_assertions)]
pub mod module_classes;
pub mod mutex;
mod notes;
pub mod once;
pub mod owned;
pub mod percpu;
pub mod rcu;
pub mod rwlock;
pub mod rwspin;
pub mod seqlock;
pub mod spin;
pub mod statickey;
pub mod thread;
pub mod waitqueue;

pub use class::LockClass;
pub use context::{IrqGuard, PreemptGuard, irq_disable, might_sleep, preempt_disable};
pub use lock_order::rank;
pub use mutex::{Mutex, MutexGuard};
pub use once::Once;
pub use owned::{Look, Owned, Owner, Reach};
pub use percpu::{PerCpu, PerCpuCell};
pub use rwlock::{ReadGuard, RwLock, WriteGuard};
pub use rwspin::RwSpinLock;
pub use seqlock::SeqLock;
pub use spin::{SpinGuard, SpinIrqGuard, SpinLock};
pub use statickey::StaticKey;
pub use thread::WaitMode;
pub use waitqueue::{WaitEntry, WaitError, WaitQueue, WakeCallback};
