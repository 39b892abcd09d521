//! `linux/string.h`: memory and text. A pointer that leads nowhere ends the call, as a fault in the module's own code
//! would.
//!
//! Specification: string(3), strscpy and its kin by Documentation/process/deprecated.rst; section 9 of the man pages.
use crate::enter::misuse;
use crate::export::exports;
use crate::foreign::{self, Wild};
use crate::memory;
use abi::Errno;

/// What went well, or the end of the call.
#[inline]
fn sure<T>(result: Result<T, Wild>) -> T {
    match result {
        Ok(value) => value,
        Err(Wild) => misuse("a pointer to nowhere"),
    }
}

#[inline]
fn copy(to: usize, from: usize, len: usize) {
    // SAFETY: both sides are the module's, whatever they are; a fault is fixed up.
    let left = unsafe { hal::uaccess::copy_user_raw(to as *mut u8, from as *const u8, len) };
    if left != 0 {
        misuse("a pointer to nowhere");
    }
}

extern "C" fn copy_memory(to: usize, from: usize, len: usize) -> usize {
    copy(to, from, len);
    to
}

extern "C" fn move_memory(to: usize, from: usize, len: usize) -> usize {
    if to.wrapping_sub(from) >= len {
        copy(to, from, len);
        return to;
    }
    // The ends overlap and the target is behind: from the end, in pieces that do not.
    let mut piece = [0; 256];
    let mut left = len;
    while left != 0 {
        let some = left.min(piece.len());
        left -= some;
        sure(foreign::read_bytes(from + left, &mut piece[..some]));
        sure(foreign::write_bytes(to + left, &piece[..some]));
    }
    to
}

extern "C" fn fill_memory(to: usize, byte: i32, len: usize) -> usize {
    let piece = [byte as u8; 256];
    let mut done = 0;
    while done != len {
        let some = piece.len().min(len - done);
        sure(foreign::write_bytes(to + done, &piece[..some]));
        done += some;
    }
    to
}

extern "C" fn compare_memory(a: usize, b: usize, len: usize) -> i32 {
    let (mut left, mut right) = ([0; 64], [0; 64]);
    let mut done = 0;
    while done != len {
        let some = left.len().min(len - done);
        sure(foreign::read_bytes(a + done, &mut left[..some]));
        sure(foreign::read_bytes(b + done, &mut right[..some]));
        let differ = left[..some].iter().zip(&right).find(|(a, b)| a != b);
        if let Some((a, b)) = differ {
            return i32::from(*a) - i32::from(*b);
        }
        done += some;
    }
    0
}

extern "C" fn memchr(at: usize, byte: i32, len: usize) -> usize {
    for offset in 0..len {
        if sure(foreign::read_byte(at + offset)) == byte as u8 {
            return at + offset;
        }
    }
    0
}

/// Length of the string at `at`, at most `most`.
fn length(at: usize, most: usize) -> usize {
    let mut len = 0;
    sure(foreign::each_piece(at, most, &mut |piece| {
        len += piece.len();
    }));
    len
}

extern "C" fn strlen(at: usize) -> usize {
    length(at, usize::MAX)
}

extern "C" fn strnlen(at: usize, most: usize) -> usize {
    length(at, most)
}

/// Compares byte by byte, each first turned over by `fold`.
fn compare(a: usize, b: usize, most: usize, fold: fn(u8) -> u8) -> i32 {
    for offset in 0..most {
        let left = fold(sure(foreign::read_byte(a.wrapping_add(offset))));
        let right = fold(sure(foreign::read_byte(b.wrapping_add(offset))));
        if left != right || left == 0 {
            return match left.cmp(&right) {
                core::cmp::Ordering::Less => -1,
                core::cmp::Ordering::Equal => 0,
                core::cmp::Ordering::Greater => 1,
            };
        }
    }
    0
}

extern "C" fn strcmp(a: usize, b: usize) -> i32 {
    compare(a, b, usize::MAX, |byte| byte)
}

extern "C" fn strncmp(a: usize, b: usize, most: usize) -> i32 {
    compare(a, b, most, |byte| byte)
}

extern "C" fn strcasecmp(a: usize, b: usize) -> i32 {
    compare(a, b, usize::MAX, |byte| byte.to_ascii_lowercase())
}

extern "C" fn strncasecmp(a: usize, b: usize, most: usize) -> i32 {
    compare(a, b, most, |byte| byte.to_ascii_lowercase())
}

/// Copies `len` bytes and a NUL.
fn put(to: usize, from: usize, len: usize) {
    move_memory(to, from, len);
    sure(foreign::write_bytes(to + len, &[0]));
}

extern "C" fn strcpy(to: usize, from: usize) -> usize {
    put(to, from, length(from, usize::MAX));
    to
}

extern "C" fn strncpy(to: usize, from: usize, room: usize) -> usize {
    let len = length(from, room);
    move_memory(to, from, len);
    fill_memory(to + len, 0, room - len);
    to
}

/// The length, or `-E2BIG` when it was cut (it ends in a NUL in any case, but for no room at all).
extern "C" fn strscpy(to: usize, from: usize, room: usize) -> isize {
    let too_long = -(Errno::E2BIG.code() as isize);
    if room == 0 || room > i32::MAX as usize {
        return too_long;
    }
    let len = length(from, room);
    put(to, from, len.min(room - 1));
    if len < room { len as isize } else { too_long }
}

/// The length of the source, cut or not.
extern "C" fn strlcpy(to: usize, from: usize, room: usize) -> usize {
    let len = length(from, usize::MAX);
    if room != 0 {
        put(to, from, len.min(room - 1));
    }
    len
}

extern "C" fn strcat(to: usize, from: usize) -> usize {
    put(to + length(to, usize::MAX), from, length(from, usize::MAX));
    to
}

extern "C" fn strncat(to: usize, from: usize, most: usize) -> usize {
    put(to + length(to, usize::MAX), from, length(from, most));
    to
}

extern "C" fn strlcat(to: usize, from: usize, room: usize) -> usize {
    let (have, more) = (length(to, usize::MAX), length(from, usize::MAX));
    if have < room {
        put(to + have, from, more.min(room - have - 1));
    }
    have + more
}

/// The first (or last) place of a byte; a NUL is found at the end.
fn find(at: usize, byte: i32, last: bool) -> usize {
    let len = length(at, usize::MAX);
    let is_it = |offset: &usize| sure(foreign::read_byte(at + offset)) == byte as u8;
    let found = match last {
        false => (0..=len).find(is_it),
        true => (0..=len).rev().find(is_it),
    };
    found.map_or(0, |offset| at + offset)
}

extern "C" fn strchr(at: usize, byte: i32) -> usize {
    find(at, byte, false)
}

extern "C" fn strrchr(at: usize, byte: i32) -> usize {
    find(at, byte, true)
}

extern "C" fn strstr(at: usize, wanted: usize) -> usize {
    let (len, wanted_len) = (length(at, usize::MAX), length(wanted, usize::MAX));
    let last = match len.checked_sub(wanted_len) {
        Some(last) => last,
        None => return 0,
    };
    let found = (0..=last).find(|offset| compare_memory(at + offset, wanted, wanted_len) == 0);
    found.map_or(0, |offset| at + offset)
}

/// Whether the byte at `at` is among those of `set`.
fn among(at: usize, set: usize) -> bool {
    let byte = sure(foreign::read_byte(at));
    byte != 0 && find(set, byte.into(), false) != 0
}

extern "C" fn strspn(at: usize, set: usize) -> usize {
    let len = length(at, usize::MAX);
    (0..len)
        .find(|offset| !among(at + offset, set))
        .unwrap_or(len)
}

extern "C" fn strcspn(at: usize, set: usize) -> usize {
    let len = length(at, usize::MAX);
    (0..len)
        .find(|offset| among(at + offset, set))
        .unwrap_or(len)
}

extern "C" fn strpbrk(at: usize, set: usize) -> usize {
    let offset = strcspn(at, set);
    if sure(foreign::read_byte(at + offset)) == 0 {
        0
    } else {
        at + offset
    }
}

/// Cuts the next piece off the text that `*place` points to.
extern "C" fn strsep(place: usize, set: usize) -> usize {
    let start = sure(foreign::read_u64(place)) as usize;
    if start == 0 {
        return 0;
    }
    let end = strpbrk(start, set);
    let next = if end == 0 {
        0
    } else {
        sure(foreign::write_bytes(end, &[0]));
        end + 1
    };
    sure(foreign::write_bytes(place, &next.to_le_bytes()));
    start
}

extern "C" fn skip_spaces(at: usize) -> usize {
    let mut at = at;
    while sure(foreign::read_byte(at)).is_ascii_whitespace() {
        at += 1;
    }
    at
}

/// Cuts blanks off both ends.
extern "C" fn strim(at: usize) -> usize {
    let len = length(at, usize::MAX);
    let blank = |offset: &usize| sure(foreign::read_byte(at + offset)).is_ascii_whitespace();
    let end = (0..len)
        .rev()
        .find(|offset| !blank(offset))
        .map_or(0, |last| last + 1);
    sure(foreign::write_bytes(at + end, &[0]));
    skip_spaces(at)
}

/// A copy of `len` bytes, with a NUL behind it when `end`.
fn duplicate(from: usize, len: usize, end: bool, flags: u32) -> usize {
    let block = memory::take(len + usize::from(end), flags);
    if block != 0 {
        copy(block, from, len);
        if end {
            sure(foreign::write_bytes(block + len, &[0]));
        }
    }
    block
}

extern "C" fn kstrdup(from: usize, flags: u32) -> usize {
    match from {
        0 => 0,
        from => duplicate(from, length(from, usize::MAX), true, flags),
    }
}

extern "C" fn kstrndup(from: usize, most: usize, flags: u32) -> usize {
    match from {
        0 => 0,
        from => duplicate(from, length(from, most), true, flags),
    }
}

extern "C" fn kmemdup(from: usize, len: usize, flags: u32) -> usize {
    duplicate(from, len, false, flags)
}

exports![
    memchr, strlen, strnlen, strcmp, strncmp, strcasecmp, strncasecmp, strcpy, strncpy, strscpy, strlcpy, strcat,
    strncat, strlcat, strchr, strrchr, strstr, strspn, strcspn, strpbrk, strsep, skip_spaces, strim, kstrdup, kstrndup,
    kmemdup;
    as: copy_memory "memcpy", move_memory "memmove", fill_memory "memset", compare_memory "memcmp"
];
