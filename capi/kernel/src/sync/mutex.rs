//! A lock whose waiters sleep.
use super::lock::{Backend, Guard, Lock};
use crate::bindings::{CMutex, mutex_lock, mutex_trylock, mutex_unlock};

/// `struct mutex`.
pub struct MutexBackend;

/// A lock whose waiters sleep.
pub type Mutex<T> = Lock<T, MutexBackend>;
/// A mutex is held as long as this lives.
pub type MutexGuard<'a, T> = Guard<'a, T, MutexBackend>;

// SAFETY: the kernel's mutex excludes others; its word is all that it is known by.
unsafe impl Backend for MutexBackend {
    type State = CMutex;
    const UNLOCKED: CMutex = CMutex {
        owner: 0,
        name: c"mutex".as_ptr(),
        reserved: [0; 2],
    };

    unsafe fn lock(state: *mut CMutex) {
        // SAFETY: as the caller says.
        unsafe { mutex_lock(state) };
    }

    unsafe fn try_lock(state: *mut CMutex) -> bool {
        // SAFETY: as the caller says.
        unsafe { mutex_trylock(state) != 0 }
    }

    unsafe fn unlock(state: *mut CMutex) {
        // SAFETY: as the caller says.
        unsafe { mutex_unlock(state) };
    }
}
