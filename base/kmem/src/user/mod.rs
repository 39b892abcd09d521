//! User memory: the only way to it. Every function checks the range against [`abi::USER_END`] first and answers
//! EFAULT where user space has nothing mapped; a page that can be faulted in is.
//!
//! These may sleep (a fault may read a file): not under a spinlock, not in interrupts.
mod buf;

pub use buf::{IoBuf, UserBuf};
pub use hal::addr::UserAddr;

use crate::machine;
use abi::{Errno, Result, USER_END};
use alloc::vec::Vec;
use core::marker::PhantomData;
use core::mem::MaybeUninit;
use sync::inject::{self, Site};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Fault injection: accesses to user memory.
pub static USER_COPY: Site = Site::new("fail_usercopy");

/// Whether `[addr, addr + len)` lies in user space. EFAULT otherwise.
#[inline]
pub fn check(addr: UserAddr, len: usize) -> Result<()> {
    match addr.0.checked_add(len) {
        Some(end) if end <= USER_END && !inject::should_fail(&USER_COPY, len) => Ok(()),
        _ => Err(Errno::EFAULT),
    }
}

/// How many bytes were not copied.
///
/// # Safety
/// `src` is valid for `len` bytes.
#[inline]
pub(crate) unsafe fn raw_to_user(dst: UserAddr, src: *const u8, len: usize) -> usize {
    if check(dst, len).is_err() {
        return len;
    }
    // SAFETY: the caller's promise; the user range is checked.
    unsafe { machine::copy_to_user(dst, src, len) }
}

/// How many bytes were not copied.
///
/// # Safety
/// `dst` is valid for `len` bytes.
#[inline]
pub(crate) unsafe fn raw_from_user(dst: *mut u8, src: UserAddr, len: usize) -> usize {
    if check(src, len).is_err() {
        return len;
    }
    // SAFETY: the caller's promise; the user range is checked.
    unsafe { machine::copy_from_user(dst, src, len) }
}

/// What a transfer of `len` bytes answers when `left` did not make it: EFAULT only if nothing did.
#[inline]
pub(crate) fn partial(len: usize, left: usize) -> Result<usize> {
    if left == len && len != 0 {
        Err(Errno::EFAULT)
    } else {
        Ok(len - left)
    }
}

/// Copies all of `dst` from user memory. EFAULT (the content of `dst` is then unspecified).
#[inline]
pub fn copy_from_user(dst: &mut [u8], src: UserAddr) -> Result<()> {
    // SAFETY: a slice is valid for its length.
    let left = unsafe { raw_from_user(dst.as_mut_ptr(), src, dst.len()) };
    if left == 0 {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}

/// Copies all of `src` to user memory. EFAULT.
#[inline]
pub fn copy_to_user(dst: UserAddr, src: &[u8]) -> Result<()> {
    // SAFETY: a slice is valid for its length.
    let left = unsafe { raw_to_user(dst, src.as_ptr(), src.len()) };
    if left == 0 {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}

/// Copies as much as user space has; at least one byte, else EFAULT.
#[inline]
pub fn copy_from_user_partial(dst: &mut [u8], src: UserAddr) -> Result<usize> {
    // SAFETY: a slice is valid for its length.
    partial(dst.len(), unsafe {
        raw_from_user(dst.as_mut_ptr(), src, dst.len())
    })
}

/// `len` bytes in a vector of their own, each written once. EFAULT; ENOMEM.
pub fn read_vec(src: UserAddr, len: usize) -> Result<Vec<u8>> {
    let mut bytes: Vec<u8> = crate::TryVec::try_with_capacity(len)?;
    // SAFETY: there is room for `len` bytes, and their old content does not matter.
    let left = unsafe { raw_from_user(bytes.as_mut_ptr(), src, len) };
    if left != 0 {
        return Err(Errno::EFAULT);
    }
    // SAFETY: all `len` bytes were written.
    unsafe { bytes.set_len(len) };
    Ok(bytes)
}

/// Reads a plain value. EFAULT.
#[inline]
pub fn read<T: FromBytes>(src: UserAddr) -> Result<T> {
    let size = const { size_of::<T>() };
    if matches!(size, 1 | 2 | 4 | 8) {
        check(src, size)?;
        let word = machine::read_scalar(src, size).ok_or(Errno::EFAULT)?;
        return T::read_from_bytes(&word.to_le_bytes()[..size]).map_err(|_| Errno::EFAULT);
    }
    let mut value = MaybeUninit::<T>::uninit();
    // SAFETY: valid for its size; `assume_init` only after every byte was written, and any bytes make a `T: FromBytes`.
    unsafe {
        match raw_from_user(value.as_mut_ptr().cast(), src, size_of::<T>()) {
            0 => Ok(value.assume_init()),
            _ => Err(Errno::EFAULT),
        }
    }
}

/// Writes a plain value. EFAULT.
#[inline]
pub fn write<T: IntoBytes + Immutable + ?Sized>(dst: UserAddr, value: &T) -> Result<()> {
    let bytes = value.as_bytes();
    let size = size_of_val(value);
    if matches!(size, 1 | 2 | 4 | 8) {
        check(dst, size)?;
        let mut word = [0; 8];
        word[..size].copy_from_slice(bytes);
        return machine::write_scalar(dst, size, u64::from_le_bytes(word)).ok_or(Errno::EFAULT);
    }
    copy_to_user(dst, bytes)
}

/// Copies a C string into `dst`; returns its length without the NUL. EFAULT; ENAMETOOLONG when string and NUL do not
/// fit in `dst`.
#[inline]
pub fn strncpy(dst: &mut [u8], src: UserAddr) -> Result<usize> {
    if src.0 >= USER_END || inject::should_fail(&USER_COPY, dst.len()) {
        return Err(Errno::EFAULT);
    }
    let max = dst.len().min(USER_END - src.0);
    // SAFETY: `dst` is valid for `max` bytes, the user range ends at most at USER_END.
    match unsafe { machine::strncpy_from_user(dst.as_mut_ptr(), src, max) } {
        Some(len) if len < max => Ok(len),
        Some(_) if max == dst.len() => Err(Errno::ENAMETOOLONG),
        _ => Err(Errno::EFAULT),
    }
}

/// Fills user memory with zeros. EFAULT.
#[inline]
pub fn clear(dst: UserAddr, len: usize) -> Result<()> {
    check(dst, len)?;
    if machine::clear_user(dst, len) == 0 {
        Ok(())
    } else {
        Err(Errno::EFAULT)
    }
}

/// Compare and swap on a user word; returns what was there. EFAULT; EINVAL when unaligned.
#[inline]
pub fn cas_u32(addr: UserAddr, old: u32, new: u32) -> Result<u32> {
    check(addr, 4)?;
    if !addr.0.is_multiple_of(4) {
        return Err(Errno::EINVAL);
    }
    machine::cas_user_u32(addr, old, new).ok_or(Errno::EFAULT)
}

/// A user address of a `T`: an allegation, checked at each use.
#[derive(Debug)]
#[repr(transparent)]
pub struct UserPtr<T> {
    addr: UserAddr,
    what: PhantomData<fn() -> T>,
}

impl<T> Clone for UserPtr<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for UserPtr<T> {}

impl<T> UserPtr<T> {
    /// As the user gave it.
    #[inline]
    pub const fn new(addr: usize) -> Self {
        Self {
            addr: UserAddr(addr),
            what: PhantomData,
        }
    }
    /// Where it points.
    #[inline]
    pub const fn addr(self) -> UserAddr {
        self.addr
    }
    /// Whether it is NULL.
    #[inline]
    pub const fn is_null(self) -> bool {
        self.addr.0 == 0
    }
    /// The `index`-th element of an array; wraps (and then fails the range check).
    #[inline]
    #[must_use]
    pub const fn at(self, index: usize) -> Self {
        Self::new(self.addr.0.wrapping_add(index.wrapping_mul(size_of::<T>())))
    }
}

impl<T: FromBytes> UserPtr<T> {
    /// Reads the value. EFAULT.
    #[inline]
    pub fn read(self) -> Result<T> {
        read(self.addr)
    }
    /// Reads an array into `dst`. EFAULT.
    pub fn read_slice(self, dst: &mut [T]) -> Result<()>
    where
        T: IntoBytes,
    {
        copy_from_user(dst.as_mut_bytes(), self.addr)
    }
}

impl<T: IntoBytes + Immutable> UserPtr<T> {
    /// Writes the value. EFAULT.
    #[inline]
    pub fn write(self, value: &T) -> Result<()> {
        write(self.addr, value)
    }
    /// Writes the value unless the pointer is NULL. EFAULT.
    #[inline]
    pub fn write_if(self, value: &T) -> Result<()> {
        if self.is_null() {
            Ok(())
        } else {
            self.write(value)
        }
    }
    /// Writes an array. EFAULT.
    pub fn write_slice(self, values: &[T]) -> Result<()> {
        copy_to_user(self.addr, values.as_bytes())
    }
}
