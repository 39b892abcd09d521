//! Kernel memory: frames, slab, vmalloc, kernel stacks, user page tables, user memory, fallible allocation.
//!
//! | module | holds |
//! |---|---|
//! | [`frame`] | [`Frame`](frame::Frame): counted handle of one 4 KiB page, its 64 bytes of metadata, the page allocator |
//! | [`slab`] | size classes under the global allocator, named typed caches, per-CPU magazines |
//! | [`vmalloc`], [`stack`] | virtually contiguous areas with guard pages; kernel stacks |
//! | [`space`] | page tables of user address spaces |
//! | [`user`] | everything that touches user memory |
//! | [`fallible`] | [`try_box`], [`try_arc`], [`TryVec`], [`TryString`]: allocation that answers ENOMEM |
//! | [`Lasting`] | a reference to what lives for ever or is counted |
//! | [`context`] | kernel contexts (a stack and saved registers) and the switch between two |
//! | [`percpu`], [`charge`], [`pressure`], [`stats`] | per-CPU objects, accounting, reclaim and OOM hooks, counters |
//!
//! Called by every crate above; calls `hal`, `sync` and `buddy`. The same allocator, slab and page-table code runs
//! *hosted* (any target with an operating system), over an arena of host memory that plays the RAM.
//!
//! Lock order, outermost first: space leaf lock → vmalloc areas → slab node → zone.
//! Specification: Intel SDM vol. 3 ch. 4 (paging); proc(5) for the shape of the counters.
#![no_std]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(not(target_os = "none"))]
extern crate std;

pub mod charge;
pub mod context;
mod drain;
pub mod fallible;
pub mod frame;
#[cfg(target_os = "none")]
mod init;
mod kmap;
mod lasting;
mod machine;
#[cfg(target_os = "none")]
pub mod modspace;
pub mod percpu;
pub mod pressure;
#[cfg(all(feature = "selftest", target_os = "none"))]
pub mod selftest;
pub mod slab;
pub mod space;
pub mod stack;
pub mod stats;
pub mod user;
pub mod vmalloc;

pub use drain::{drain_all, drain_local, drop_caches};
/// Takes an option of the command line that makes allocations or accesses to user memory fail by chance, if it is one:
/// `failslab=`, `fail_page_alloc=`, `fail_usercopy=`, each `interval,probability,space,times`. True: it was one.
pub fn fault_option(key: &str, value: Option<&str>) -> bool {
    let sites = [&slab::SLAB_ALLOC, &frame::FRAME_ALLOC, &user::USER_COPY];
    let Some(site) = sites.into_iter().find(|site| site.name() == key) else {
        return false;
    };
    if let Some(chance) = value.and_then(sync::inject::Chance::parse) {
        site.configure(chance);
    }
    true
}

pub use fallible::{TryString, TryVec, try_arc, try_arc_cyclic, try_box, try_format};
pub use hal::addr::{PAGE_SHIFT, PAGE_SIZE, Pfn, PhysAddr, UserAddr, VirtAddr};
#[cfg(target_os = "none")]
pub use init::{boot_memory, init};
pub use lasting::Lasting;
pub use reserved::{Reserved, ReservedQueue};
