//! [`Lasting`]: a reference to something that lives for ever or is counted, as cheap to follow as a plain one.
use alloc::sync::Arc;
use core::marker::PhantomData;
use core::mem::ManuallyDrop;
use core::ops::Deref;
use core::ptr::NonNull;

/// A `&'static T` or an `Arc<T>`. Following an enum of both takes a branch and, for `Arc<dyn Trait>`, finding out at run
/// time how far behind the counts the value stands; this holds the address of the value itself.
pub struct Lasting<T: ?Sized + 'static> {
    value: NonNull<T>,
    counted: bool,
    /// Dropping it may drop a `T`.
    owns: PhantomData<Arc<T>>,
}

// SAFETY: it is an `Arc<T>` or a `&'static T`, which may be sent where `T` is `Send` and `Sync`.
unsafe impl<T: ?Sized + Send + Sync> Send for Lasting<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync> Sync for Lasting<T> {}

impl<T: ?Sized> Lasting<T> {
    /// Something that lives for ever.
    pub const fn forever(value: &'static T) -> Self {
        Self {
            value: NonNull::from_ref(value),
            counted: false,
            owns: PhantomData,
        }
    }

    /// Something that is counted.
    pub fn counted(value: Arc<T>) -> Self {
        let value = Arc::into_raw(value).cast_mut();
        Self {
            // SAFETY: `into_raw` never answers null.
            value: unsafe { NonNull::new_unchecked(value) },
            counted: true,
            owns: PhantomData,
        }
    }

    /// One more reference, if it is counted.
    pub fn arc(&self) -> Option<Arc<T>> {
        // SAFETY: a counted value comes from `Arc::into_raw`, and the count taken there is kept: this one is forgotten.
        let arc = self
            .counted
            .then(|| ManuallyDrop::new(unsafe { Arc::from_raw(self.value.as_ptr()) }));
        arc.map(|arc| Arc::clone(&arc))
    }
}

impl<T: ?Sized> Deref for Lasting<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: it lives for ever, or as long as the count that `self` holds.
        unsafe { self.value.as_ref() }
    }
}

impl<T: ?Sized> Clone for Lasting<T> {
    fn clone(&self) -> Self {
        match self.arc() {
            Some(arc) => Self::counted(arc),
            None => Self {
                value: self.value,
                counted: false,
                owns: PhantomData,
            },
        }
    }
}

impl<T: ?Sized> Drop for Lasting<T> {
    fn drop(&mut self) {
        if self.counted {
            // SAFETY: it comes from `Arc::into_raw`, and the count taken there is given back here alone.
            drop(unsafe { Arc::from_raw(self.value.as_ptr()) });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::try_arc;
    use core::fmt::Debug;

    #[test]
    fn counts_what_is_counted() {
        let text = try_arc(7_u8).unwrap();
        let one = Lasting::<dyn Debug>::counted(text.clone());
        let two = one.clone();
        assert_eq!(Arc::strong_count(&text), 3);
        assert_eq!(std::format!("{:?}", &*two), "7");
        drop(one);
        let three = two.arc().unwrap();
        drop(two);
        assert_eq!(Arc::strong_count(&text), 2);
        assert_eq!(std::format!("{three:?}"), "7");
    }

    #[test]
    fn leaves_alone_what_lives_for_ever() {
        static TEXT: u8 = 7;
        let one = Lasting::<dyn Debug>::forever(&TEXT);
        let two = one.clone();
        drop(one);
        assert!(two.arc().is_none());
        assert_eq!(std::format!("{:?}", &*two), "7");
    }
}
