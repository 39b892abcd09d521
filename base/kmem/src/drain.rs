//! What is kept at hand goes back, for exact counts and for memory.
use crate::{frame, pressure, slab, space, stack, vmalloc};

/// Gives back what this CPU keeps at hand: objects, empty slabs, kernel stacks, roots of page tables, single pages.
pub fn drain_local() {
    slab::drain_local();
    stack::drain_local();
    vmalloc::settle();
    vmalloc::trim();
    space::drain_local();
    frame::drain_tables();
    frame::drain_local();
}

/// Has every CPU do [`drain_local`]: when nothing else runs, counts of pages in use are exact afterwards. For tests and
/// for `/proc/sys/vm/drop_caches`; in task context.
pub fn drain_all() {
    space::drain_others();
    drain_local();
    frame::trim_tables();
    // The other CPUs could not wait for TLBs; and what that freed lies at hand here again.
    frame::drain_local();
}

/// Takes back all that can be had: `/proc/sys/vm/drop_caches`. Returns how many pages reclaimers gave. In task context.
pub fn drop_caches() -> usize {
    let freed = pressure::reclaim_all();
    drain_all();
    freed
}
