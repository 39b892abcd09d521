//! Reading and writing.
use crate::bounds::{signal_self, size_limit};
use crate::poll::read_events;
use abi::pod::Iovec;
use abi::raw::{RWF_APPEND, RWF_DSYNC, RWF_HIPRI, RWF_NOWAIT, RWF_SYNC};
use abi::{Errno, MAX_RW_COUNT, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use kmem::user::{self, UserAddr, UserBuf, UserPtr};
use pid::signals;
use task::Cx;
use task::io::IoCounters;
use vfs::{File, Files, Io, WriteError};

/// Most segments of a call; `IOV_MAX`.
const IOV_MAX: usize = 1024;
/// Lists up to this long need no allocation.
const SHORT: usize = 8;

/// The user range of a call. EFAULT: not user space's.
#[inline]
pub(crate) fn range(addr: usize, len: usize) -> Result<UserBuf<'static>> {
    user::check(UserAddr(addr), len)?;
    Ok(UserBuf::single(UserAddr(addr), len.min(MAX_RW_COUNT)))
}

/// Calls `f` with the segments that `count` iovecs at `addr` name. EINVAL, EFAULT, ENOMEM.
pub(crate) fn with_segments<R, E: From<Errno>>(
    addr: usize,
    count: usize,
    f: impl FnOnce(&mut UserBuf<'_>) -> Result<R, E>,
) -> Result<R, E> {
    // An unsigned int to Linux.
    let count = count as u32 as usize;
    if count > IOV_MAX {
        return Err(Errno::EINVAL.into());
    }
    let mut short = [Iovec::default(); SHORT];
    let mut long = Vec::new();
    let list = if count <= SHORT {
        &mut short[..count]
    } else {
        long.try_resize(count, Iovec::default())?;
        &mut long[..]
    };
    UserPtr::new(addr).read_slice(list)?;
    let list = &*list;
    // Lengths are looked at before addresses.
    let mut buf = UserBuf::vectored(list)?;
    for segment in list {
        user::check(UserAddr(segment.iov_base), segment.iov_len)?;
    }
    f(&mut buf)
}

/// The errno of a write, after the signals that go with it.
#[cold]
pub(crate) fn write_failed(cx: &Cx, error: WriteError) -> Errno {
    if error.over_limit {
        signal_self(cx, signals::SIGXFSZ);
    }
    if error.errno == Errno::EPIPE && !error.silent {
        signal_self(cx, signals::SIGPIPE);
    }
    error.errno
}

/// Takes note of what came of a call, for `/proc/PID/io`.
type Note = fn(&IoCounters, Result<usize>);

/// A read by `f`, which gets the caller's files.
#[inline(always)]
fn reading(cx: &mut Cx, note: Note, f: impl FnOnce(&mut Files) -> Result<usize>) -> Result<usize> {
    let result = f(&mut cx.files);
    note(cx.task.io_counters(), result);
    result
}

/// A write by `f`, which gets the caller's files and `RLIMIT_FSIZE`; with the signals of its failure.
#[inline(always)]
fn writing(
    cx: &mut Cx,
    note: Note,
    f: impl FnOnce(&mut Files, u64) -> Result<usize, WriteError>,
) -> Result<usize> {
    let limit = size_limit(cx);
    let result = f(&mut cx.files, limit).map_err(|e| write_failed(cx, e));
    note(cx.task.io_counters(), result);
    result
}

pub(super) fn sys_read(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let result = {
        let file = cx.files.file(a[0] as i32)?;
        file.read(&mut range(a[1], a[2])?)
    };
    let result = match result {
        Ok(n) => Ok(n),
        Err(error) => read_failed(cx, a, error),
    };
    cx.task.io_counters().note_read(result);
    result
}

/// A read that failed, or needs the caller's descriptors.
#[cold]
fn read_failed(cx: &Cx, a: &[usize; 6], error: Errno) -> Result<usize> {
    match error {
        Errno::EBYCALLER => read_events(cx, a[0], &mut range(a[1], a[2])?),
        other => Err(other),
    }
}

/// Reads by segments what needs the caller's descriptors, where that is what came of a read.
fn by_caller(cx: &Cx, a: &[usize; 6], result: Result<usize>) -> Result<usize> {
    match result {
        Err(Errno::EBYCALLER) => with_segments(a[1], a[2], |buf| read_events(cx, a[0], buf)),
        other => other,
    }
}

pub(super) fn sys_write(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    writing(cx, IoCounters::note_write, |files, limit| {
        let file = files.file(a[0] as i32)?;
        file.write(&mut range(a[1], a[2])?, limit)
    })
}

/// A position in a file. EINVAL: negative.
fn position(pos: usize) -> Result<u64> {
    u64::try_from(pos as i64).map_err(|_| Errno::EINVAL)
}

pub(super) fn sys_pread64(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let pos = position(a[3])?;
    reading(cx, IoCounters::note_read, |files| {
        let file = files.file(a[0] as i32)?;
        file.read_at(&mut range(a[1], a[2])?, pos)
    })
}

pub(super) fn sys_pwrite64(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let pos = position(a[3])?;
    writing(cx, IoCounters::note_write, |files, limit| {
        let file = files.file(a[0] as i32)?;
        file.write_at(&mut range(a[1], a[2])?, pos, limit)
    })
}

pub(super) fn sys_readv(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let result = reading(cx, IoCounters::note_segments_read, |files| {
        let file = files.file(a[0] as i32)?;
        with_segments(a[1], a[2], |buf| file.read(buf))
    });
    by_caller(cx, a, result)
}

pub(super) fn sys_writev(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    writing(cx, IoCounters::note_segments_written, |files, limit| {
        let file = files.file(a[0] as i32)?;
        with_segments(a[1], a[2], |buf| file.write(buf, limit))
    })
}

pub(super) fn sys_preadv(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let pos = position(a[3])?;
    reading(cx, IoCounters::note_segments_read, |files| {
        let file = files.file(a[0] as i32)?;
        with_segments(a[1], a[2], |buf| file.read_at(buf, pos))
    })
}

pub(super) fn sys_pwritev(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let pos = position(a[3])?;
    writing(cx, IoCounters::note_segments_written, |files, limit| {
        let file = files.file(a[0] as i32)?;
        with_segments(a[1], a[2], |buf| file.write_at(buf, pos, limit))
    })
}

/// Changes an [`Io`] as `RWF_*` flags say. EOPNOTSUPP: an unknown one.
pub(crate) fn apply(flags: u32, io: &mut Io) -> Result<()> {
    if flags & !(RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_NOWAIT | RWF_APPEND) != 0 {
        return Err(Errno::EOPNOTSUPP);
    }
    io.nonblock |= flags & RWF_NOWAIT != 0;
    io.append |= flags & RWF_APPEND != 0;
    io.sync |= flags & (RWF_DSYNC | RWF_SYNC) != 0;
    Ok(())
}

pub(super) fn sys_preadv2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[5] as u32;
    let result = reading(cx, IoCounters::note_segments_read, |files| {
        let file = files.file(a[0] as i32)?;
        with_segments(a[1], a[2], |buf| {
            if a[3] as i64 == -1 {
                if flags == 0 {
                    return file.read(buf);
                }
                return file.at_position(|io| {
                    apply(flags, io)?;
                    file.read_io(buf, io)
                });
            }
            let mut io = file.io_at(position(a[3])?);
            apply(flags, &mut io)?;
            file.read_with(buf, &mut io)
        })
    });
    by_caller(cx, a, result)
}

pub(super) fn sys_pwritev2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    writing(cx, IoCounters::note_segments_written, |files, limit| {
        let file = files.file(a[0] as i32)?;
        with_segments(a[1], a[2], |buf| write_as_told(&file, buf, a, limit))
    })
}

fn write_as_told(
    file: &File,
    buf: &mut UserBuf<'_>,
    a: &[usize; 6],
    limit: u64,
) -> Result<usize, WriteError> {
    let current = a[3] as i64 == -1;
    let (mut over_limit, mut silent) = (false, false);
    let mut run = |io: &mut Io| {
        apply(a[5] as u32, io)?;
        io.fsize_limit = limit;
        let result = if current {
            file.write_io(buf, io)
        } else {
            file.write_with(buf, io)
        };
        (over_limit, silent) = (io.over_limit, io.silent);
        result
    };
    let result = if current {
        file.at_position(run)
    } else {
        run(&mut file.io_at(position(a[3])?))
    };
    result.map_err(|errno| WriteError {
        errno,
        over_limit,
        silent,
    })
}
