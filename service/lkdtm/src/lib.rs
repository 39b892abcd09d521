//! Deliberate crashes of the kernel, so that what becomes of a real one can be tested: the report, who dies of it, what is
//! left. Named after Linux' module for the same, the Linux kernel dump test module.
//!
//! Only with `gaon.provoke-crash` on the command line is there a device for it, `/dev/provoke-crash`, for root alone.
//! Reading it lists the crashes; a name written to it causes that crash, in the writer. (Linux has the same file as
//! `provoke-crash/DIRECT` in debugfs, which does not exist here yet.)
//!
//! Called by the image ([`boot_option`], [`init`]); calls `vfs` and `device` for the node, `time` and `sched` for places
//! that are not a task's. Lock order: the locks here are leaves.
//!
//! Specification: Documentation/fault-injection/provoke-crashes.rst.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(target_os = "none")]
extern crate alloc;

#[cfg(target_os = "none")]
mod crashes;
#[cfg(target_os = "none")]
mod node;

#[cfg(target_os = "none")]
pub use node::{boot_option, init};
