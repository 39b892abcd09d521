//! Accounting: who pays for memory. One group, the root, exists so far; every site names its kind.
use core::sync::atomic::{AtomicIsize, Ordering};
use sync::percpu::{CachePadded, PerCpu};

/// Who pays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GroupId(pub u32);

/// The group of everything that has no other.
pub const ROOT: GroupId = GroupId(0);

/// For what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Charge {
    /// Pages behind a `Frame`.
    Frames = 0,
    /// Pages of slabs.
    Slab = 1,
    /// Pages of user page tables.
    Tables = 2,
    /// Pages of kernel stacks.
    Stacks = 3,
    /// Pages of other vmalloc areas and blocks.
    Kernel = 4,
    /// Of the frames, those in a page cache.
    Cache = 5,
}

const KINDS: usize = 6;

#[expect(
    clippy::declare_interior_mutable_const,
    reason = "a constant to repeat in the array below"
)]
const ZERO: CachePadded<[AtomicIsize; KINDS]> = CachePadded([const { AtomicIsize::new(0) }; KINDS]);
static ROOT_COUNTS: PerCpu<[AtomicIsize; KINDS]> = PerCpu::new([ZERO; hal::MAX_CPUS]);

/// Adds `pages` (negative: gives them back) to what the root group has of a kind.
#[inline]
pub fn charge(kind: Charge, pages: isize) {
    ROOT_COUNTS.here()[kind as usize].fetch_add(pages, Ordering::Relaxed);
}

/// Pages charged to a group for a kind; 0 for groups that do not exist.
pub fn pages(group: GroupId, kind: Charge) -> usize {
    if group != ROOT {
        return 0;
    }
    let sum: isize = ROOT_COUNTS
        .iter()
        .map(|c| c[kind as usize].load(Ordering::Relaxed))
        .sum();
    sum.max(0) as usize
}
