//! Memory of the kernel: a box and a vector, allocated with flags; every allocation may fail and says so.
use crate::bindings::{__kmalloc, kfree, krealloc};
use crate::error::AllocError;
use core::ffi::c_void;
use core::fmt;
use core::mem::{ManuallyDrop, size_of};
use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;

/// How memory is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flags(u32);

/// The flags by name.
pub mod flags {
    use super::Flags;

    /// For who may sleep.
    pub const GFP_KERNEL: Flags = Flags(0xcc0);
    /// For who may not.
    pub const GFP_ATOMIC: Flags = Flags(0xa20);
    /// For who may not, and can do without.
    pub const GFP_NOWAIT: Flags = Flags(0x800);
    /// In addition: filled with zeros.
    pub const __GFP_ZERO: Flags = Flags(0x100);
}

impl core::ops::BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Every block is aligned so; one whose size is a power of two, to that.
const ALIGNED: usize = 8;

/// How many bytes to ask for `count` values: the kernel aligns powers of two to themselves.
fn bytes<T>(count: usize) -> Result<usize, AllocError> {
    let size = size_of::<T>().checked_mul(count).ok_or(AllocError)?;
    if align_of::<T>() <= ALIGNED {
        return Ok(size);
    }
    let size = size.max(align_of::<T>());
    size.checked_next_power_of_two().ok_or(AllocError)
}

/// A value in memory of its own.
pub struct KBox<T>(NonNull<T>);

// SAFETY: it owns its value, as a box does.
unsafe impl<T: Send> Send for KBox<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for KBox<T> {}

impl<T> KBox<T> {
    /// Moves `value` to memory of its own.
    pub fn new(value: T, flags: Flags) -> Result<Self, AllocError> {
        let at = match bytes::<T>(1)? {
            0 => NonNull::dangling(),
            // SAFETY: a plain call; the answer is checked.
            size => NonNull::new(unsafe { __kmalloc(size, flags.0) }.cast()).ok_or(AllocError)?,
        };
        // SAFETY: the block is new, large enough and aligned.
        unsafe { at.write(value) };
        Ok(Self(at))
    }

    /// Takes the value back out.
    #[must_use]
    pub fn into_inner(self) -> T {
        let this = ManuallyDrop::new(self);
        // SAFETY: the value is read once; the block is freed without dropping it.
        let value = unsafe { this.0.read() };
        this.free();
        value
    }

    /// Gives the address away; [`KBox::from_raw`] takes it back.
    #[must_use]
    pub fn into_raw(self) -> *mut T {
        ManuallyDrop::new(self).0.as_ptr()
    }

    /// # Safety
    /// `at` comes from [`KBox::into_raw`], and nobody else uses it.
    pub unsafe fn from_raw(at: *mut T) -> Self {
        // SAFETY: it is not null, says the caller.
        Self(unsafe { NonNull::new_unchecked(at) })
    }

    fn free(&self) {
        if size_of::<T>() != 0 {
            // SAFETY: a block of `__kmalloc`, freed once.
            unsafe { kfree(self.0.as_ptr().cast()) };
        }
    }
}

impl<T> Drop for KBox<T> {
    fn drop(&mut self) {
        // SAFETY: the value is there, and gone after this.
        unsafe { self.0.drop_in_place() };
        self.free();
    }
}

impl<T> Deref for KBox<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the value is there as long as the box is.
        unsafe { self.0.as_ref() }
    }
}

impl<T> DerefMut for KBox<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the value is there, and the box is ours.
        unsafe { self.0.as_mut() }
    }
}

impl<T: fmt::Debug> fmt::Debug for KBox<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A growing array.
pub struct KVec<T> {
    at: NonNull<T>,
    length: usize,
    capacity: usize,
}

// SAFETY: it owns its values, as a vector does.
unsafe impl<T: Send> Send for KVec<T> {}
// SAFETY: as above.
unsafe impl<T: Sync> Sync for KVec<T> {}

impl<T> KVec<T> {
    /// An empty one; it takes no memory.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            at: NonNull::dangling(),
            length: 0,
            capacity: if size_of::<T>() == 0 { usize::MAX } else { 0 },
        }
    }

    /// An empty one with room for `capacity` values.
    pub fn with_capacity(capacity: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut new = Self::new();
        new.reserve(capacity, flags)?;
        Ok(new)
    }

    /// Room for `more` values beside those that are there.
    pub fn reserve(&mut self, more: usize, flags: Flags) -> Result<(), AllocError> {
        let needed = self.length.checked_add(more).ok_or(AllocError)?;
        if needed <= self.capacity {
            return Ok(());
        }
        let capacity = needed.max(self.capacity.saturating_mul(2)).max(4);
        let old: *const c_void = match self.capacity {
            0 => core::ptr::null(),
            _ => self.at.as_ptr().cast(),
        };
        // SAFETY: `old` is our block, or none; on failure it stays as it is.
        let new = unsafe { krealloc(old, bytes::<T>(capacity)?, flags.0) };
        self.at = NonNull::new(new.cast()).ok_or(AllocError)?;
        self.capacity = capacity;
        Ok(())
    }

    /// Appends a value.
    pub fn push(&mut self, value: T, flags: Flags) -> Result<(), AllocError> {
        self.reserve(1, flags)?;
        // SAFETY: there is room behind the last value.
        unsafe { self.at.add(self.length).write(value) };
        self.length += 1;
        Ok(())
    }

    /// Takes the last value.
    pub fn pop(&mut self) -> Option<T> {
        self.length = self.length.checked_sub(1)?;
        // SAFETY: it was there and is no longer counted.
        Some(unsafe { self.at.add(self.length).read() })
    }

    /// Drops the values behind the first `length`.
    pub fn truncate(&mut self, length: usize) {
        while self.length > length {
            drop(self.pop());
        }
    }

    /// Drops all values.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// How many there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }
}

impl<T: Clone> KVec<T> {
    /// Appends copies of all of `values`.
    pub fn extend_from_slice(&mut self, values: &[T], flags: Flags) -> Result<(), AllocError> {
        self.reserve(values.len(), flags)?;
        for value in values {
            self.push(value.clone(), flags)?;
        }
        Ok(())
    }

    /// `value` so many times.
    pub fn from_elem(value: T, count: usize, flags: Flags) -> Result<Self, AllocError> {
        let mut new = Self::with_capacity(count, flags)?;
        for _ in 0..count {
            new.push(value.clone(), flags)?;
        }
        Ok(new)
    }
}

impl<T> Drop for KVec<T> {
    fn drop(&mut self) {
        self.clear();
        if self.capacity != 0 && size_of::<T>() != 0 {
            // SAFETY: our block, freed once.
            unsafe { kfree(self.at.as_ptr().cast()) };
        }
    }
}

impl<T> Default for KVec<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Deref for KVec<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: so many values are there.
        unsafe { core::slice::from_raw_parts(self.at.as_ptr(), self.length) }
    }
}

impl<T> DerefMut for KVec<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: so many values are there, and the vector is ours.
        unsafe { core::slice::from_raw_parts_mut(self.at.as_ptr(), self.length) }
    }
}

impl<T: fmt::Debug> fmt::Debug for KVec<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// Text that is formed into a vector of bytes; fails when memory does.
pub struct Text(pub KVec<u8>);

impl fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let added = self.0.extend_from_slice(text.as_bytes(), flags::GFP_KERNEL);
        added.map_err(|_| fmt::Error)
    }
}
