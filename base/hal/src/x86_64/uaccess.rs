//! Access to user memory, raw: one instruction range that may fault, with an entry in the exception table. `kmem::user`
//! puts checked pointers on top. Every function takes a user address that the caller has checked to lie, with its whole
//! length, below [`super::paging::USER_END`]; a page that isn't there is first offered to `KernelTraps::fault`.
//!
//! These may sleep (demand paging) unless preemption is off, in which case a missing page is a failure.

use core::arch::global_asm;

global_asm!(include_str!("uaccess.s"));
global_asm!(include_str!("string.s"));

unsafe extern "C" {
    fn hal_copy_user(dst: *mut u8, src: *const u8, length: usize) -> usize;
    fn hal_zero_user(dst: *mut u8, length: usize) -> usize;
    fn hal_read_u8(address: *const u8, to: *mut u8) -> u32;
    fn hal_read_u16(address: *const u16, to: *mut u16) -> u32;
    fn hal_read_u32(address: *const u32, to: *mut u32) -> u32;
    fn hal_read_u64(address: *const u64, to: *mut u64) -> u32;
    fn hal_write_u8(address: *mut u8, value: u8) -> u32;
    fn hal_write_u16(address: *mut u16, value: u16) -> u32;
    fn hal_write_u32(address: *mut u32, value: u32) -> u32;
    fn hal_write_u64(address: *mut u64, value: u64) -> u32;
    fn hal_cmpxchg_u32(address: *mut u32, expected: u32, new: u32, found: *mut u32) -> u32;
    fn hal_exchange_if_u64(address: *mut u64, expected: u64, new: u64) -> Exchanged;
    fn hal_xchg_u32(address: *mut u32, operand: u32, found: *mut u32) -> u32;
    fn hal_xadd_u32(address: *mut u32, operand: u32, found: *mut u32) -> u32;
    fn hal_strncpy_user(dst: *mut u8, src: *const u8, limit: usize) -> isize;
    fn hal_strnlen_user(src: *const u8, limit: usize) -> isize;
}

/// The address isn't mapped, or not for this kind of access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault;

/// Copies `length` bytes where `dst` or `src` (or both) is user memory. Gives the number of bytes not copied, exactly.
///
/// # Safety
/// A side that isn't checked user memory must be valid for the access.
#[inline]
pub unsafe fn copy_user_raw(dst: *mut u8, src: *const u8, length: usize) -> usize {
    // SAFETY: the caller vouches for the kernel side; faults on the user's are fixed up.
    unsafe { hal_copy_user(dst, src, length) }
}

/// Zeroes user memory. Gives the number of bytes not zeroed, exactly.
///
/// # Safety
/// `dst..dst + length` must be checked user addresses.
#[inline]
pub unsafe fn zero_user_raw(dst: *mut u8, length: usize) -> usize {
    // SAFETY: faults are fixed up.
    unsafe { hal_zero_user(dst, length) }
}

macro_rules! scalar {
    ($read:ident, $hal_read:ident, $write:ident, $hal_write:ident, $type:ty) => {
        #[doc = concat!("Reads a `", stringify!($type), "` from user memory.")]
        ///
        /// # Safety
        /// A checked user address.
        #[inline]
        pub unsafe fn $read(address: *const $type) -> Result<$type, Fault> {
            let mut value = 0;
            // SAFETY: a fault is fixed up.
            if unsafe { $hal_read(address, &raw mut value) } == 0 {
                Ok(value)
            } else {
                Err(Fault)
            }
        }
        #[doc = concat!("Writes a `", stringify!($type), "` to user memory.")]
        ///
        /// # Safety
        /// A checked user address.
        #[inline]
        pub unsafe fn $write(address: *mut $type, value: $type) -> Result<(), Fault> {
            // SAFETY: a fault is fixed up.
            if unsafe { $hal_write(address, value) } == 0 {
                Ok(())
            } else {
                Err(Fault)
            }
        }
    };
}
scalar!(read_u8, hal_read_u8, write_u8, hal_write_u8, u8);
scalar!(read_u16, hal_read_u16, write_u16, hal_write_u16, u16);
scalar!(read_u32, hal_read_u32, write_u32, hal_write_u32, u32);
scalar!(read_u64, hal_read_u64, write_u64, hal_write_u64, u64);

macro_rules! read_modify_write {
    ($(#[$doc:meta])* $name:ident, $hal:ident, $($argument:ident),+) => {
        $(#[$doc])*
        ///
        /// # Safety
        /// A checked user address, a multiple of 4.
        #[inline]
        pub unsafe fn $name(address: *mut u32, $($argument: u32),+) -> Result<u32, Fault> {
            let mut found = 0;
            // SAFETY: a fault is fixed up.
            if unsafe { $hal(address, $($argument,)+ &raw mut found) } == 0 { Ok(found) } else { Err(Fault) }
        }
    };
}
read_modify_write!(
    /// Puts `new` in place of `expected`, atomically; gives what was there.
    cmpxchg_u32, hal_cmpxchg_u32, expected, new
);
read_modify_write!(
    /// Puts `new` there, atomically; gives what was there.
    xchg_u32, hal_xchg_u32, new
);
read_modify_write!(
    /// Adds `operand`, atomically; gives what was there.
    xadd_u32, hal_xadd_u32, operand
);

/// What was there, and whether there was something.
#[repr(C)]
struct Exchanged {
    found: u64,
    fault: u64,
}

/// Puts `new` in place of `expected`, atomically, at an address of the kernel's at which there may be nothing; gives what
/// was there.
///
/// # Safety
/// If something is there it is a word that may be changed so. The address is a multiple of 8.
#[inline]
pub unsafe fn exchange_if_u64(address: *mut u64, expected: u64, new: u64) -> Result<u64, Fault> {
    // SAFETY: a fault is fixed up; the caller vouches for the rest.
    let exchanged = unsafe { hal_exchange_if_u64(address, expected, new) };
    if exchanged.fault == 0 {
        Ok(exchanged.found)
    } else {
        Err(Fault)
    }
}

/// Copies a string with its NUL, at most `limit` bytes. Gives its length without the NUL; `limit` when there is no NUL
/// within it.
///
/// # Safety
/// `src..src + limit` must be checked user addresses, `dst` valid for `limit` bytes.
#[inline]
pub unsafe fn strncpy_user_raw(dst: *mut u8, src: *const u8, limit: usize) -> Result<usize, Fault> {
    // SAFETY: the caller vouches for `dst`; faults on `src` are fixed up.
    usize::try_from(unsafe { hal_strncpy_user(dst, src, limit) }).map_err(|_| Fault)
}

/// The length of a string without its NUL; `limit` when there is no NUL within it.
///
/// # Safety
/// `src..src + limit` must be checked user addresses.
#[inline]
pub unsafe fn strnlen_user_raw(src: *const u8, limit: usize) -> Result<usize, Fault> {
    // SAFETY: faults are fixed up.
    usize::try_from(unsafe { hal_strnlen_user(src, limit) }).map_err(|_| Fault)
}
