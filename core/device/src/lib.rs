//! Devices: what sysfs shows of them, and their nodes under /dev.
//!
//! | module | holds |
//! |---|---|
//! | `sysfs` | the trees at /sys and /sys/kernel/debug |
//! | `cpus` | which processors sysfs shows |
//! | `scheduler` | what debugfs shows of the scheduler |
//! | `class` | [`Class`] and [`Bus`] |
//! | `device` | [`Device`]: directory, links, `uevent`; [`add_device`] for the kernel's own |
//! | `uevent` | events: numbers, lines, whoever passes them on registers as [`EventSink`] |
//! | `resource` | who has which I/O ports and physical addresses |
//! | `nodes` | nodes under /dev: whoever shows them (devtmpfs) registers as [`NodeSink`] |
//!
//! A driver registers its numbers with [`vfs::register_chrdev`] and makes a device for each node. Numbers and names are
//! Linux' (Documentation/admin-guide/devices.txt).
//!
//! Called by drivers, `devtmpfs`, `module` and `capi`; calls `kernfs`, `vfs`, `kmem`, `sync`, `runqueue`.
//!
//! Lock order: the lists here are leaves but for the classes', over which directories are made, and the order of events, in
//! which they leave; the sink of nodes is called with no lock held. Specification: Documentation/driver-api/driver-model, sysfs-rules.rst.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod class;
mod cpus;
mod device;
mod nodes;
pub mod resource;
mod scheduler;
mod sysfs;
mod uevent;

pub use class::{Bus, Class};
pub use device::{Describe, Device, NewDevice, add_device};
pub use nodes::{Node, NodeSink, add_node, remove_node, set_sink};
pub use sysfs::{DEBUGFS, SYSFS, sysfs_dir};
pub use uevent::{
    Action, EventSink, add_trigger, announce, last_event, next_event, set_event_sink, synthetic,
};

/// Major number of devices that have none of their own.
const MISC_MAJOR: u32 = 10;

/// Makes the file systems mountable and reserves the numbers of misc devices. EBUSY: a second time; ENOMEM.
pub fn init() -> abi::Result<()> {
    vfs::reserve_chrdev(Some(MISC_MAJOR), 0, 256, "misc")?;
    sysfs::init()?;
    scheduler::init()?;
    cpus::init()?;
    // No battery, nothing plugged in: an empty class says so to those who look.
    Class::kernel("power_supply")?;
    Class::kernel("misc").map(drop)
}
