//! Instructions of x86-64, as far as a breakpoint needs them: how long one is, whether it can be run in another place, and
//! what it does where it can't.
//!
//! Called by `capi` (kprobes); calls nothing.
//!
//! | file | holds |
//! |---|---|
//! | `decode.rs` | [`decode`]: length, kind, operand |
//! | `table.rs` | what follows each opcode |
//! | `run.rs` | [`Insn::moved`]: the bytes for another place; [`Insn::perform`]: jumps, calls and pushes done by hand |
//!
//! What is not known for certain is [`Reject::Unknown`]: VEX, EVEX and XOP among it, which a kernel without vector registers
//! does not have.
//!
//! Specification: Intel SDM volume 2, chapters 2 and 3 and appendix A (opcode maps).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod decode;
mod run;
mod table;
#[cfg(test)]
mod tests;

pub use decode::{Insn, Kind, Operand, decode, starts_at};
pub use run::{Done, Machine};
pub use table::Reject;

/// The longest instruction.
pub const MOST: usize = 15;
