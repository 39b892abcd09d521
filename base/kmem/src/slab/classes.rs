//! The size classes under the global allocator.
use super::cache::RawCache;
use core::alloc::Layout;
use core::ptr::NonNull;

/// Largest object of a class; more takes pages.
pub(crate) const LARGEST: usize = 8192;

static CLASSES: [RawCache; 13] = [
    RawCache::new("kmalloc-8", 8, 8),
    RawCache::new("kmalloc-16", 16, 16),
    RawCache::new("kmalloc-32", 32, 32),
    RawCache::new("kmalloc-64", 64, 64),
    RawCache::new("kmalloc-96", 96, 32),
    RawCache::new("kmalloc-128", 128, 128),
    RawCache::new("kmalloc-192", 192, 64),
    RawCache::new("kmalloc-256", 256, 256),
    RawCache::new("kmalloc-512", 512, 512),
    RawCache::new("kmalloc-1k", 1024, 1024),
    RawCache::new("kmalloc-2k", 2048, 2048),
    RawCache::new("kmalloc-4k", 4096, 4096),
    RawCache::new("kmalloc-8k", 8192, 4096),
];

/// Class by (size - 1) / 8, for sizes to 192.
const SMALL: [u8; 24] = [
    0, 1, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 6,
];

/// A size class.
#[derive(Clone, Copy)]
pub(crate) struct Class(&'static RawCache);

/// The class that serves a layout; `None`: too large. Layouts of size 0 do not reach an allocator.
#[inline]
pub(crate) fn class_of(layout: Layout) -> Option<Class> {
    // Classes that are powers of two are aligned to their size; the two others only to 32 and 64.
    let size = if layout.align() > 32 {
        layout.size().next_multiple_of(layout.align())
    } else {
        layout.size()
    };
    let size = size.max(layout.align());
    if layout.align() > 4096 {
        return None;
    }
    let index = if size <= 192 {
        SMALL[(size.max(1) - 1) / 8] as usize
    } else if size <= LARGEST {
        size.next_power_of_two().ilog2() as usize - 1
    } else {
        return None;
    };
    Some(Class(&CLASSES[index]))
}

#[cfg_attr(
    not(any(target_os = "none", test)),
    expect(dead_code, reason = "the host has its own global allocator")
)]
impl Class {
    /// An object. `None`: no memory.
    #[inline]
    pub(crate) fn alloc(self) -> Option<NonNull<u8>> {
        self.0.alloc()
    }
    /// Takes an object back.
    ///
    /// # Safety
    /// It came from this class and nobody uses it any more.
    #[inline]
    pub(crate) unsafe fn free(self, object: NonNull<u8>) {
        // SAFETY: the caller's promise.
        unsafe { self.0.free(object) }
    }
    /// Whether two layouts share a class.
    #[cfg(target_os = "none")]
    #[inline]
    pub(crate) fn is(self, other: Self) -> bool {
        core::ptr::eq(self.0, other.0)
    }
    pub(super) fn size(self) -> usize {
        self.0.slabs.geometry.size
    }
}

/// Makes sure that the next allocation of `layout` on this CPU succeeds, while the result lives. `None`: no memory.
#[cfg(target_os = "none")]
#[inline]
pub(crate) fn reserve(layout: Layout) -> Option<crate::machine::Pinned> {
    class_of(layout)?.0.reserve()
}

/// How many bytes an allocation of `size` bytes really takes (`ksize`): for containers that can use the slack.
pub fn kmalloc_size(size: usize) -> usize {
    match Layout::from_size_align(size, 8).ok().and_then(class_of) {
        Some(class) => class.size(),
        None => size.next_multiple_of(hal::addr::PAGE_SIZE),
    }
}
