//! Locks and shared values.
mod arc;
mod lock;
mod mutex;
mod spinlock;

pub use arc::{Arc, ArcBorrow};
pub use mutex::{Mutex, MutexGuard};
pub use spinlock::{SpinLock, SpinLockGuard};

/// A mutex around a value.
#[macro_export]
macro_rules! new_mutex {
    ($value:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::Mutex::new($value)
    };
}

/// A spinlock around a value.
#[macro_export]
macro_rules! new_spinlock {
    ($value:expr $(, $name:literal)? $(,)?) => {
        $crate::sync::SpinLock::new($value)
    };
}
