//! A spinning lock with many readers or one writer. A waiting writer keeps new readers out, except in interrupts.
use core::cell::UnsafeCell;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::class::LockClass;
use crate::context::{Context, IrqGuard, Pinned, PreemptGuard, irq_disable, preempt_disable};
use crate::lockdep;

const WRITER: u32 = 1 << 31;
const WANTED: u32 = 1 << 30;

/// Data that many may read or one may write, briefly.
pub struct RwSpinLock<T: ?Sized> {
    class: &'static LockClass,
    state: AtomicU32,
    data: UnsafeCell<T>,
}

// SAFETY: writers are alone; readers share `&T`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwSpinLock<T> {}
// SAFETY: moving the lock moves the data.
unsafe impl<T: ?Sized + Send> Send for RwSpinLock<T> {}

impl<T> RwSpinLock<T> {
    /// A free lock of `class` around `data`.
    pub const fn new(class: &'static LockClass, data: T) -> Self {
        Self {
            class,
            state: AtomicU32::new(0),
            data: UnsafeCell::new(data),
        }
    }
}

impl<T: ?Sized> RwSpinLock<T> {
    /// Takes it for reading, preemption off.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> RwSpinReadGuard<'_, T, PreemptGuard> {
        let pin = preempt_disable();
        self.acquire_read();
        RwSpinReadGuard {
            lock: self,
            _pin: pin,
        }
    }
    /// Takes it for reading, interrupts off.
    #[inline]
    #[track_caller]
    pub fn read_irq(&self) -> RwSpinReadGuard<'_, T, IrqGuard> {
        let pin = irq_disable();
        self.acquire_read();
        RwSpinReadGuard {
            lock: self,
            _pin: pin,
        }
    }
    /// Takes it for reading, interrupts off, unless a writer has it: for who reports while the kernel dies.
    #[inline]
    #[track_caller]
    pub fn try_read_irq(&self) -> Option<RwSpinReadGuard<'_, T, IrqGuard>> {
        let pin = irq_disable();
        let shared = |state: u32| (state & WRITER == 0).then_some(state + 1);
        self.state
            .fetch_update(Ordering::Acquire, Ordering::Relaxed, shared)
            .ok()?;
        lockdep::spin_acquired(self.class, self.addr());
        Some(RwSpinReadGuard {
            lock: self,
            _pin: pin,
        })
    }
    /// Takes it for writing, preemption off.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> RwSpinWriteGuard<'_, T, PreemptGuard> {
        let pin = preempt_disable();
        self.acquire_write();
        RwSpinWriteGuard {
            lock: self,
            _pin: pin,
        }
    }
    /// Takes it for writing, interrupts off.
    #[inline]
    #[track_caller]
    pub fn write_irq(&self) -> RwSpinWriteGuard<'_, T, IrqGuard> {
        let pin = irq_disable();
        self.acquire_write();
        RwSpinWriteGuard {
            lock: self,
            _pin: pin,
        }
    }
    /// The data, without locking.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    #[inline]
    #[track_caller]
    fn acquire_read(&self) {
        let closed = if Context::current() == Context::Task {
            WRITER | WANTED
        } else {
            WRITER
        };
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & closed == 0
                && self
                    .state
                    .compare_exchange_weak(state, state + 1, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                break;
            }
            hal::cpu::relax();
        }
        lockdep::spin_acquired(self.class, self.addr());
    }

    #[inline]
    #[track_caller]
    fn acquire_write(&self) {
        loop {
            let state = self.state.load(Ordering::Relaxed);
            if state & !WANTED == 0
                && self
                    .state
                    .compare_exchange_weak(state, WRITER, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                break;
            }
            self.state.fetch_or(WANTED, Ordering::Relaxed);
            hal::cpu::relax();
        }
        lockdep::spin_acquired(self.class, self.addr());
    }

    #[inline]
    fn addr(&self) -> usize {
        core::ptr::from_ref(&self.state).addr()
    }
}

/// A [`RwSpinLock`] held for reading.
#[must_use]
pub struct RwSpinReadGuard<'a, T: ?Sized, P: Pinned> {
    lock: &'a RwSpinLock<T>,
    _pin: P,
}
impl<T: ?Sized, P: Pinned> Drop for RwSpinReadGuard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        lockdep::spin_released(self.lock.addr());
        self.lock.state.fetch_sub(1, Ordering::Release);
    }
}
impl<T: ?Sized, P: Pinned> Deref for RwSpinReadGuard<'_, T, P> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: held for reading.
        unsafe { &*self.lock.data.get() }
    }
}

/// A [`RwSpinLock`] held for writing.
#[must_use]
pub struct RwSpinWriteGuard<'a, T: ?Sized, P: Pinned> {
    lock: &'a RwSpinLock<T>,
    _pin: P,
}
impl<T: ?Sized, P: Pinned> Drop for RwSpinWriteGuard<'_, T, P> {
    #[inline]
    fn drop(&mut self) {
        lockdep::spin_released(self.lock.addr());
        self.lock.state.fetch_and(!WRITER, Ordering::Release);
    }
}
impl<T: ?Sized, P: Pinned> Deref for RwSpinWriteGuard<'_, T, P> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: held for writing.
        unsafe { &*self.lock.data.get() }
    }
}
impl<T: ?Sized, P: Pinned> DerefMut for RwSpinWriteGuard<'_, T, P> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: held for writing, borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    static CLASS: LockClass = LockClass::new("test-rw", 0);

    #[test]
    fn readers_share_and_writer_follows() {
        let lock = RwSpinLock::new(&CLASS, 1);
        {
            let a = lock.read();
            let b = lock.read();
            assert_eq!(*a + *b, 2);
        }
        *lock.write() = 5;
        assert_eq!(*lock.read(), 5);
    }
}
