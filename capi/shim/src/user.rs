//! `linux/uaccess.h`: what can't be a macro of the header.
use crate::export::exports;
use hal::addr::UserAddr;
use hal::uaccess::{copy_user_raw, zero_user_raw};

/// `_copy_to_user(to, from, len)`: bytes not copied.
pub(crate) extern "C" fn _copy_to_user(to: usize, from: usize, len: usize) -> usize {
    if kmem::user::check(UserAddr(to), len).is_err() {
        return len;
    }
    // SAFETY: `to` is a user range; a fault on either side is fixed up.
    unsafe { copy_user_raw(to as *mut u8, from as *const u8, len) }
}

/// `_copy_from_user(to, from, len)`: bytes not copied; those are zeroed.
pub(crate) extern "C" fn _copy_from_user(to: usize, from: usize, len: usize) -> usize {
    let left = if kmem::user::check(UserAddr(from), len).is_err() {
        len
    } else {
        // SAFETY: `from` is a user range; a fault on either side is fixed up.
        unsafe { copy_user_raw(to as *mut u8, from as *const u8, len) }
    };
    if left != 0 {
        let zeros = [0; 64];
        let mut at = to + len - left;
        while at < to + len {
            let some = zeros.len().min(to + len - at);
            if crate::foreign::write_bytes(at, &zeros[..some]).is_err() {
                break;
            }
            at += some;
        }
    }
    left
}

/// `clear_user(to, len)`: bytes not zeroed.
extern "C" fn clear_user(to: usize, len: usize) -> usize {
    if kmem::user::check(UserAddr(to), len).is_err() {
        return len;
    }
    // SAFETY: a checked user range.
    unsafe { zero_user_raw(to as *mut u8, len) }
}

exports![_copy_to_user, _copy_from_user, clear_user];
