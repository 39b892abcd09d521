//! splice(2), tee(2), vmsplice(2).
use super::copy::{read_pos, write_pos};
use super::rw::{with_segments, write_failed};
use crate::bounds::size_limit;
use ::socket::SocketFile;
use abi::net::AF_UNIX;
use abi::raw::{O_APPEND, SPLICE_F_GIFT, SPLICE_F_MORE, SPLICE_F_MOVE, SPLICE_F_NONBLOCK};
use abi::{Errno, MAX_RW_COUNT, Result};
use alloc::sync::Arc;
use kmem::user::UserBuf;
use pipe::{Mode, Pipe, PipeEnd};
use task::Cx;
use vfs::{File, FileMode, OpenFlags, WriteError};

const FLAGS: u32 = SPLICE_F_MOVE | SPLICE_F_NONBLOCK | SPLICE_F_MORE | SPLICE_F_GIFT;

fn pipe_of(file: &File) -> Option<&Arc<Pipe>> {
    file.ops_as::<PipeEnd>().map(PipeEnd::pipe)
}

/// Whether a call may not wait: its flag, or that of a pipe's file.
fn nonblock(flags: u32, pipe: &File) -> bool {
    flags & SPLICE_F_NONBLOCK != 0 || pipe.flags().contains(OpenFlags::NONBLOCK)
}

/// Both ends, with what they have to allow. EINVAL: flags; EBADF.
fn ends(cx: &Cx, from: usize, to: usize, flags: u32) -> Result<(Arc<File>, Arc<File>)> {
    if flags & !FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let (from, to) = (cx.files.get(from as i32)?, cx.files.get(to as i32)?);
    Ok((from, to))
}

fn may_move(from: &File, to: &File) -> Result<()> {
    if !from.mode().contains(FileMode::READ) || !to.mode().contains(FileMode::WRITE) {
        return Err(Errno::EBADF);
    }
    Ok(())
}

/// A socket of AF_UNIX: the only file that does not wait either, if the pipe is not to be waited for.
fn is_unix(file: &File) -> bool {
    SocketFile::of(file).is_ok_and(|socket| socket.base().family == AF_UNIX)
}

/// Reads what is there, of a file without positions. EAGAIN: nothing is.
fn read_now(file: &File, buf: &mut UserBuf<'_>) -> Result<usize> {
    let mut io = file.io_at(0);
    io.nonblock = true;
    file.read_io(buf, &mut io)
}

/// splice(2). EBADF, EINVAL, ESPIPE, EAGAIN, EPIPE, EFBIG, EFAULT, ENOMEM, what a file says.
pub(super) fn sys_splice(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (len, flags) = (a[4].min(MAX_RW_COUNT), a[5] as u32);
    if len == 0 {
        return Ok(0);
    }
    let (from, to) = ends(cx, a[0], a[2], flags)?;
    let (source, target) = (pipe_of(&from), pipe_of(&to));
    if (source.is_some() && a[1] != 0) || (target.is_some() && a[3] != 0) {
        return Err(Errno::ESPIPE);
    }
    let (mut from_pos, mut to_pos) = (read_pos(a[1])?, read_pos(a[3])?);
    may_move(&from, &to)?;
    let done = match (source, target) {
        (Some(source), Some(target)) => {
            if Arc::ptr_eq(source, target) {
                return Err(Errno::EINVAL);
            }
            let nonblock = nonblock(flags, &from) || nonblock(flags, &to);
            source
                .splice_to_pipe(target, len, nonblock)
                .map_err(|e| write_failed(cx, e.into()))?
        }
        (Some(source), None) => {
            if to_pos.is_some() {
                to.require_seek().map_err(|_| Errno::EINVAL)?;
            }
            let negative = (a[4] as isize) < 0;
            if to.flags().bits() & O_APPEND != 0 || negative || !to.ops().splices().1 {
                return Err(Errno::EINVAL);
            }
            let limit = size_limit(cx);
            let sink = |buf: &mut UserBuf<'_>| match &mut to_pos {
                None => to.write(buf, limit),
                Some(pos) => {
                    let n = to.write_at(buf, *pos, limit)?;
                    *pos += n as u64;
                    Ok(n)
                }
            };
            source
                .splice_to(len, nonblock(flags, &from), sink)
                .map_err(|e: WriteError| write_failed(cx, e))?
        }
        (None, Some(target)) => {
            if from_pos.is_some() {
                from.require_seek().map_err(|_| Errno::EINVAL)?;
            }
            if !from.ops().splices().0 {
                return Err(Errno::EINVAL);
            }
            // Only the first bytes are waited for.
            let mut some = is_unix(&from) && flags & SPLICE_F_NONBLOCK != 0;
            let source = |buf: &mut UserBuf<'_>| match &mut from_pos {
                None if core::mem::replace(&mut some, true) && from.ops().is_stream() => {
                    read_now(&from, buf)
                }
                None => from.read(buf),
                Some(pos) => {
                    let n = from.read_at(buf, *pos)?;
                    *pos += n as u64;
                    Ok(n)
                }
            };
            target
                .splice_from(len, nonblock(flags, &to), source)
                .map_err(|e| write_failed(cx, e.into()))?
        }
        (None, None) => return Err(Errno::EINVAL),
    };
    if source.is_some() && target.is_some() {
        sync::cost::referenced(done);
    } else {
        sync::cost::copied_inside(done);
    }
    if done > 0 {
        write_pos(a[1], from_pos)?;
        write_pos(a[3], to_pos)?;
    }
    Ok(done)
}

/// tee(2). EBADF, EINVAL, EAGAIN, EPIPE.
pub(super) fn sys_tee(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (len, flags) = (a[2].min(MAX_RW_COUNT), a[3] as u32);
    if flags & !FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    if len == 0 {
        return Ok(0);
    }
    let (from, to) = ends(cx, a[0], a[1], flags)?;
    may_move(&from, &to)?;
    let (Some(source), Some(target)) = (pipe_of(&from), pipe_of(&to)) else {
        return Err(Errno::EINVAL);
    };
    if Arc::ptr_eq(source, target) {
        return Err(Errno::EINVAL);
    }
    let nonblock = nonblock(flags, &from) || nonblock(flags, &to);
    source
        .tee(target, len, nonblock)
        .inspect(|n| sync::cost::referenced(*n))
        .map_err(|e| write_failed(cx, e.into()))
}

/// vmsplice(2). User memory is copied, not lent: what the caller writes there afterwards does not show in the pipe. EBADF,
/// EINVAL, EFAULT, EAGAIN, EPIPE, ENOMEM.
pub(super) fn sys_vmsplice(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[3] as u32;
    if flags & !FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let file = cx.files.get(a[0] as i32)?;
    let writes = file.mode().contains(FileMode::WRITE);
    if !writes && !file.mode().contains(FileMode::READ) {
        return Err(Errno::EBADF);
    }
    with_segments(a[1], a[2], |buf| {
        if buf.is_empty() {
            return Ok(0);
        }
        let pipe = pipe_of(&file).ok_or(Errno::EBADF)?;
        let nonblock = flags & SPLICE_F_NONBLOCK != 0;
        if writes {
            return pipe
                .gather(buf, nonblock)
                .inspect(|n| sync::cost::copied_in(*n))
                .map_err(|e| write_failed(cx, e.into()));
        }
        let packets = false;
        pipe.read(buf, Mode { nonblock, packets })
            .inspect(|n| sync::cost::copied_out(*n))
    })
}
