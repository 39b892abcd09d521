//! A lock for moments: its waiters spin, and who has it must not sleep.
use super::lock::{Backend, Guard, Lock};
use crate::bindings::{_raw_spin_lock, _raw_spin_trylock, _raw_spin_unlock, CSpinLock};

/// `spinlock_t`.
pub struct SpinLockBackend;

/// A lock for moments: its waiters spin, and who has it must not sleep.
pub type SpinLock<T> = Lock<T, SpinLockBackend>;
/// A spinlock is held as long as this lives.
pub type SpinLockGuard<'a, T> = Guard<'a, T, SpinLockBackend>;

// SAFETY: the kernel's spinlock excludes others; its word is all that it is known by.
unsafe impl Backend for SpinLockBackend {
    type State = CSpinLock;
    const UNLOCKED: CSpinLock = CSpinLock { word: 0, key: 0 };

    unsafe fn lock(state: *mut CSpinLock) {
        // SAFETY: as the caller says.
        unsafe { _raw_spin_lock(state) };
    }

    unsafe fn try_lock(state: *mut CSpinLock) -> bool {
        // SAFETY: as the caller says.
        unsafe { _raw_spin_trylock(state) != 0 }
    }

    unsafe fn unlock(state: *mut CSpinLock) {
        // SAFETY: as the caller says.
        unsafe { _raw_spin_unlock(state) };
    }
}
