//! Trees of kernel objects as file systems: what sysfs and debugfs are made of.
//!
//! | module | holds |
//! |---|---|
//! | `node` | [`Node`]: a directory, a file or a link in a tree; making and removing them; [`Attribute`]: a page of text |
//! | `gate` | [`Gate`]: removal lets no call begin and waits for those under way |
//! | `attribute` | open files of a page of text |
//! | `tree` | [`Tree`]: a file system of nodes: inodes, walks, directories |
//!
//! Nodes are the truth; what a walk finds is looked at again each time, so a node that was removed is gone for everybody,
//! and files of it that are open answer ENODEV.
//!
//! Called by `device`, `module` and `capi`; calls `vfs`, `kmem`, `sync`.
//!
//! Lock order: one node's list of children or content at a time, below the locks of directories; no call into an owner of
//! a node is made under a lock. Specification: sysfs(5), Documentation/filesystems/sysfs.rst and debugfs.rst.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod attribute;
mod gate;
mod node;
#[cfg(test)]
mod tests;
mod tree;

pub use gate::{Gate, Pass};
pub use node::{Attribute, Content, Node, Opener};
pub use tree::Tree;
