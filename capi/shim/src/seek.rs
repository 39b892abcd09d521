//! `linux/fs.h`: positions of files, ready-made open functions, reads and writes of a buffer.
use crate::enter::misuse;
use crate::export::exports;
use crate::foreign;
use crate::layout::{CFile, CInode};
use crate::user::{_copy_from_user, _copy_to_user};
use abi::{Errno, Result, raw};
use core::mem::offset_of;

/// `FMODE_LSEEK`, `FMODE_PREAD`, `FMODE_PWRITE`.
const POSITIONS: u32 = 4 | 8 | 16;
/// The longest file (`MAX_LFS_FILESIZE`).
const LARGEST: i64 = i64::MAX;

fn word(at: usize) -> i64 {
    match foreign::read_u64(at) {
        Ok(word) => word as i64,
        Err(_) => misuse("a struct file that is none"),
    }
}

fn set(at: usize, value: u64) {
    if foreign::write_bytes(at, &value.to_le_bytes()).is_err() {
        misuse("a struct file that is none");
    }
}

/// The position that a seek leads to, and what the caller is told.
fn seek(file: usize, offset: i64, whence: i32, largest: i64, end: Option<i64>) -> i64 {
    let place = file + offset_of!(CFile, pos);
    let target: Result<i64> = match u32::try_from(whence) {
        Ok(raw::SEEK_SET) => Ok(offset),
        // Who only asks is told, wherever it is.
        Ok(raw::SEEK_CUR) if offset == 0 => return word(place),
        Ok(raw::SEEK_CUR) => word(place).checked_add(offset).ok_or(Errno::EINVAL),
        Ok(raw::SEEK_END) => match end {
            Some(end) => end.checked_add(offset).ok_or(Errno::EINVAL),
            None => Err(Errno::EINVAL),
        },
        // All up to the end is data.
        Ok(raw::SEEK_DATA) => match end {
            Some(end) if (0..end).contains(&offset) => Ok(offset),
            Some(_) => Err(Errno::ENXIO),
            None => Err(Errno::EINVAL),
        },
        Ok(raw::SEEK_HOLE) => match end {
            Some(end) if (0..end).contains(&offset) => Ok(end),
            Some(_) => Err(Errno::ENXIO),
            None => Err(Errno::EINVAL),
        },
        _ => Err(Errno::EINVAL),
    };
    match target {
        Ok(at) if (0..=largest).contains(&at) => {
            set(place, at as u64);
            at
        }
        Ok(_) => -i64::from(Errno::EINVAL.code()),
        Err(e) => -i64::from(e.code()),
    }
}

/// Length of the file's inode.
fn length(file: usize) -> i64 {
    let inode = word(file + offset_of!(CFile, inode)) as usize;
    word(inode + offset_of!(CInode, size))
}

extern "C" fn default_llseek(file: usize, offset: i64, whence: i32) -> i64 {
    seek(file, offset, whence, LARGEST, Some(length(file)))
}

extern "C" fn generic_file_llseek(file: usize, offset: i64, whence: i32) -> i64 {
    seek(file, offset, whence, LARGEST, Some(length(file)))
}

extern "C" fn fixed_size_llseek(file: usize, offset: i64, whence: i32, size: i64) -> i64 {
    match u32::try_from(whence) {
        Ok(raw::SEEK_SET | raw::SEEK_CUR | raw::SEEK_END) => {
            seek(file, offset, whence, size, Some(size))
        }
        _ => -i64::from(Errno::EINVAL.code()),
    }
}

extern "C" fn no_seek_end_llseek(file: usize, offset: i64, whence: i32) -> i64 {
    seek(file, offset, whence, LARGEST, None)
}

extern "C" fn no_seek_end_llseek_size(file: usize, offset: i64, whence: i32, size: i64) -> i64 {
    seek(file, offset, whence, size, None)
}

/// The position stays.
extern "C" fn noop_llseek(file: usize, _offset: i64, _whence: i32) -> i64 {
    word(file + offset_of!(CFile, pos))
}

extern "C" fn no_llseek(_file: usize, _offset: i64, _whence: i32) -> i64 {
    -i64::from(Errno::ESPIPE.code())
}

extern "C" fn nonseekable_open(_inode: usize, file: usize) -> i32 {
    let mode = word(file + offset_of!(CFile, mode)) as u64;
    set(file + offset_of!(CFile, mode), mode & !u64::from(POSITIONS));
    0
}

extern "C" fn stream_open(inode: usize, file: usize) -> i32 {
    nonseekable_open(inode, file)
}

/// `simple_open(inode, file)`: the inode's private pointer becomes the file's.
extern "C" fn simple_open(inode: usize, file: usize) -> i32 {
    let private = word(inode + offset_of!(CInode, private)) as u64;
    if private != 0 {
        set(file + offset_of!(CFile, private_data), private);
    }
    0
}

/// How much of `available` bytes a transfer of `count` at the position moves. 0: nothing is left there.
fn span(pos: i64, count: usize, available: usize) -> Result<usize> {
    let at = usize::try_from(pos).map_err(|_| Errno::EINVAL)?;
    Ok(available.saturating_sub(at).min(count))
}

/// Copies what of `count` bytes lies within `available` at the position that `place` holds, by a `copy` that answers how
/// many bytes it left, and moves the position. EINVAL: it is negative; EFAULT: nothing could be copied.
fn copy_within(
    place: usize,
    count: usize,
    available: usize,
    copy: impl FnOnce(usize, usize) -> usize,
) -> i64 {
    let pos = word(place);
    match span(pos, count, available) {
        Ok(0) => 0,
        Ok(wanted) => {
            let left = copy(pos as usize, wanted);
            if left == wanted {
                return -i64::from(Errno::EFAULT.code());
            }
            let done = (wanted - left) as i64;
            set(place, (pos + done) as u64);
            done
        }
        Err(e) => -i64::from(e.code()),
    }
}

extern "C" fn simple_read_from_buffer(
    to: usize,
    count: usize,
    place: usize,
    from: usize,
    available: usize,
) -> i64 {
    copy_within(place, count, available, |pos, n| {
        _copy_to_user(to, from.wrapping_add(pos), n)
    })
}

extern "C" fn simple_write_to_buffer(
    to: usize,
    available: usize,
    place: usize,
    from: usize,
    count: usize,
) -> i64 {
    copy_within(place, count, available, |pos, n| {
        _copy_from_user(to.wrapping_add(pos), from, n)
    })
}

exports![
    default_llseek,
    generic_file_llseek,
    fixed_size_llseek,
    no_seek_end_llseek,
    no_seek_end_llseek_size,
    noop_llseek,
    no_llseek,
    nonseekable_open,
    stream_open,
    simple_open,
    simple_read_from_buffer,
    simple_write_to_buffer,
];
