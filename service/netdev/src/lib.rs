//! Network interfaces.
//!
//! **Job.** An [`Interface`] has a name, an index, flags, an address and counters. There is one so far, `lo`, which gives
//! back what is sent to it; it is there from the start, down and without an address, as Linux has it.
//!
//! | file | holds |
//! |---|---|
//! | `interface.rs` | [`Interface`], [`find`], [`by_index`], [`of_address`]; up and down |
//! | `request.rs` | [`ioctl`] and [`address_ioctl`]: what netdevice(7) asks and sets |
//! | `table.rs` | [`show`]: /proc/net/dev |
//!
//! Called by `socket` (any socket answers the ioctls of interfaces) and by the families; calls `vfs`, `sync`, `kmem`.
//!
//! Lock order: an interface's address is a leaf. Specification: netdevice(7), proc(5).
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

mod interface;
mod request;
mod table;

pub use interface::{Address, Interface, LO, by_index, find, of_address};
pub use request::{address_ioctl, ioctl};
pub use table::show;
