//! A lock whose waiters sleep.
use crate::bindings::{CMutex, mutex_lock, mutex_trylock, mutex_unlock};
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// A lock whose waiters sleep. The value is reached through the guard only.
pub struct Mutex<T> {
    raw: UnsafeCell<CMutex>,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has the lock has the value alone, on whatever thread.
unsafe impl<T: Send> Send for Mutex<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// Unlocked, around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            raw: UnsafeCell::new(CMutex {
                owner: 0,
                name: c"mutex".as_ptr(),
                reserved: [0; 2],
            }),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        // SAFETY: a lock that was made right and is not moved while it is borrowed.
        unsafe { mutex_lock(self.raw.get()) };
        MutexGuard {
            lock: self,
            not_send: PhantomData,
        }
    }

    /// Takes the lock if nobody has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        // SAFETY: as in `lock`.
        let taken = unsafe { mutex_trylock(self.raw.get()) } != 0;
        taken.then_some(MutexGuard {
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
pub struct MutexGuard<'a, T> {
    lock: &'a Mutex<T>,
    /// Given back where it was taken.
    not_send: PhantomData<*mut ()>,
}

// SAFETY: shared, it gives shared access to the value.
unsafe impl<T: Sync> Sync for MutexGuard<'_, T> {}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is ours.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is ours, and so is the guard.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: it was taken when the guard was made.
        unsafe { mutex_unlock(self.lock.raw.get()) };
    }
}
