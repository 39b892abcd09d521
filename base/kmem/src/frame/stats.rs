//! How many pages there are, and where the free ones are.
use super::{lists, tables, zone};

/// Counts of pages, exact when nothing allocates meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameStats {
    /// Pages the allocator manages.
    pub total: usize,
    /// Free ones, those on per-CPU lists included.
    pub free: usize,
    /// Of the free ones, on per-CPU lists.
    pub per_cpu: usize,
    /// Of the free ones, kept for page tables.
    pub tables: usize,
    /// Free blocks by order, without per-CPU lists (/proc/buddyinfo).
    pub by_order: [usize; 11],
    /// Watermarks in pages: below `min` only `Gfp::ATOMIC` gets pages, below `low` reclaim should start.
    pub min: usize,
    /// See `min`.
    pub low: usize,
    /// Reclaim may stop here.
    pub high: usize,
}

/// Page counts.
pub fn stats() -> FrameStats {
    let (in_zone, mut by_order) = zone::free_counts();
    let (listed, of_tables) = tables::free_counts();
    let mut in_pool = 0;
    for (order, blocks) in of_tables.into_iter().enumerate() {
        by_order[order] += blocks;
        in_pool += blocks << order;
    }
    let per_cpu = lists::len() + listed;
    let [min, low, high] = zone::watermarks();
    FrameStats {
        total: zone::total(),
        free: in_zone + in_pool + per_cpu,
        per_cpu,
        tables: in_pool + listed,
        by_order,
        min,
        low,
        high,
    }
}
