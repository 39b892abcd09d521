//! Address spaces: areas, faults, copy on write.
//!
//! A [`Mm`] is a map of areas ([`vma::AreaMap`], what addresses mean) over page tables ([`kmem::space::UserSpace`], what
//! is there now). Page tables are a cache: what they hold can be rebuilt by faults, except private pages that were
//! written to. Those carry the mark [`kmem::space::Prot::ANON`], and fork copies nothing else.
//!
//! | file | holds |
//! |---|---|
//! | `mm.rs` | [`Mm`]: birth, fork, end |
//! | `areas.rs`, `vma.rs` | what the lock protects; an area |
//! | `fault.rs` | page faults, populating |
//! | `map.rs`, `protect.rs`, `remap.rs`, `advise.rs`, `lock.rs`, `brk.rs` | the calls of mmap(2), mprotect(2), mremap(2), madvise(2), mlock(2), brk(2); stacks |
//! | `huge`, `promise.rs` | areas of 2 MiB pages, and what is promised to them |
//! | `place.rs` | where stack, mappings and heap begin; randomisation |
//! | `remote.rs`, `info.rs` | other tasks' memory, futex keys, truncation; what proc(5) shows |
//! | `shm.rs`, `sysv.rs`, [`commit`] | shared anonymous memory; shmdt(2); how much memory was promised |
//!
//! Called by `task`, `syscall`, `exec`, `procfs`, `futex`; calls `kmem`, `pagecache`, `sync`.
//!
//! Lock order: `Mm::areas` (sleeping; faults take it for reading and may fill a page of a file under it) → the page
//! cache's locks, page tables' leaf locks. Two `areas` are never held at once. User memory is never touched under it.
//!
//! Truncation: the page cache calls [`pagecache::MapUser::unmap_pages`], which takes `areas` for writing; a fault looks
//! at the object's size and maps under `areas` for reading. So a page beyond the end never stays mapped.
//!
//! Specification: the named manual pages; `Documentation/admin-guide/sysctl/vm.rst` and `Documentation/mm` of Linux for
//! limits and defaults.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
extern crate alloc;
#[cfg(test)]
extern crate std;

mod advise;
mod areas;
mod brk;
pub mod commit;
mod fault;
mod flags;
mod huge;
mod info;
mod lock;
mod map;
mod mm;
mod place;
mod promise;
mod protect;
mod remap;
mod remote;
mod shm;
mod sysv;
#[cfg(test)]
mod tests;
mod types;
mod vma;

pub use areas::MAX_AREAS;
pub use flags::VmFlags;
pub use huge::{huge_shm_group, huge_size, set_huge_shm_group};
pub use map::MMAP_MIN_ADDR;
pub use mm::{AUXV_WORDS, Mm};
pub use pagecache::{MapAccess, MapObject};
pub use place::{Placement, Randomize};
pub use types::{
    Access, AreaPages, Backing, Counters, FaultError, FutexKey, Layout, Limits, MmapRequest,
    PageInfo, VmaInfo,
};
