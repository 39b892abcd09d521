//! Page frames: the counted handle [`Frame`], its metadata and the allocator behind it.
//!
//! | file | holds |
//! |---|---|
//! | `meta`, `kind`, `gfp` | what is known of a page, what it is used for, how one is asked for |
//! | `zone` | the free pages: buddy lists under one lock |
//! | `lists` | per-CPU lists in front of it |
//! | `tables` | the pages of page tables, apart from all others |
//! | `page_alloc` | allocation: list, zone, reclaim, victim |
//! | `stats` | how many pages are free, and where |
//! | `page`, `block` | the owned handles [`Frame`] and [`Block`] |
//! | `huge` | pages of 2 MiB, their pool |
//! | `initrd` | pages that came with the boot loader |
mod block;
mod gfp;
mod huge;
mod initrd;
mod kind;
mod lists;
mod meta;
mod page;
mod page_alloc;
mod stats;
mod tables;
#[cfg(test)]
mod tests;
mod zone;

pub use block::{Block, alloc_block};
pub use gfp::Gfp;
pub use huge::{
    HUGE_SIZE, HugeCounts, HugePage, huge_counts, promise_huge, reserve_huge, resize_huge_pool,
    set_huge_overcommit, unreserve_huge,
};
#[cfg(not(target_os = "none"))]
pub use initrd::place_initrd;
pub use initrd::{adopt, free_reserved, with_initrd};
pub use lists::zero_one_ahead;
pub use meta::{FrameMeta, PageFlags};
pub use page::Frame;
#[cfg(target_os = "none")]
pub use page::of_image;
pub use page_alloc::FRAME_ALLOC;
#[cfg(target_os = "none")]
pub use page_alloc::{has_ram, is_ram, notes_of};
pub use stats::{FrameStats, stats};

#[cfg(target_os = "none")]
pub(crate) use initrd::set_adoptable;
pub(crate) use kind::{Kind, NO_MEMORY};
pub(crate) use lists::{drain_local, give_all};
pub(crate) use page_alloc::{alloc_order, alloc_page, free_order, release_page};
pub(crate) use tables::{
    alloc_table, drain_local as drain_tables, free_table, trim as trim_tables,
};
#[cfg(target_os = "none")]
pub(crate) use tables::{init as init_tables, set_flush};
#[cfg(target_os = "none")]
pub(crate) use zone::init;

/// One past the highest page number that is used: 1 TiB. What lies above is left alone.
pub(crate) const MOST_PAGES: usize = 1 << 28;

/// Pages the allocator manages: a constant but for adopted pages. Cheaper than [`stats`].
pub fn total_pages() -> usize {
    zone::total()
}
