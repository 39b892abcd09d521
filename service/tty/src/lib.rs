//! Terminals: lines with a discipline, pseudo-terminals, the controlling terminal.
//!
//! **Job.** A [`Tty`] joins the discipline (`pure/ldisc`) with a line beneath ([`Driver`]) and files above. It blocks,
//! wakes, answers ioctl_tty(2), and sends what job control asks for. A pseudo-terminal is a terminal whose line is a
//! file; devpts names them.
//!
//! **Called by** vfs (files), `service/serial` (a line: [`Tty::receive`], [`Tty::take_output`]), task through
//! [`pid::ControllingTty`]. **Calls** vfs, task (who is the caller), pid (signals), `ldisc`.
//!
//! **Locks.** `tty.read`, `tty.write` (sleeping: readers and writers exclude their likes) → user memory;
//! `tty.line` (spinning, interrupts off: discipline and queues; nothing is called under it);
//! `tty.control` (spinning: session, foreground, size; a leaf but for counts);
//! `pty.table` (sleeping: indices). Signals and wake-ups happen after the locks are gone ([`Tty::receive`] may run in an
//! interrupt handler).
//!
//! **Specification**: tty_ioctl(4), ioctl_tty(2), termios(3), pty(7), pts(4), credentials(7); behaviours were compared
//! with Linux.
//!
//! | file | holds |
//! |---|---|
//! | `tty.rs`, `line.rs`, `ring.rs` | the terminal, what its lock protects, a byte ring |
//! | `read.rs`, `write.rs` | blocking I/O |
//! | `control.rs`, `caller.rs` | job control; what it asks about the caller |
//! | `ioctl.rs`, `file.rs` | the face to user space |
//! | `pty.rs`, `devpts.rs`, `devices.rs` | pseudo-terminals, their file system, device numbers |
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod caller;
mod control;
mod devices;
mod devpts;
mod file;
mod ioctl;
mod line;
pub mod pty;
mod read;
mod ring;
#[cfg(test)]
mod tests;
mod tty;
mod write;

pub use devices::{add_line, console, flush_lines, init, serial_device, vhangup};
pub use file::{MasterFile, TtyFile};
pub use ldisc;
pub use tty::{Driver, Tty, Winsize};
