//! The sleeping lock.
//!
//! Free → held is one compare-and-swap, and so is the way back when nobody waits. A lock whose owner died by an oops is
//! dead: who takes it is reported and dies too, so that nobody waits for it in silence.
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::class::{self, LockClass, Report};
use crate::cost;
use crate::lockdep;
use crate::thread::WaitMode;
use crate::waitqueue::{WaitError, WaitQueue};

const HELD: u32 = 1;
const WAITERS: u32 = 2;
pub(crate) const DEAD: u32 = 1 << 31;

/// Data that one thread at a time may touch; waiting sleeps.
pub struct Mutex<T: ?Sized> {
    raw: Raw,
    data: UnsafeCell<T>,
}

/// The lock without what it protects; its address is the lock's in the stack of held locks.
struct Raw {
    class: &'static LockClass,
    state: AtomicU32,
    queue: WaitQueue,
}

// SAFETY: the lock hands out access to one holder at a time.
unsafe impl<T: ?Sized + Send> Sync for Mutex<T> {}
// SAFETY: moving the lock moves the data.
unsafe impl<T: ?Sized + Send> Send for Mutex<T> {}

impl<T> Mutex<T> {
    /// A free lock of `class` around `data`.
    pub const fn new(class: &'static LockClass, data: T) -> Self {
        Self {
            raw: Raw {
                class,
                state: AtomicU32::new(0),
                queue: WaitQueue::new(),
            },
            data: UnsafeCell::new(data),
        }
    }
    /// The data, the lock being given up.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// Takes the lock, sleeping as long as it takes.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        crate::context::might_sleep();
        if self
            .raw
            .state
            .compare_exchange(0, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            let _ = self.slow(WaitMode::Uninterruptible);
        }
        self.guard()
    }

    /// Takes the lock, unless a signal comes first.
    ///
    /// # Errors
    /// [`WaitError::Interrupted`].
    #[track_caller]
    pub fn lock_interruptible(&self) -> Result<MutexGuard<'_, T>, WaitError> {
        crate::context::might_sleep();
        if self
            .raw
            .state
            .compare_exchange(0, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.slow(WaitMode::Interruptible)?;
        }
        Ok(self.guard())
    }

    /// Takes the lock if it is free.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let free = self
            .raw
            .state
            .compare_exchange(0, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        free.then(|| self.guard())
    }

    /// The data, without locking.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Whether somebody holds it, at this moment.
    pub fn is_locked(&self) -> bool {
        self.raw.state.load(Ordering::Relaxed) & HELD != 0
    }

    #[inline]
    #[track_caller]
    fn guard(&self) -> MutexGuard<'_, T> {
        lockdep::sleep_acquired(self.raw.class, self.addr(), kill);
        MutexGuard {
            lock: self,
            _not_send: PhantomData,
        }
    }

    #[inline]
    fn addr(&self) -> usize {
        core::ptr::from_ref(&self.raw).expose_provenance()
    }

    #[cold]
    fn slow(&self, mode: WaitMode) -> Result<(), WaitError> {
        let queue = &self.raw.queue;
        cost::for_lock(|| queue.wait(mode, None, || self.try_contended().then_some(())))
    }

    /// Takes a free lock, or notes that somebody waits.
    fn try_contended(&self) -> bool {
        let mut state = self.raw.state.load(Ordering::Relaxed);
        loop {
            if state & DEAD != 0 {
                class::report(&Report::DeadLock {
                    class: self.raw.class,
                });
                panic!("{}: the lock's owner died", self.raw.class.name());
            }
            // Whoever takes it after a wait leaves WAITERS on: others may be queued behind; an extra wake is harmless.
            let new = if state & HELD == 0 {
                HELD | WAITERS
            } else {
                state | WAITERS
            };
            match self.raw.state.compare_exchange_weak(
                state,
                new,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return state & HELD == 0,
                Err(now) => state = now,
            }
        }
    }

    #[inline]
    fn release(&self) {
        lockdep::sleep_released(self.addr());
        if self.raw.state.swap(0, Ordering::Release) & WAITERS != 0 {
            self.raw.queue.wake_one();
        }
    }
}

/// Marks a lock dead whose owner will never release it; whoever waits for it wakes up and fails.
///
/// # Safety
/// `addr` is that of the [`Raw`] of a live lock.
unsafe fn kill(addr: usize) {
    // SAFETY: the caller's promise.
    let raw = unsafe { &*core::ptr::with_exposed_provenance::<Raw>(addr) };
    raw.state.fetch_or(DEAD, Ordering::Relaxed);
    raw.queue.wake_all();
}

/// A held [`Mutex`]. Not `Send`: the thread that took it releases it.
#[must_use]
pub struct MutexGuard<'a, T: ?Sized> {
    lock: &'a Mutex<T>,
    _not_send: PhantomData<*const ()>,
}

impl<T: ?Sized> Drop for MutexGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.release();
    }
}
impl<T: ?Sized> Deref for MutexGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.lock.data.get() }
    }
}
impl<T: ?Sized> DerefMut for MutexGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock, borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    static CLASS: LockClass = LockClass::new("test-mutex", 0);

    #[test]
    fn excludes_under_contention() {
        let lock = Arc::new(Mutex::new(&CLASS, 0u64));
        let threads: std::vec::Vec<_> = (0..4)
            .map(|_| {
                let lock = Arc::clone(&lock);
                std::thread::spawn(move || {
                    for _ in 0..2000 {
                        let mut n = lock.lock();
                        let seen = *n;
                        std::thread::yield_now();
                        *n = seen + 1;
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*lock.lock(), 8000);
        assert!(!lock.is_locked());
    }
}
