//! The page cache: one copy of a file's data in memory, for read, write, mmap, sendfile and exec alike.
//!
//! A [`PageCache`] belongs to one inode and holds its pages in an [`xarray::XArray`] of counted [`Frame`]s. Where the
//! data comes from (a disk, nowhere at all) is its [`PageSource`]. `mm` maps files through [`MapObject`], which files of
//! `vfs` implement, so that neither crate knows the other; a truncation calls back through [`MapUser`].
//!
//! Files of huge pages have a [`HugeCache`] instead, which also keeps what is reserved for them.
//!
//! Called by `mm`, `vfs`, `tmpfs` and file systems; calls `kmem`, `sync`, `xarray`.
//!
//! Lock order: the inode's lock (vfs; writes and truncations exclude each other) → `users` → (mm's locks, in a callback,
//! with `users` dropped) ; `pages` is a leaf spinlock under which only an index node or a count changes.
//!
//! A truncation sets the size first, unmaps second, drops pages third, and a fault reads the size first and maps last
//! under the lock that unmapping takes: so no page beyond the end stays mapped.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod cache;
mod huge;
mod map;
#[cfg(test)]
mod tests;
mod users;

pub use cache::{PageCache, PageSource};
pub use huge::{HugeCache, HugeLimits, PER_HUGE};
pub use kmem::frame::Frame;
pub use map::{MapAccess, MapObject, MapPlace, PerArea};
pub use users::{MapToken, MapUser, Unmapped};
