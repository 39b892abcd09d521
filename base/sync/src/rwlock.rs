//! The sleeping lock with many readers or one writer. A waiting writer keeps new readers out, so that it gets its turn;
//! hence a reader must not take the same lock for reading again.
use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicU32, Ordering};

use crate::class::{self, LockClass, Report};
use crate::cost;
use crate::lockdep;
use crate::mutex::DEAD;
use crate::thread::WaitMode;
use crate::waitqueue::{WaitError, WaitQueue};

const WRITER: u32 = 1 << 30;
// 15 bits each: there are at most 32,768 threads (`pid_max`).
const READERS: u32 = (1 << 15) - 1;
/// Waiting writers are counted from here on.
const WANT_ONE: u32 = 1 << 15;
const WANTED: u32 = READERS << 15;

/// Data that many threads may read or one may write; waiting sleeps.
pub struct RwLock<T: ?Sized> {
    raw: Raw,
    data: UnsafeCell<T>,
}

/// The lock without what it protects; its address is the lock's in the stack of held locks.
struct Raw {
    class: &'static LockClass,
    state: AtomicU32,
    /// Apart from each other, so that a release wakes only those whose turn it is.
    readers: WaitQueue,
    writers: WaitQueue,
}

// SAFETY: writers are alone; readers share `&T`.
unsafe impl<T: ?Sized + Send + Sync> Sync for RwLock<T> {}
// SAFETY: moving the lock moves the data.
unsafe impl<T: ?Sized + Send> Send for RwLock<T> {}

impl<T> RwLock<T> {
    /// A free lock of `class` around `data`.
    pub const fn new(class: &'static LockClass, data: T) -> Self {
        Self {
            raw: Raw {
                class,
                state: AtomicU32::new(0),
                readers: WaitQueue::new(),
                writers: WaitQueue::new(),
            },
            data: UnsafeCell::new(data),
        }
    }
}

impl<T: ?Sized> RwLock<T> {
    /// Takes it for reading.
    #[inline]
    #[track_caller]
    pub fn read(&self) -> ReadGuard<'_, T> {
        crate::context::might_sleep();
        if !self.try_acquire_read() {
            self.read_slow();
        }
        self.read_guard()
    }
    /// Takes it for reading if no writer holds it or waits.
    #[inline]
    #[track_caller]
    pub fn try_read(&self) -> Option<ReadGuard<'_, T>> {
        self.try_acquire_read().then(|| self.read_guard())
    }
    /// Takes it for writing.
    #[inline]
    #[track_caller]
    pub fn write(&self) -> WriteGuard<'_, T> {
        crate::context::might_sleep();
        if self
            .raw
            .state
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            let _ = self.write_slow(WaitMode::Uninterruptible);
        }
        self.write_guard()
    }
    /// Takes it for writing, unless a signal that kills comes first.
    ///
    /// # Errors
    /// [`WaitError::Interrupted`].
    #[track_caller]
    pub fn write_killable(&self) -> Result<WriteGuard<'_, T>, WaitError> {
        if self
            .raw
            .state
            .compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.write_slow(WaitMode::Killable)?;
        }
        Ok(self.write_guard())
    }
    /// Takes it for writing if it is free.
    #[inline]
    #[track_caller]
    pub fn try_write(&self) -> Option<WriteGuard<'_, T>> {
        self.try_acquire_write().then(|| self.write_guard())
    }
    /// The data, without locking.
    pub fn get_mut(&mut self) -> &mut T {
        self.data.get_mut()
    }

    #[inline]
    #[track_caller]
    fn read_guard(&self) -> ReadGuard<'_, T> {
        lockdep::sleep_acquired(self.raw.class, self.addr(), kill);
        ReadGuard {
            lock: self,
            _not_send: PhantomData,
        }
    }
    #[inline]
    #[track_caller]
    fn write_guard(&self) -> WriteGuard<'_, T> {
        lockdep::sleep_acquired(self.raw.class, self.addr(), kill);
        WriteGuard {
            lock: self,
            _not_send: PhantomData,
        }
    }

    #[inline]
    fn try_acquire_read(&self) -> bool {
        let mut state = self.raw.state.load(Ordering::Relaxed);
        while state & (WRITER | WANTED | DEAD) == 0 {
            match self.raw.state.compare_exchange_weak(
                state,
                state + 1,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    #[inline]
    fn try_acquire_write(&self) -> bool {
        let mut state = self.raw.state.load(Ordering::Relaxed);
        while state & (WRITER | READERS | DEAD) == 0 {
            match self.raw.state.compare_exchange_weak(
                state,
                state | WRITER,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return true,
                Err(now) => state = now,
            }
        }
        false
    }

    #[cold]
    fn read_slow(&self) {
        let free = || self.alive() && self.try_acquire_read();
        cost::for_lock(|| self.raw.readers.wait_event(free));
    }

    #[cold]
    fn write_slow(&self, mode: WaitMode) -> Result<(), WaitError> {
        self.raw.state.fetch_add(WANT_ONE, Ordering::Relaxed);
        let free = || (self.alive() && self.try_acquire_write()).then_some(());
        let result = cost::for_lock(|| self.raw.writers.wait(mode, None, free));
        let before = self.raw.state.fetch_sub(WANT_ONE, Ordering::Relaxed);
        if result.is_err() {
            // The turn this writer may have been given goes to the next one, or to the readers that stood back.
            self.pass_on(before - WANT_ONE);
        }
        result
    }

    /// Wakes whose turn it is when the lock is free and `state` says who waits: one writer, or all readers.
    #[inline]
    fn pass_on(&self, state: u32) {
        if state & WANTED != 0 {
            self.raw.writers.wake_one();
        } else {
            self.raw.readers.wake_all();
        }
    }

    fn alive(&self) -> bool {
        if self.raw.state.load(Ordering::Relaxed) & DEAD != 0 {
            class::report(&Report::DeadLock {
                class: self.raw.class,
            });
            panic!("{}: the lock's owner died", self.raw.class.name());
        }
        true
    }

    #[inline]
    fn addr(&self) -> usize {
        core::ptr::from_ref(&self.raw).expose_provenance()
    }
}

/// Marks a lock dead whose holder will never release it; whoever waits for it wakes up and fails.
///
/// # Safety
/// `addr` is that of the [`Raw`] of a live lock.
unsafe fn kill(addr: usize) {
    // SAFETY: the caller's promise.
    let raw = unsafe { &*core::ptr::with_exposed_provenance::<Raw>(addr) };
    raw.state.fetch_or(DEAD, Ordering::Relaxed);
    raw.readers.wake_all();
    raw.writers.wake_all();
}

/// A [`RwLock`] held for reading.
#[must_use]
pub struct ReadGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    _not_send: PhantomData<*const ()>,
}
impl<T: ?Sized> Drop for ReadGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        lockdep::sleep_released(self.lock.addr());
        // Readers never wait for readers: without a writer that waits there is nobody to wake.
        let before = self.lock.raw.state.fetch_sub(1, Ordering::Release);
        if before & READERS == 1 && before & WANTED != 0 {
            self.lock.raw.writers.wake_one();
        }
    }
}
impl<T: ?Sized> Deref for ReadGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: held for reading.
        unsafe { &*self.lock.data.get() }
    }
}

/// A [`RwLock`] held for writing.
#[must_use]
pub struct WriteGuard<'a, T: ?Sized> {
    lock: &'a RwLock<T>,
    _not_send: PhantomData<*const ()>,
}
impl<T: ?Sized> Drop for WriteGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        lockdep::sleep_released(self.lock.addr());
        let before = self.lock.raw.state.fetch_and(!WRITER, Ordering::Release);
        self.lock.pass_on(before);
    }
}
impl<T: ?Sized> Deref for WriteGuard<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: held for writing.
        unsafe { &*self.lock.data.get() }
    }
}
impl<T: ?Sized> DerefMut for WriteGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: held for writing, borrowed mutably.
        unsafe { &mut *self.lock.data.get() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    static CLASS: LockClass = LockClass::new("test-rwlock", 0);

    #[test]
    fn writers_exclude_readers_share() {
        let lock = Arc::new(RwLock::new(&CLASS, [0u64; 2]));
        let threads: std::vec::Vec<_> = (0..4)
            .map(|n| {
                let lock = Arc::clone(&lock);
                std::thread::spawn(move || {
                    for _ in 0..300 {
                        if n == 0 {
                            let mut v = lock.write();
                            v[0] += 1;
                            std::thread::yield_now();
                            v[1] += 1;
                        } else {
                            let v = lock.read();
                            assert_eq!(v[0], v[1]);
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(lock.read()[1], 300);
        assert!(lock.try_write().is_some());
    }

    /// Every release wakes only whose turn it is: nobody may be forgotten.
    #[test]
    fn crowds_of_readers_and_writers_all_get_their_turn() {
        let lock = Arc::new(RwLock::new(&CLASS, 0u64));
        let threads: std::vec::Vec<_> = (0..8)
            .map(|n| {
                let lock = Arc::clone(&lock);
                std::thread::spawn(move || {
                    for _ in 0..1000 {
                        if n % 2 == 0 {
                            *lock.write() += 1;
                        } else {
                            let before = *lock.read();
                            std::thread::yield_now();
                            assert!(*lock.read() >= before);
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert_eq!(*lock.read(), 4000);
    }
}
