//! What the kernel says about itself: printk, oops and panic reports, taint, tracepoints.
//!
//! - [`printk!`](crate::printk) and `pr_info!` …: format into a buffer on the stack, put the record into a lockless
//!   ring ([`logring`]), hand it to the consoles. Usable in every context, also in a non-maskable interrupt.
//! - [`kmsg`]: the records in the formats of /dev/kmsg and syslog(2); cursors; waiting for new ones.
//! - [`console`]: who shows records as they come; `loglevel=`, `quiet`, `ignore_loglevel`.
//! - [`oops`]: the report of a fault in the kernel and the end of the machine (`panic=`); [`symbols`]: names of
//!   addresses, from whoever has them; [`taint`].
//! - [`tracepoint`]: probes behind static keys; [`events`]: those that the command line switches on.
//!
//! Called by everyone above. Calls: `hal` (early console, clock, power), `sync`.
//!
//! # Lock order
//! printk takes no lock: the ring is lockless and the consoles are driven by whoever wins a try-lock; the loser's
//! record is shown by the winner. Waking readers is put off to a context that may ([`kmsg::poll_wakeups`]).
//!
//! # Specification
//! syslog(2), Documentation/ABI/testing/dev-kmsg, Documentation/admin-guide/{kernel-parameters,tainted-kernels}.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod console;
#[cfg(target_os = "none")]
mod die;
mod display;
pub mod events;
mod format;
pub mod kmsg;
mod machine;
pub mod oops;
pub mod panic;
mod printk;
mod record;
mod report;
pub mod symbols;
pub mod taint;
pub mod tracepoint;

extern crate alloc;
#[cfg(test)]
extern crate std;

pub use printk::{CallerId, print, record, set_caller_id};
pub use record::{Level, Line};

/// What the macros need; not for use by name.
#[doc(hidden)]
pub mod __private {
    pub use core::format_args;
    pub use sync::{StaticKey, static_branch};
}
