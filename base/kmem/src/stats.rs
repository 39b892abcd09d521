//! Inputs of /proc/meminfo, /proc/buddyinfo and /proc/vmstat in one call.
use crate::charge::{self, Charge};
use crate::{frame, stack, vmalloc};

/// Memory counters; pages unless named otherwise.
#[derive(Clone, Copy, Debug)]
pub struct MemStats {
    /// Page allocator.
    pub frames: frame::FrameStats,
    /// Pages of slabs.
    pub slab: usize,
    /// Pages of user page tables.
    pub tables: usize,
    /// Kernel stacks in use, bytes.
    pub stack_bytes: usize,
    /// vmalloc areas.
    pub vmalloc: VmallocStats,
}

/// Counters for /proc/meminfo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VmallocStats {
    /// Bytes of address space there are.
    pub total_bytes: usize,
    /// Bytes mapped in areas, kernel stacks included.
    pub used_bytes: usize,
    /// Areas, kernel stacks included.
    pub areas: usize,
}

/// Exact counters.
pub fn stats() -> MemStats {
    MemStats {
        frames: frame::stats(),
        slab: charge::pages(charge::ROOT, Charge::Slab),
        tables: charge::pages(charge::ROOT, Charge::Tables),
        stack_bytes: stack::in_use() * stack::STACK_SIZE,
        vmalloc: vmalloc_stats(),
    }
}

/// Exact counters of vmalloc's window.
pub fn vmalloc_stats() -> VmallocStats {
    let stacks = stack::in_use();
    let (bytes, areas) = vmalloc::areas();
    VmallocStats {
        total_bytes: vmalloc::TOTAL,
        used_bytes: bytes + stacks * stack::STACK_SIZE,
        areas: areas + stacks,
    }
}
