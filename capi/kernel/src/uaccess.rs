//! Memory of the calling program. It may be anything at any moment: what is read is copied, and a bad address is `EFAULT`.
use crate::alloc::{Flags, KVec};
use crate::bindings::{_copy_from_user, _copy_to_user};
use crate::error::{Result, code};
use core::ffi::c_void;
use core::mem::{MaybeUninit, size_of};

/// Values that any bytes make.
///
/// # Safety
/// Every pattern of bits is a value of the type.
pub unsafe trait FromBytes: Copy {}
/// Values all of whose bytes are set.
///
/// # Safety
/// The type has no padding, and no address of the kernel in it.
pub unsafe trait AsBytes: Copy {}

macro_rules! plain {
    ($($kind:ty),*) => {
        $(
            // SAFETY: a number.
            unsafe impl FromBytes for $kind {}
            // SAFETY: a number.
            unsafe impl AsBytes for $kind {}
        )*
    };
}
plain!(u8, i8, u16, i16, u32, i32, u64, i64, usize, isize);
// SAFETY: an array has no padding of its own.
unsafe impl<T: FromBytes, const N: usize> FromBytes for [T; N] {}
// SAFETY: as above.
unsafe impl<T: AsBytes, const N: usize> AsBytes for [T; N] {}

/// A piece of the program's memory.
#[derive(Clone, Copy, Debug)]
pub struct UserSlice {
    at: usize,
    length: usize,
}

impl UserSlice {
    /// `length` bytes at the address that the program named. Nothing is touched yet.
    #[must_use]
    pub const fn new(at: usize, length: usize) -> Self {
        Self { at, length }
    }

    /// To read it.
    #[must_use]
    pub const fn reader(self) -> UserSliceReader {
        UserSliceReader(self)
    }

    /// To write it.
    #[must_use]
    pub const fn writer(self) -> UserSliceWriter {
        UserSliceWriter(self)
    }

    /// To read it and to write it, each from its beginning.
    #[must_use]
    pub const fn reader_writer(self) -> (UserSliceReader, UserSliceWriter) {
        (self.reader(), self.writer())
    }

    /// Appends all of it.
    pub fn read_all(self, to: &mut KVec<u8>, flags: Flags) -> Result {
        self.reader().read_all(to, flags)
    }

    fn step(&mut self, bytes: usize) {
        self.at += bytes;
        self.length -= bytes;
    }
}

/// Reads from the beginning on.
#[derive(Debug)]
pub struct UserSliceReader(UserSlice);

impl UserSliceReader {
    /// Bytes that are left.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.length
    }

    /// Nothing is left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.length == 0
    }

    /// Leaves bytes out.
    pub fn skip(&mut self, bytes: usize) -> Result {
        if bytes > self.len() {
            return Err(code::EFAULT);
        }
        self.0.step(bytes);
        Ok(())
    }

    /// Fills `to`; `EFAULT` if less is left or the memory is not there.
    pub fn read_slice(&mut self, to: &mut [u8]) -> Result {
        // SAFETY: it is there, and its own.
        unsafe { self.copy(to.as_mut_ptr(), to.len()) }
    }

    /// Reads a value.
    pub fn read<T: FromBytes>(&mut self) -> Result<T> {
        let mut value = MaybeUninit::<T>::uninit();
        // SAFETY: there is room for a value.
        unsafe { self.copy(value.as_mut_ptr().cast(), size_of::<T>())? };
        // SAFETY: all its bytes were copied, and any bytes make one.
        Ok(unsafe { value.assume_init() })
    }

    /// Appends all that is left.
    pub fn read_all(mut self, to: &mut KVec<u8>, flags: Flags) -> Result {
        let mut piece = [0; 128];
        to.reserve(self.len(), flags)?;
        while !self.is_empty() {
            let part = &mut piece[..self.len().min(128)];
            self.read_slice(part)?;
            to.extend_from_slice(part, flags)?;
        }
        Ok(())
    }

    /// # Safety
    /// `length` bytes at `to` may be written.
    unsafe fn copy(&mut self, to: *mut u8, length: usize) -> Result {
        if length > self.len() {
            return Err(code::EFAULT);
        }
        let from = self.0.at as *const c_void;
        // SAFETY: `to` is ours; the kernel checks `from`.
        if unsafe { _copy_from_user(to.cast(), from, length as u64) } != 0 {
            return Err(code::EFAULT);
        }
        self.0.step(length);
        Ok(())
    }
}

/// Writes from the beginning on.
#[derive(Debug)]
pub struct UserSliceWriter(UserSlice);

impl UserSliceWriter {
    /// Bytes that there is room for.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.length
    }

    /// There is no room left.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.length == 0
    }

    /// Writes all of `from`; `EFAULT` if there is less room or the memory is not there.
    pub fn write_slice(&mut self, from: &[u8]) -> Result {
        // SAFETY: it is there.
        unsafe { self.copy(from.as_ptr(), from.len()) }
    }

    /// Writes a value.
    pub fn write<T: AsBytes>(&mut self, value: &T) -> Result {
        // SAFETY: all its bytes are set.
        unsafe { self.copy((&raw const *value).cast(), size_of::<T>()) }
    }

    /// # Safety
    /// `length` bytes at `from` may be read.
    unsafe fn copy(&mut self, from: *const u8, length: usize) -> Result {
        if length > self.len() {
            return Err(code::EFAULT);
        }
        let to = self.0.at as *mut c_void;
        // SAFETY: `from` is ours; the kernel checks `to`.
        if unsafe { _copy_to_user(to, from.cast(), length as u64) } != 0 {
            return Err(code::EFAULT);
        }
        self.0.step(length);
        Ok(())
    }
}
