//! Pipes and FIFOs: pipe(7), pipe(2), fifo(7).
//!
//! **Job.** A [`Pipe`] is a ring of page references. A write copies once into a page, a read once out of it; small
//! writes join the last page; drained pages are kept for the next write. The other side is woken when the ring stops
//! being empty or full, and told that the caller will sleep soon, so that a round trip is two direct switches.
//!
//! **Called by** the syscall crate (pipe2), vfs (open of a FIFO). **Calls** vfs (files), kmem, sync.
//!
//! **Locks**: the ring's mutex (rank `PIPE`, held over user copies and, by splice(2), over reads and writes of other
//! files; of two pipes the one at the lower address first) → files' locks, page faults. Nothing is taken under the wait
//! queues' own locks. `readers`, `writers` and the opens are counters.
//!
//! | file | holds |
//! |---|---|
//! | `ring.rs` | the buffers |
//! | `pipe.rs` | read, write, wait, poll |
//! | `splice.rs` | splice(2), tee(2), vmsplice(2) |
//! | `share.rs` | how many pages the pipes of a user may have |
//! | `file.rs` | the ends as files, pipe2(2), the open of a FIFO |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(not(target_os = "none"))]
extern crate std;

mod caller;
mod file;
mod pipe;
mod ring;
mod share;
mod splice;
#[cfg(test)]
mod tests;

pub use file::{PipeEnd, ends, init, max_size, pipe2, set_max_size};
pub use pipe::{DEFAULT_SLOTS, Mode, Pipe};
pub use share::Share;
