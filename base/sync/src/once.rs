//! A value that is set once and read for ever after without a lock.
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicU8, Ordering};

const EMPTY: u8 = 0;
const BUSY: u8 = 1;
const FULL: u8 = 2;

/// A cell that is empty until [`Once::set`].
pub struct Once<T> {
    state: AtomicU8,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: written once by the winner of EMPTY -> BUSY, shared afterwards.
unsafe impl<T: Send + Sync> Sync for Once<T> {}
// SAFETY: owns its value.
unsafe impl<T: Send> Send for Once<T> {}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Once<T> {
    /// An empty cell.
    pub const fn new() -> Self {
        Self {
            state: AtomicU8::new(EMPTY),
            value: UnsafeCell::new(MaybeUninit::uninit()),
        }
    }

    /// The value, if it was set.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if self.state.load(Ordering::Acquire) == FULL {
            // SAFETY: FULL is stored after the value was written, and it never changes again.
            Some(unsafe { (*self.value.get()).assume_init_ref() })
        } else {
            None
        }
    }

    /// Sets the value; gives it back if one is there or being set.
    pub fn set(&self, value: T) -> Result<(), T> {
        if self
            .state
            .compare_exchange(EMPTY, BUSY, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            return Err(value);
        }
        // SAFETY: this caller won EMPTY -> BUSY; nobody reads before FULL.
        unsafe { (*self.value.get()).write(value) };
        self.state.store(FULL, Ordering::Release);
        Ok(())
    }

    /// The value, made by `f` if there is none; a second caller spins while the first makes it.
    pub fn get_or_init(&self, f: impl FnOnce() -> T) -> &T {
        if self
            .state
            .compare_exchange(EMPTY, BUSY, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
        {
            // SAFETY: as in `set`.
            unsafe { (*self.value.get()).write(f()) };
            self.state.store(FULL, Ordering::Release);
        }
        loop {
            if let Some(value) = self.get() {
                return value;
            }
            hal::cpu::relax();
        }
    }
}

impl<T> Drop for Once<T> {
    fn drop(&mut self) {
        if *self.state.get_mut() == FULL {
            // SAFETY: FULL means a value is there; the cell is going away.
            unsafe { self.value.get_mut().assume_init_drop() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Once;

    #[test]
    fn sets_once() {
        let cell = Once::new();
        assert!(cell.get().is_none());
        assert!(cell.set(1).is_ok());
        assert_eq!(cell.set(2), Err(2));
        assert_eq!(cell.get(), Some(&1));
        assert_eq!(*cell.get_or_init(|| 3), 1);
    }
}
