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
    pub vmalloc: vmalloc::VmallocStats,
}

/// Exact counters.
pub fn stats() -> MemStats {
    MemStats {
        frames: frame::stats(),
        slab: charge::pages(charge::ROOT, Charge::Slab),
        tables: charge::pages(charge::ROOT, Charge::Tables),
        stack_bytes: stack::in_use() * stack::STACK_SIZE,
        vmalloc: vmalloc::stats(),
    }
}
