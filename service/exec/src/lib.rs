//! Program loading: execve(2).
//!
//! | file | holds |
//! |---|---|
//! | `run.rs` | [`execve`], [`start_program`]: from a path to a task that runs the program |
//! | `script.rs` | the `#!` line |
//! | `stack.rs` | the first stack |
//! | `vdso.rs` | what every program has in its memory besides |
//! | `load.rs` | ELF segments, heap and stack in an address space |
//!
//! The new address space is built completely beside the old one; only then is the old program given up
//! (`task::exec::take_over`, `commit`). So whatever fails, the caller gets an errno and lives on, with one exception
//! that Linux makes too: a file whose segments cannot be mapped is found out after the point of no return there, and
//! the caller dies by `SIGSEGV`; here it dies the same way, although it need not.
//!
//! Called by `syscall` and, for process 1, by the image; calls `vfs`, `mm`, `task`, `elf`. It holds no lock of its own.
//!
//! Specification: execve(2), execveat(2), getauxval(3); System V ABI, AMD64 supplement, "Process Initialization".
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

pub mod load;
#[cfg(target_os = "none")]
mod run;
pub mod script;
pub mod stack;
#[cfg(target_os = "none")]
pub mod vdso;

#[cfg(target_os = "none")]
pub use run::{Strings, execve, start_program};
