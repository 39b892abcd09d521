//! POSIX access control lists: who may do what with a file, beyond owner, group and others.
//!
//! Called by `vfs`, which keeps them at inodes; calls nothing.
//!
//! | file | holds |
//! |---|---|
//! | `list.rs` | [`Acl`]: what it must look like, and how it and the mode of a file follow each other |
//! | `value.rs` | the value of an extended attribute that carries one |
//! | `check.rs` | the access check |
//!
//! Specification: acl(5); POSIX 1003.1e draft 17, 23; the values: linux/posix_acl_xattr.h, version 2.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

mod check;
mod list;
#[cfg(test)]
mod tests;
mod value;

pub use check::Asker;
pub use list::{Acl, Entry, Extent, Invalid, NoMemory, Tag};
pub use value::{Reject, size_of_value};

/// To execute a file, to search a directory.
pub const EXECUTE: u8 = 1;
/// To write.
pub const WRITE: u8 = 2;
/// To read.
pub const READ: u8 = 4;
/// All three.
const ALL: u8 = READ | WRITE | EXECUTE;
