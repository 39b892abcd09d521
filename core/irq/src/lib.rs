//! Interrupts above the machine: lines and their handlers, softirqs, tasklets, counters.
//!
//! - [`request_irq`] / [`free_irq`]: handlers of device lines, shared or alone; [`handle_vector`] runs them.
//! - [`softirq`]: the ten kinds of work put off from hard interrupts; [`tasklet`]: small pieces of such work.
//! - [`stats`]: the counts of /proc/interrupts and /proc/softirqs.
//! - [`nmi`]: who looks at non-maskable interrupts.
//!
//! Called by: the trap handlers (`KernelTraps` in image), drivers, time, sched. Calls: `hal` (I/O APIC), `sync`, `trace`.
//!
//! # Lock order
//! The table of lines is changed under a mutex and read under RCU; handlers run with no lock of this crate held.
//!
//! # Specification
//! Documentation/core-api/genericirq.rst and proc_interrupts(5) for the meaning; local_bh semantics of
//! Documentation/kernel-hacking/locking.rst.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod line;
mod machine;
pub mod nmi;
mod numbers;
pub mod softirq;
pub mod stats;
pub mod tasklet;

pub use line::{
    HandlerId, IrqHandler, IrqReturn, Sharing, VECTOR_FIRST, for_each_line, free_irq,
    handle_vector, request_irq,
};
pub use numbers::LINES;
pub use softirq::{BhGuard, local_bh_disable, on_irq_exit};
