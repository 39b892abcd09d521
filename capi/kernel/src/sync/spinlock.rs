//! A lock for moments: its waiters spin, and who has it must not sleep.
use crate::bindings::{_raw_spin_lock, _raw_spin_trylock, _raw_spin_unlock, CSpinLock};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// A lock for moments: its waiters spin, and who has it must not sleep. The value is reached through the guard only.
pub struct SpinLock<T> {
    raw: UnsafeCell<CSpinLock>,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has the lock has the value alone, on whatever thread.
unsafe impl<T: Send> Send for SpinLock<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// Unlocked, around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            raw: UnsafeCell::new(CSpinLock { word: 0 }),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock.
    pub fn lock(&self) -> SpinLockGuard<'_, T> {
        // SAFETY: a lock that was made right and is not moved while it is borrowed.
        unsafe { _raw_spin_lock(self.raw.get()) };
        SpinLockGuard {
            lock: self,
            not_send: PhantomData,
        }
    }

    /// Takes the lock if nobody has it.
    pub fn try_lock(&self) -> Option<SpinLockGuard<'_, T>> {
        // SAFETY: as in `lock`.
        let taken = unsafe { _raw_spin_trylock(self.raw.get()) } != 0;
        taken.then_some(SpinLockGuard {
            lock: self,
            not_send: PhantomData,
        })
    }

    /// The value, by who owns the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// The lock is held as long as this lives.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct SpinLockGuard<'a, T> {
    lock: &'a SpinLock<T>,
    /// Given back where it was taken.
    not_send: PhantomData<*mut ()>,
}

// SAFETY: shared, it gives shared access to the value.
unsafe impl<T: Sync> Sync for SpinLockGuard<'_, T> {}

impl<T> Deref for SpinLockGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is ours.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for SpinLockGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is ours, and so is the guard.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for SpinLockGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: it was taken when the guard was made.
        unsafe { _raw_spin_unlock(self.lock.raw.get()) };
    }
}
