//! The spinning lock. [`SpinLock::lock`] turns preemption off; [`SpinLock::lock_irq`] interrupts as well, for data that
//! an interrupt handler also takes.
use core::cell::UnsafeCell;
use core::fmt;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicBool, Ordering};

use crate::class::LockClass;
use crate::context::{IrqGuard, Pinned, PreemptGuard, irq_disable, preempt_disable};
use crate::lockdep;

/// Data that one CPU at a time may touch, briefly.
pub struct SpinLock<T: ?Sized> {
    class: &'static LockClass,
    locked: AtomicBool,
    data: UnsafeCell<T>,
}

// SAFETY: the lock hands out access to one holder at a time.
unsafe impl<T: ?Sized + Send> Sync for SpinLock<T> {}
// SAFETY: moving the lock moves the data.
unsafe impl<T: ?Sized + Send> Send for SpinLock<T> {}

impl<T> SpinLock<T> {
    /// A free lock of `class` around `data`.
    pub const fn new(class: &'static LockClass, data: T) -> Self {
        Self {
            class,
            locked: AtomicBool::new(false),
            data: UnsafeCell::new(data),
        }
    }
    /// The data, the lock being given up.
    pub fn into_inner(self) -> T {
        self.data.into_inner()
    }
}

impl<T: ?Sized> SpinLock<T> {
    /// Takes the lock; preemption stays off while the guard lives.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        let pin = preempt_disable();
        self.acquire();
        SpinGuard {
            lock: self,
            _pin: pin,
        }
    }

    /// Takes the lock; interrupts stay off while the guard lives.
    #[inline]
    #[track_caller]
    pub fn lock_irq(&self) -> SpinIrqGuard<'_, T> {
        let pin = irq_disable();
        self.acquire();
        SpinIrqGuard {
            lock: self,
            _pin: pin,
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    #[track_caller]
    pub fn try_lock(&self) -> Option<SpinGuard<'_, T>> {
        let pin = preempt_disable();
        // Lazily: a guard made and dropped would release another's lock.
        self.try_acquire().then(|| SpinGuard {
            lock: self,
            _pin: pin,
        })
    }

    /// Takes the lock if it is free, interrupts off.
    #[inline]
    #[track_caller]
    pub fn try_lock_irq(&self) -> Option<SpinIrqGuard<'_, T>> {
        let pin = irq_disable();
        self.try_acquire().then(|| SpinIrqGuard {
            lock: self,
            _pin: pin,
        })
    }

    /// The data, without locking: the borrow proves that nobody else can.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    /// Where the data is.
    #[inline]
    pub(crate) const fn data_ptr(&self) -> *mut T {
        self.data.get()
    }

    /// Whether somebody holds it, at this moment.
    #[inline]
    pub fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Relaxed)
    }

    #[inline]
    #[track_caller]
    fn acquire(&self) {
        if self
            .locked
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.spin();
        }
        lockdep::spin_acquired(self.class, self.addr());
    }

    #[inline]
    fn try_acquire(&self) -> bool {
        let got = self
            .locked
            .compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
        if got {
            lockdep::spin_tried(self.class, self.addr());
        }
        got
    }

    #[cold]
    fn spin(&self) {
        loop {
            while self.locked.load(Ordering::Relaxed) {
                hal::cpu::relax();
            }
            if self
                .locked
                .compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                return;
            }
        }
    }

    #[inline]
    fn release(&self) {
        lockdep::spin_released(self.addr());
        self.locked.store(false, Ordering::Release);
    }

    #[inline]
    fn addr(&self) -> usize {
        core::ptr::from_ref(&self.locked).addr()
    }

    /// Frees a lock that was taken and whose guard was forgotten: the scheduler takes a run queue's lock in one thread
    /// and frees it in the next.
    ///
    /// # Safety
    /// This CPU holds the lock by a guard that was forgotten with [`core::mem::forget`].
    pub unsafe fn force_unlock(&self) {
        self.release();
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for SpinLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpinLock({})", self.class.name())
    }
}

macro_rules! guard {
    ($(#[$doc:meta])* $name:ident, $pin:ty) => {
        $(#[$doc])*
        #[must_use]
        pub struct $name<'a, T: ?Sized> {
            lock: &'a SpinLock<T>,
            _pin: $pin,
        }
        impl<T: ?Sized> Drop for $name<'_, T> {
            #[inline]
            fn drop(&mut self) {
                self.lock.release();
            }
        }
        impl<T: ?Sized> Deref for $name<'_, T> {
            type Target = T;
            #[inline]
            fn deref(&self) -> &T {
                // SAFETY: the guard holds the lock.
                unsafe { &*self.lock.data.get() }
            }
        }
        impl<T: ?Sized> DerefMut for $name<'_, T> {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                // SAFETY: the guard holds the lock, and it is borrowed mutably.
                unsafe { &mut *self.lock.data.get() }
            }
        }
        // SAFETY: preemption or interrupts are off while the guard lives.
        unsafe impl<T: ?Sized> Pinned for $name<'_, T> {}
    };
}
guard! {
    /// A held [`SpinLock`], preemption off.
    SpinGuard, PreemptGuard
}
guard! {
    /// A held [`SpinLock`], interrupts off.
    SpinIrqGuard, IrqGuard
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    static CLASS: LockClass = LockClass::new("test", 0);

    #[test]
    fn excludes() {
        let lock = Arc::new(SpinLock::new(&CLASS, 0u64));
        let threads: std::vec::Vec<_> = (0..4)
            .map(|_| {
                let lock = Arc::clone(&lock);
                std::thread::spawn(move || (0..1000).for_each(|_| *lock.lock() += 1))
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*lock.lock(), 4000);
    }

    #[test]
    fn try_lock_fails_when_held() {
        let lock = SpinLock::new(&CLASS, ());
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        assert!(lock.try_lock_irq().is_none());
        assert!(lock.is_locked(), "a failed try must not unlock");
        drop(held);
        assert!(lock.try_lock().is_some());
    }
}
