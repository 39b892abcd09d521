//! Loop devices: a file as a disk.
//!
//! | module | holds |
//! |---|---|
//! | `format` | the structures and numbers of loop(4) |
//! | `state` | one device: its file, and which part of it |
//! | `driver` | reads and writes of that file |
//! | `show` | what sysfs shows of it |
//! | `configure` | ioctl(2) on a device: giving it a file, taking it away, offset and limit |
//! | `control` | all devices; `/dev/loop-control` |
//!
//! Data has its place in the page cache of the file; the device has none of its own, so both always agree. The file may be
//! another block device, even a loop device, up to [`DEPTH`] deep, since each takes its part of the kernel stack.
//!
//! Not there: partitions (`LO_FLAGS_PARTSCAN` is EINVAL) and direct I/O (`LOOP_SET_DIRECT_IO` is EINVAL).
//!
//! Called by the image ([`init`]) and through `block`; calls `block`, `device`, `task` (the caller's descriptors), `vfs`.
//!
//! # Lock order
//! ```text
//! Disk.openers (block) → the list of devices → directories of sysfs and /dev → Loop.state
//! ```
//! The list's lock is held over every change of any device; reads and writes take `Loop.state` alone, for a moment. Files
//! are dropped without any of them.
//!
//! # Specification
//! loop(4); Linux' include/uapi/linux/loop.h.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod configure;
mod control;
mod driver;
mod format;
mod show;
mod state;

pub use control::init;
pub use state::DEPTH;
