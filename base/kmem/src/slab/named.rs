//! Caches that come and go: those of kernel modules. A cache that is given up keeps its place among all caches, unseen, and
//! serves the next one of the same name and size.
use super::cache::RawCache;
use crate::frame::NO_MEMORY;
use crate::{TryString, try_box};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::string::String;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use hal::addr::PAGE_SIZE;
use sync::{LockClass, SpinLock, rank};

static CLASS: LockClass = LockClass::new("slab.named", rank::NONE);

struct Place {
    raw: RawCache,
    size: usize,
    align: usize,
    live: AtomicUsize,
    next: AtomicPtr<Place>,
}

/// Places that nobody uses.
static FREE: SpinLock<AtomicPtr<Place>> =
    SpinLock::new(&CLASS, AtomicPtr::new(core::ptr::null_mut()));

/// A cache of objects of one size.
pub struct NamedCache(&'static Place);

impl NamedCache {
    /// A cache.
    ///
    /// # Errors
    /// `EINVAL`: objects of no size, of more than 8192 bytes or aligned to more than a page; `ENOMEM`.
    pub fn new(name: &str, size: usize, align: usize) -> Result<Self> {
        if size == 0 || size > 2 * PAGE_SIZE || align > PAGE_SIZE || !align.is_power_of_two() {
            return Err(Errno::EINVAL);
        }
        if let Some(place) = take(name, size, align) {
            place.raw.show(true);
            return Ok(Self(place));
        }
        // For good: what is listed once stays.
        let name = Box::leak(String::try_from_str(name)?.into_boxed_str());
        let place = try_box(Place {
            raw: RawCache::new(name, size, align),
            size,
            align,
            live: AtomicUsize::new(0),
            next: AtomicPtr::new(core::ptr::null_mut()),
        })?;
        Ok(Self(Box::leak(place)))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.raw.slabs.name
    }

    /// Objects that are in use.
    #[must_use]
    pub fn live(&self) -> usize {
        self.0.live.load(Ordering::Relaxed)
    }

    /// An object, of unspecified content.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn alloc(&self) -> Result<NonNull<u8>> {
        let object = self.0.raw.alloc().ok_or(NO_MEMORY)?;
        self.0.live.fetch_add(1, Ordering::Relaxed);
        Ok(object)
    }

    /// Takes an object back.
    ///
    /// # Safety
    /// It came from this cache and nobody uses it any more.
    pub unsafe fn free(&self, object: NonNull<u8>) {
        self.0.live.fetch_sub(1, Ordering::Relaxed);
        // SAFETY: the caller's promise.
        unsafe { self.0.raw.free(object) };
    }
}

impl Drop for NamedCache {
    fn drop(&mut self) {
        self.0.raw.show(false);
        self.0.raw.drain_local();
        let head = FREE.lock_irq();
        self.0
            .next
            .store(head.load(Ordering::Relaxed), Ordering::Relaxed);
        head.store(core::ptr::from_ref(self.0).cast_mut(), Ordering::Relaxed);
    }
}

/// Takes a free place of that name and size off the list.
fn take(name: &str, size: usize, align: usize) -> Option<&'static Place> {
    let head = FREE.lock_irq();
    let mut link: &AtomicPtr<Place> = &head;
    loop {
        // SAFETY: places live for good.
        let place = unsafe { link.load(Ordering::Relaxed).as_ref() }?;
        let same = place.size == size && place.align == align;
        if same && place.raw.slabs.name == name {
            link.store(place.next.load(Ordering::Relaxed), Ordering::Relaxed);
            return Some(place);
        }
        link = &place.next;
    }
}
