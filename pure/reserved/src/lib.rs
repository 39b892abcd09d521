//! Putting values into room that was reserved before. The growing methods of `alloc`'s containers allocate when there is
//! none and cannot report a failure, so the kernel's lints refuse them; these never allocate. Missing room is a bug of the
//! caller, who is named by the panic.
//!
//! Called by the pure crates, which have no error for "no memory" of their own at such places, and by `kmem`, whose
//! fallible faces (`TryVec`) are what everybody above uses. Calls nothing.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
#![cfg_attr(
    target_os = "none",
    expect(clippy::disallowed_methods, reason = "each looks for the room first")
)]

extern crate alloc;

use alloc::collections::VecDeque;
use alloc::vec::Vec;

#[cold]
#[track_caller]
fn no_room() -> ! {
    panic!("room was not reserved");
}

/// `Vec` within its capacity. Every method panics where that does not suffice.
pub trait Reserved<T> {
    /// Appends a value.
    fn push_reserved(&mut self, value: T);
    /// Puts a value at `index`, which is at most the length; what follows moves up.
    fn insert_reserved(&mut self, index: usize, value: T);
    /// Moves all values of another to the end.
    fn append_reserved(&mut self, other: &mut Self);
    /// Appends copies.
    fn extend_reserved(&mut self, values: &[T])
    where
        T: Clone;
    /// Cuts or fills to `len` with what `make` gives, made in place.
    fn resize_reserved(&mut self, len: usize, make: impl FnMut() -> T);
}

impl<T> Reserved<T> for Vec<T> {
    #[inline]
    #[track_caller]
    fn push_reserved(&mut self, value: T) {
        if self.len() == self.capacity() {
            no_room();
        }
        self.push(value);
    }

    #[inline]
    #[track_caller]
    fn insert_reserved(&mut self, index: usize, value: T) {
        if self.len() == self.capacity() {
            no_room();
        }
        self.insert(index, value);
    }

    #[inline]
    #[track_caller]
    fn append_reserved(&mut self, other: &mut Self) {
        if self.capacity() - self.len() < other.len() {
            no_room();
        }
        self.append(other);
    }

    #[inline]
    #[track_caller]
    fn extend_reserved(&mut self, values: &[T])
    where
        T: Clone,
    {
        if self.capacity() - self.len() < values.len() {
            no_room();
        }
        self.extend_from_slice(values);
    }

    #[inline]
    #[track_caller]
    fn resize_reserved(&mut self, len: usize, make: impl FnMut() -> T) {
        if self.capacity() < len {
            no_room();
        }
        self.resize_with(len, make);
    }
}

/// `VecDeque` within its capacity. Every method panics where that does not suffice.
pub trait ReservedQueue<T> {
    /// Appends a value.
    fn push_back_reserved(&mut self, value: T);
    /// Puts a value before all others.
    fn push_front_reserved(&mut self, value: T);
}

impl<T> ReservedQueue<T> for VecDeque<T> {
    #[inline]
    #[track_caller]
    fn push_back_reserved(&mut self, value: T) {
        if self.len() == self.capacity() {
            no_room();
        }
        self.push_back(value);
    }

    #[inline]
    #[track_caller]
    fn push_front_reserved(&mut self, value: T) {
        if self.len() == self.capacity() {
            no_room();
        }
        self.push_front(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_into_room_that_is_there() {
        let mut v = Vec::with_capacity(6);
        v.push_reserved(2);
        v.insert_reserved(0, 1);
        v.extend_reserved(&[3, 4]);
        let mut more = Vec::from([5]);
        v.append_reserved(&mut more);
        v.resize_reserved(6, || 6);
        assert_eq!((v.as_slice(), v.capacity()), (&[1, 2, 3, 4, 5, 6][..], 6));
        let mut queue = VecDeque::with_capacity(2);
        queue.push_back_reserved(2);
        queue.push_front_reserved(1);
        assert_eq!(queue, [1, 2]);
    }

    #[test]
    #[should_panic(expected = "room was not reserved")]
    fn without_room_it_is_a_bug() {
        let mut v: Vec<u8> = Vec::new();
        v.push_reserved(1);
    }
}
