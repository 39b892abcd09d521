//! Named caches of one type.
use super::cache::RawCache;
use crate::frame::NO_MEMORY;
use abi::Result;
use core::fmt;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// A named cache of objects of one type: `static DENTRIES: Cache<Dentry> = Cache::new("dentry");`
pub struct Cache<T> {
    raw: RawCache,
    what: PhantomData<fn() -> T>,
}

impl<T> Cache<T> {
    /// An empty one; memory is taken at the first allocation. `T` has at most 8192 bytes.
    pub const fn new(name: &'static str) -> Self {
        Self {
            raw: RawCache::new(name, size_of::<T>(), align_of::<T>()),
            what: PhantomData,
        }
    }
    /// Its name.
    pub fn name(&self) -> &'static str {
        self.raw.slabs.name
    }
    /// Its line of /proc/slabinfo.
    pub fn info(&self) -> super::cache::SlabInfo {
        self.raw.info()
    }
    /// Puts `value` into an object of the cache. ENOMEM.
    #[inline]
    pub fn alloc(&'static self, value: T) -> Result<SlabBox<T>> {
        let object = self.raw.alloc().ok_or(NO_MEMORY)?.cast::<T>();
        // SAFETY: a fresh object of the size and alignment of `T`.
        unsafe { object.write(value) };
        Ok(SlabBox {
            object,
            cache: self,
        })
    }
}

/// An owned object of a [`Cache`].
pub struct SlabBox<T: 'static> {
    object: NonNull<T>,
    cache: &'static Cache<T>,
}

// SAFETY: it owns its `T` as a `Box` does; the cache is shared and locked.
unsafe impl<T: Send> Send for SlabBox<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for SlabBox<T> {}

impl<T> Deref for SlabBox<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: owned and initialised.
        unsafe { self.object.as_ref() }
    }
}

impl<T> DerefMut for SlabBox<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: owned and initialised.
        unsafe { self.object.as_mut() }
    }
}

impl<T> Drop for SlabBox<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: owned; after the value is dropped nobody uses the object.
        unsafe {
            self.object.drop_in_place();
            self.cache.raw.free(self.object.cast());
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for SlabBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
