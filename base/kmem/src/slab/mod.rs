//! Slab allocation: objects of one size from shared pages, with a small per-CPU stock (magazine) in front.
//!
//! | file | holds |
//! |---|---|
//! | `cache` | `RawCache`: the fast path through this CPU's magazine, refill, drain |
//! | `node` | the slabs of a cache: free lists inside pages, partial and empty slabs |
//! | `classes` | the size classes `kmalloc-8` to `kmalloc-8192` under the global allocator |
//! | `named` | [`NamedCache`]: caches of modules, which come and go |
//! | `typed` | [`Cache<T>`] and [`SlabBox<T>`] |
//!
//! Everything may be called from interrupts: magazines are touched with interrupts off. In task context an allocation
//! that finds no memory reclaims and may have a victim chosen; elsewhere it uses the reserve.
//! Specification: J. Bonwick and J. Adams, Magazines and Vmem (USENIX 2001); slabinfo(5).
mod cache;
mod classes;
mod named;
mod node;
#[cfg(test)]
mod tests;
mod typed;

pub use cache::{SLAB_ALLOC, SlabInfo};
pub use classes::kmalloc_size;
pub use named::NamedCache;
pub use typed::{Cache, SlabBox};

#[cfg(target_os = "none")]
pub(crate) use classes::{class_of, reserve};

/// Calls `each` for every cache that was ever used. `active_objs` is exact: per-CPU stocks count as free.
pub fn for_each_info(mut each: impl FnMut(&SlabInfo)) {
    cache::for_each(|c| {
        if c.is_shown() {
            each(&c.info());
        }
    });
}

/// Gives this CPU's stocks and all empty slabs back to the page allocator. [`crate::drain_all`] does it on all CPUs.
pub fn drain_local() {
    cache::drain_local();
}
