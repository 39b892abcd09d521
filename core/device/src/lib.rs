//! Devices: their nodes under /dev.
//!
//! A driver registers its numbers with [`vfs::register_chrdev`] and names its nodes with [`add_node`]; whoever shows
//! nodes (devtmpfs) registers as [`NodeSink`] and is told of those that came before it. Numbers and names are Linux'
//! (Documentation/admin-guide/devices.txt).
//!
//! Called by drivers and `devtmpfs`; calls `vfs`, `kmem`, `sync`.
//!
//! Lock order: the list of nodes is a leaf; the sink is called with no lock held.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod nodes;

pub use nodes::{Node, NodeSink, add_node, remove_node, set_sink};
