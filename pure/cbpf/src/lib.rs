//! Classic BPF: the filters that `SO_ATTACH_FILTER` hangs on a socket. A program is checked once ([`Program::new`]); what
//! passed ends after at most as many steps as it has instructions, whatever the packet is.
//!
//! Called by `socket`; calls nothing.
//!
//! | file | holds |
//! |---|---|
//! | `code.rs` | [`Instruction`], and what each code means |
//! | `check.rs` | [`Program`]: the checker |
//! | `run.rs` | [`Packet`] and the interpreter |
//! | `attribute.rs` | netlink attributes, which a filter can look for |
//!
//! Specification: Documentation/networking/filter.rst; S. McCanne, V. Jacobson: The BSD Packet Filter (1993); socket(7).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod attribute;
mod check;
mod code;
mod run;
#[cfg(test)]
mod tests;

pub use check::{Program, Reject};
pub use code::Instruction;
pub use run::{About, Packet};

/// Most instructions of a program (`BPF_MAXINSNS`).
pub const MOST: usize = 4096;
