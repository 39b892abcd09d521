//! Data that belongs to the threads that change it, and that others may look at.
//!
//! Who may change the data holds an [`Owner`]. While there is one owner, it reads without taking the lock: nobody else
//! can change anything, and it can't itself while what it reads is borrowed. Everybody else takes the lock, and so does
//! an owner to write. Linux' fdget() rests on the same fact.
use alloc::sync::Arc;
use core::ops::Deref;
use core::sync::atomic::{AtomicUsize, Ordering};

use crate::class::LockClass;
use crate::spin::{SpinGuard, SpinLock};

/// The data, with `plain` beside it that never changes.
pub struct Owned<T, P = ()> {
    owners: AtomicUsize,
    plain: P,
    lock: SpinLock<T>,
}

impl<T, P> Owned<T, P> {
    /// Data without an owner.
    pub const fn new(class: &'static LockClass, plain: P, data: T) -> Self {
        Self {
            owners: AtomicUsize::new(0),
            plain,
            lock: SpinLock::new(class, data),
        }
    }

    /// What stands beside the data.
    #[inline]
    pub const fn plain(&self) -> &P {
        &self.plain
    }

    /// The data, to be looked at only.
    #[inline]
    #[track_caller]
    pub fn look(&self) -> Look<'_, T> {
        Look(self.lock.lock())
    }
}

/// The data under its lock, not to be changed.
pub struct Look<'a, T>(SpinGuard<'a, T>);

impl<T> Deref for Look<'_, T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

/// The right to change the data.
pub struct Owner<T, P = ()>(Arc<Owned<T, P>>);

/// What [`Owner::reach`] found.
pub enum Reach<'a, T, P> {
    /// There is no other owner.
    Alone(&'a T),
    /// There is: the lock is to be taken.
    Shared(&'a Owner<T, P>),
}

impl<T: Sync, P> Owner<T, P> {
    /// The first owner; `None` if there is one.
    pub fn first(data: Arc<Owned<T, P>>) -> Option<Self> {
        data.owners
            .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
            .is_ok()
            .then(|| Self(data))
    }

    /// One more owner.
    #[must_use]
    pub fn share(&mut self) -> Self {
        // Under `&mut`, so that nothing is borrowed from `reach` by the only owner there was.
        self.0.owners.fetch_add(1, Ordering::Relaxed);
        Self(self.0.clone())
    }

    /// Whether there are other owners.
    #[inline]
    pub fn is_shared(&self) -> bool {
        self.0.owners.load(Ordering::Acquire) != 1
    }

    /// For those who look at it.
    pub const fn data(&self) -> &Arc<Owned<T, P>> {
        &self.0
    }

    /// The data, to be changed.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> SpinGuard<'_, T> {
        self.0.lock.lock()
    }

    /// The data, to be read: without the lock if there is no other owner.
    #[inline]
    pub fn reach(&mut self) -> Reach<'_, T, P> {
        if self.is_shared() {
            Reach::Shared(self)
        } else {
            // SAFETY: the data is changed through owners alone. This is the only one, and stays so and isn't used while
            // it is borrowed: `share` and `lock` need it, `first` fails. What the last other owner did is seen, by the
            // Acquire load of `is_shared`. Others at most look at the data too, and `T` is `Sync`.
            Reach::Alone(unsafe { &*self.0.lock.data_ptr() })
        }
    }
}

impl<T, P> Drop for Owner<T, P> {
    fn drop(&mut self) {
        self.0.owners.fetch_sub(1, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    static CLASS: LockClass = LockClass::new("test-owned", 0);

    #[test]
    fn one_owner_needs_no_lock() {
        let data = Arc::new(Owned::new(&CLASS, 7, std::vec![1, 2]));
        let mut owner = Owner::first(data.clone()).unwrap();
        assert!(
            Owner::first(data.clone()).is_none(),
            "there is an owner already"
        );
        assert_eq!(*owner.data().plain(), 7);
        let look = data.look();
        match owner.reach() {
            Reach::Alone(list) => assert_eq!(list[1], look[1], "though somebody looks"),
            Reach::Shared(_) => panic!("it is alone"),
        }
        drop(look);
        let other = owner.share();
        assert!(matches!(owner.reach(), Reach::Shared(_)));
        std::thread::spawn(move || other.lock().push(3))
            .join()
            .unwrap();
        match owner.reach() {
            Reach::Alone(list) => assert_eq!(list.len(), 3),
            Reach::Shared(_) => panic!("the other owner is gone"),
        }
    }
}
