//! Classic BPF: the filters that `SO_ATTACH_FILTER` hangs on a socket, and seccomp(2) on a thread's calls. A program is checked once ([`Program::new`]); what
//! passed ends after at most as many steps as it has instructions, whatever the packet is.
//!
//! Called by `socket`, `task`; calls nothing.
//!
//! | file | holds |
//! |---|---|
//! | `code.rs` | [`Instruction`], and what each code means |
//! | `check.rs` | [`Program`]: the checker |
//! | `run.rs` | [`Packet`] and the interpreter |
//! | `calls.rs` | [`Call`]: filters of system calls |
//! | `attribute.rs` | netlink attributes, which a filter can look for |
//!
//! Specification: Documentation/networking/filter.rst; S. McCanne, V. Jacobson: The BSD Packet Filter (1993); socket(7), seccomp(2).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod attribute;
mod calls;
mod check;
mod code;
mod run;
#[cfg(test)]
mod tests;

pub use calls::Call;
pub use check::{Program, Reject};
pub use code::Instruction;
pub use run::{About, Packet};

/// Most instructions of a program (`BPF_MAXINSNS`).
pub const MOST: usize = 4096;
