//! Allocation that fails with ENOMEM instead of aborting, for the ordinary types of `alloc`.
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::alloc::Layout;
use core::fmt;
use core::ptr::NonNull;
use reserved::Reserved;

/// A box. ENOMEM when there is no memory for it.
#[cfg_attr(
    target_os = "none",
    expect(
        clippy::disallowed_methods,
        reason = "a value without size takes no memory"
    )
)]
#[inline]
pub fn try_box<T>(value: T) -> Result<Box<T>> {
    let layout = Layout::new::<T>();
    if layout.size() == 0 {
        return Ok(Box::new(value));
    }
    // SAFETY: the size is not 0.
    let memory = NonNull::new(unsafe { alloc::alloc::alloc(layout) }).ok_or(Errno::ENOMEM)?;
    let memory = memory.cast::<T>();
    // SAFETY: fresh memory from the global allocator with the layout of `T`, as `Box` wants it.
    unsafe {
        memory.write(value);
        Ok(Box::from_raw(memory.as_ptr()))
    }
}

/// What `Arc` puts around a value: two counts before it (`ArcInner`, `repr(C)`).
const fn arc_layout<T>() -> Layout {
    let counts = Layout::new::<[usize; 2]>();
    match Layout::extend(&counts, Layout::new::<T>()) {
        Ok((layout, _)) if layout.size() <= 8192 => layout.pad_to_align(),
        // What is larger is not kept per CPU, so its allocation can't be made sure of beforehand.
        _ => panic!("type too large for an Arc: box the large part"),
    }
}

/// Makes sure that the next allocation of `layout` on this CPU succeeds while the guard lives. ENOMEM.
#[cfg(target_os = "none")]
#[inline]
fn prime(layout: Layout) -> Result<crate::machine::Pinned> {
    crate::slab::reserve(layout).ok_or(Errno::ENOMEM)
}

/// The host's allocator answers for itself.
#[cfg(not(target_os = "none"))]
fn prime(_layout: Layout) -> Result<Primed> {
    Ok(Primed)
}

/// Nothing to hold.
#[cfg(not(target_os = "none"))]
struct Primed;

/// A counted box. ENOMEM when there is no memory for it.
#[cfg_attr(
    target_os = "none",
    expect(
        clippy::disallowed_methods,
        reason = "the memory has been made sure of"
    )
)]
#[inline]
pub fn try_arc<T>(value: T) -> Result<Arc<T>> {
    let _pin = prime(const { arc_layout::<T>() })?;
    Ok(Arc::new(value))
}

/// A counted box whose value holds a weak reference to itself. `make` must not allocate more than it frees and must
/// not sleep: it runs pinned to its CPU. ENOMEM when there is no memory for it.
#[cfg_attr(
    target_os = "none",
    expect(
        clippy::disallowed_methods,
        reason = "the memory has been made sure of"
    )
)]
#[inline]
pub fn try_arc_cyclic<T>(make: impl FnOnce(&Weak<T>) -> T) -> Result<Arc<T>> {
    let _pin = prime(const { arc_layout::<T>() })?;
    Ok(Arc::new_cyclic(make))
}

/// `Vec` without aborts; every method's error is ENOMEM.
pub trait TryVec<T>: Sized {
    /// Empty, with room for `capacity` values.
    fn try_with_capacity(capacity: usize) -> Result<Self>;
    /// `len` clones of `value`.
    fn try_filled(value: T, len: usize) -> Result<Self>
    where
        T: Clone;
    /// A copy of a slice.
    fn try_from_slice(values: &[T]) -> Result<Self>
    where
        T: Clone;
    /// All values of an iterator.
    fn try_collect_from(values: impl IntoIterator<Item = T>) -> Result<Self>;
    /// Appends one value.
    fn try_push(&mut self, value: T) -> Result<()>;
    /// Puts a value at `index`, which is at most the length; what follows moves up.
    fn try_insert(&mut self, index: usize, value: T) -> Result<()>;
    /// Appends a copy of a slice.
    fn try_extend(&mut self, values: &[T]) -> Result<()>
    where
        T: Clone;
    /// Cuts or fills with clones of `value` to `len`.
    fn try_resize(&mut self, len: usize, value: T) -> Result<()>
    where
        T: Clone;
    /// The values as a boxed slice.
    fn try_into_boxed_slice(self) -> Result<Box<[T]>>;
}

impl<T> TryVec<T> for Vec<T> {
    fn try_with_capacity(capacity: usize) -> Result<Self> {
        let mut v = Vec::new();
        v.try_reserve_exact(capacity).map_err(|_| Errno::ENOMEM)?;
        Ok(v)
    }
    fn try_filled(value: T, len: usize) -> Result<Self>
    where
        T: Clone,
    {
        let mut v = Self::try_with_capacity(len)?;
        v.resize_reserved(len, || value.clone());
        Ok(v)
    }
    fn try_from_slice(values: &[T]) -> Result<Self>
    where
        T: Clone,
    {
        let mut v = Self::try_with_capacity(values.len())?;
        v.extend_reserved(values);
        Ok(v)
    }
    fn try_collect_from(values: impl IntoIterator<Item = T>) -> Result<Self> {
        let values = values.into_iter();
        let mut v = Self::try_with_capacity(values.size_hint().0)?;
        for value in values {
            v.try_push(value)?;
        }
        Ok(v)
    }
    #[inline]
    fn try_push(&mut self, value: T) -> Result<()> {
        self.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.push_reserved(value);
        Ok(())
    }
    fn try_insert(&mut self, index: usize, value: T) -> Result<()> {
        self.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        self.insert_reserved(index, value);
        Ok(())
    }
    fn try_extend(&mut self, values: &[T]) -> Result<()>
    where
        T: Clone,
    {
        self.try_reserve(values.len()).map_err(|_| Errno::ENOMEM)?;
        self.extend_reserved(values);
        Ok(())
    }
    fn try_resize(&mut self, len: usize, value: T) -> Result<()>
    where
        T: Clone,
    {
        self.try_reserve(len.saturating_sub(self.len()))
            .map_err(|_| Errno::ENOMEM)?;
        self.resize_reserved(len, || value.clone());
        Ok(())
    }
    fn try_into_boxed_slice(mut self) -> Result<Box<[T]>> {
        if self.len() == self.capacity() {
            return Ok(self.into_boxed_slice());
        }
        let mut exact = Self::try_with_capacity(self.len())?;
        exact.append_reserved(&mut self);
        Ok(exact.into_boxed_slice())
    }
}

/// `String` without aborts; every method's error is ENOMEM.
pub trait TryString: Sized {
    /// A copy of `s`.
    fn try_from_str(s: &str) -> Result<Self>;
    /// Empty, with room for `capacity` bytes.
    fn try_with_capacity(capacity: usize) -> Result<Self>;
    /// Appends a string.
    fn try_push_str(&mut self, s: &str) -> Result<()>;
    /// Appends a character.
    fn try_push(&mut self, c: char) -> Result<()>;
    /// Appends formatted text; on an error what fitted stays.
    fn try_push_fmt(&mut self, args: fmt::Arguments<'_>) -> Result<()>;
}

impl TryString for String {
    fn try_from_str(s: &str) -> Result<Self> {
        let mut out = String::new();
        out.try_push_str(s)?;
        Ok(out)
    }
    fn try_with_capacity(capacity: usize) -> Result<Self> {
        let mut out = String::new();
        out.try_reserve_exact(capacity).map_err(|_| Errno::ENOMEM)?;
        Ok(out)
    }
    #[cfg_attr(
        target_os = "none",
        expect(clippy::disallowed_methods, reason = "room was made")
    )]
    #[inline]
    fn try_push_str(&mut self, s: &str) -> Result<()> {
        self.try_reserve(s.len()).map_err(|_| Errno::ENOMEM)?;
        self.push_str(s);
        Ok(())
    }
    #[inline]
    fn try_push(&mut self, c: char) -> Result<()> {
        self.try_push_str(c.encode_utf8(&mut [0; 4]))
    }
    fn try_push_fmt(&mut self, args: fmt::Arguments<'_>) -> Result<()> {
        fmt::write(&mut Growing(self), args).map_err(|_| Errno::ENOMEM)
    }
}

struct Growing<'a>(&'a mut String);

impl fmt::Write for Growing<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.try_push_str(s).map_err(|_| fmt::Error)
    }
}

/// Formatted text as a `String`; [`try_format!`](crate::try_format!) is the comfortable face.
pub fn try_format(args: fmt::Arguments<'_>) -> Result<String> {
    let mut out = String::new();
    out.try_push_fmt(args)?;
    Ok(out)
}

/// `format!` that answers ENOMEM: `try_format!("{a}")? `.
#[macro_export]
macro_rules! try_format {
    ($($arg:tt)*) => { $crate::try_format(::core::format_args!($($arg)*)) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    #[test]
    fn arc_layout_is_what_arc_asks_for() {
        // The layout of ArcInner is not promised by the library; this test is what pins it.
        use crate::machine::layout_probe;
        #[repr(align(64))]
        struct Wide {
            _bytes: [u8; 100],
        }
        for (asked, ours) in [
            (
                layout_probe(|| drop(Arc::new([0u8; 3]))),
                arc_layout::<[u8; 3]>(),
            ),
            (layout_probe(|| drop(Arc::new(0u128))), arc_layout::<u128>()),
            (
                layout_probe(|| drop(Arc::new(Wide { _bytes: [0; 100] }))),
                arc_layout::<Wide>(),
            ),
        ] {
            assert_eq!(asked, Some(ours));
        }
    }

    #[test]
    fn strings_and_vectors() {
        assert_eq!(crate::try_format!("{}-{:x}", 1, 255).unwrap(), "1-ff");
        let mut v = Vec::<u8>::try_from_slice(b"ab").unwrap();
        v.try_push(b'c').unwrap();
        v.try_insert(0, b'_').unwrap();
        assert_eq!(v, b"_abc");
        assert_eq!(&*v.try_into_boxed_slice().unwrap(), b"_abc");
        let mut s = String::try_from_str("x").unwrap();
        s.try_push('é').unwrap();
        assert_eq!(s, "xé".to_string());
        assert!(Vec::<u8>::try_with_capacity(usize::MAX / 2).is_err());
    }
}
