//! A lock around a value, whatever kind of lock it is.
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

/// A kind of lock of the kernel's.
///
/// # Safety
/// Between `lock`, or a `try_lock` that gave true, and `unlock` no other call of them returns so for the same state. A state that
/// nobody holds may be moved.
pub unsafe trait Backend {
    /// What the C interface knows it by.
    type State;
    /// Unlocked.
    const UNLOCKED: Self::State;

    /// # Safety
    /// `state` began as `UNLOCKED` and stays where it is as long as the lock is held.
    unsafe fn lock(state: *mut Self::State);
    /// # Safety
    /// As for `lock`.
    unsafe fn try_lock(state: *mut Self::State) -> bool;
    /// # Safety
    /// The caller holds it.
    unsafe fn unlock(state: *mut Self::State);
}

/// A lock: its value is reached through the guard only.
pub struct Lock<T, B: Backend> {
    state: UnsafeCell<B::State>,
    value: UnsafeCell<T>,
}

// SAFETY: whoever has the lock has the value alone, on whatever thread.
unsafe impl<T: Send, B: Backend> Send for Lock<T, B> {}
// SAFETY: as above.
unsafe impl<T: Send, B: Backend> Sync for Lock<T, B> {}

impl<T, B: Backend> Lock<T, B> {
    /// Unlocked, around `value`.
    pub const fn new(value: T) -> Self {
        Self {
            state: UnsafeCell::new(B::UNLOCKED),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock.
    pub fn lock(&self) -> Guard<'_, T, B> {
        // SAFETY: it is not moved while it is borrowed.
        unsafe { B::lock(self.state.get()) };
        Guard::new(self)
    }

    /// Takes the lock if nobody has it.
    pub fn try_lock(&self) -> Option<Guard<'_, T, B>> {
        // SAFETY: as in `lock`.
        let taken = unsafe { B::try_lock(self.state.get()) };
        taken.then(|| Guard::new(self))
    }

    /// The value, by who owns the lock.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

/// The lock is held as long as this lives.
#[must_use = "the lock is given back when the guard is dropped"]
pub struct Guard<'a, T, B: Backend> {
    lock: &'a Lock<T, B>,
    /// Given back where it was taken.
    not_send: PhantomData<*mut ()>,
}

// SAFETY: shared, it gives shared access to the value.
unsafe impl<T: Sync, B: Backend> Sync for Guard<'_, T, B> {}

impl<'a, T, B: Backend> Guard<'a, T, B> {
    const fn new(lock: &'a Lock<T, B>) -> Self {
        Self {
            lock,
            not_send: PhantomData,
        }
    }
}

impl<T, B: Backend> Deref for Guard<'_, T, B> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is ours.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T, B: Backend> DerefMut for Guard<'_, T, B> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is ours, and so is the guard.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T, B: Backend> Drop for Guard<'_, T, B> {
    fn drop(&mut self) {
        // SAFETY: it was taken when the guard was made.
        unsafe { B::unlock(self.lock.state.get()) };
    }
}
