//! A value that many own: it goes when the last of them goes.
use crate::alloc::{Flags, KBox};
use crate::error::AllocError;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering, fence};

struct Inner<T> {
    owners: AtomicU32,
    value: T,
}

/// One of the owners.
pub struct Arc<T> {
    inner: NonNull<Inner<T>>,
    owns: PhantomData<Inner<T>>,
}

// SAFETY: owners on several threads share the value, and the last one drops it.
unsafe impl<T: Send + Sync> Send for Arc<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Arc<T> {}

/// A borrowed [`Arc`].
pub type ArcBorrow<'a, T> = &'a T;

/// Owners above this are a leak that goes on: the count stays there and the value is never dropped.
const MANY: u32 = i32::MAX as u32;

impl<T> Arc<T> {
    /// Moves `value` to memory that can be shared.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        let inner = KBox::new(
            Inner {
                owners: AtomicU32::new(1),
                value,
            },
            flags,
        )?;
        // SAFETY: the address is that of a box; `drop` gives it back.
        Ok(unsafe { Self::from_raw(inner.into_raw().cast()) })
    }

    /// Whether both are the same value.
    #[must_use]
    pub fn ptr_eq(this: &Self, other: &Self) -> bool {
        this.inner == other.inner
    }

    pub(crate) fn into_raw(self) -> *mut () {
        core::mem::ManuallyDrop::new(self).inner.as_ptr().cast()
    }

    /// # Safety
    /// `at` comes from `into_raw`, and this is the owner that it stood for.
    pub(crate) unsafe fn from_raw(at: *mut ()) -> Self {
        Self {
            // SAFETY: it is no null pointer, says the caller.
            inner: unsafe { NonNull::new_unchecked(at.cast()) },
            owns: PhantomData,
        }
    }

    /// # Safety
    /// `at` comes from `into_raw`, and the owner that it stands for outlives the borrow.
    pub(crate) unsafe fn borrow<'a>(at: *mut ()) -> &'a T {
        // SAFETY: the value is there, says the caller.
        unsafe { &(*at.cast::<Inner<T>>()).value }
    }

    fn inner(&self) -> &Inner<T> {
        // SAFETY: it is there as long as an owner is.
        unsafe { self.inner.as_ref() }
    }
}

impl<T> Clone for Arc<T> {
    fn clone(&self) -> Self {
        let owners = &self.inner().owners;
        if owners.fetch_add(1, Ordering::Relaxed) > MANY {
            owners.store(MANY, Ordering::Relaxed);
        }
        Self {
            inner: self.inner,
            owns: PhantomData,
        }
    }
}

impl<T> Drop for Arc<T> {
    fn drop(&mut self) {
        let owners = &self.inner().owners;
        if owners.load(Ordering::Relaxed) >= MANY || owners.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        // SAFETY: this was the last owner, and the address that of a box.
        drop(unsafe { KBox::from_raw(self.inner.as_ptr()) });
    }
}

impl<T> Deref for Arc<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner().value
    }
}
