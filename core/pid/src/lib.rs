//! Process numbers, and what a signal can be sent to.
//!
//! A [`Pid`] is a number with what it names: a thread, a process, a process group, a session, each or several. It is
//! found by number through [`PidNamespace::find`] and ends when it names nothing any more; then the number is free.
//! What is made in a namespace inside the first has a number there too, and in each around that ([`PidNs`]).
//! Signals stand here too ([`SigSet`], [`SigInfo`], [`SignalTarget`]), so that files, terminals and timers can send
//! them without knowing tasks. [`List`] is the list that process structures are kept in.
//!
//! Called by: vfs (owners of files), tty, task, procfs. Calls: kmem, sync.
//!
//! Lock order: group members, then (a member's signal lock); bucket and [`Pid`] locks are leaves, taken one at a time.
//!
//! Specification: credentials(7), setpgid(2), setsid(2), pid_namespaces(7), sigaction(2).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod group;
pub mod list;
mod namespace;
mod numbers;
mod object;
pub mod siginfo;
pub mod sigset;
mod space;
mod target;
#[cfg(test)]
mod tests;

pub use list::List;
pub use namespace::{INIT_NS, find};
pub use numbers::PID_MAX;
pub use object::{ControllingTty, Pid, PidNamespace, PidNs, ProcessGroup, Session};
pub use siginfo::{SigData, SigInfo};
pub use sigset::{SigSet, Signal, signals};
pub use target::SignalTarget;
