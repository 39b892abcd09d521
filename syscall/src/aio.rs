//! System calls: asynchronous I/O. io_setup(2), io_destroy(2), io_submit(2), io_getevents(2), io_cancel(2).
//!
//! Reads, writes and syncs are done within io_submit(2), as Linux does them where the page cache is; polls go on by
//! themselves (`event::aio`).
use crate::Call;
use crate::bounds::size_limit;
use crate::fdio::{apply, range, with_segments, write_failed};
use crate::ioprio;
use abi::pod::Timespec;
use abi::raw::{
    __NR_io_cancel, __NR_io_destroy, __NR_io_getevents, __NR_io_pgetevents, __NR_io_setup,
    __NR_io_submit,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use event::aio::{Context, Contexts, Request};
use event::eventfd::EventFd;
use kmem::user::{self, UserAddr, UserBuf};
use task::Cx;
use task::signal::mask_of;
use vfs::{File, FileMode, WriteError};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_io_setup, "io_setup", sys_io_setup),
    (__NR_io_destroy, "io_destroy", sys_io_destroy),
    (__NR_io_submit, "io_submit", sys_io_submit),
    (__NR_io_cancel, "io_cancel", sys_io_cancel),
    (__NR_io_getevents, "io_getevents", sys_io_getevents),
    (__NR_io_pgetevents, "io_pgetevents", sys_io_pgetevents),
];

/// `IOCB_CMD_*`. There is none for nothing: Linux 6.1 refuses `IOCB_CMD_NOOP`.
mod command {
    pub(super) const PREAD: u16 = 0;
    pub(super) const PWRITE: u16 = 1;
    pub(super) const FSYNC: u16 = 2;
    pub(super) const FDSYNC: u16 = 3;
    pub(super) const POLL: u16 = 5;
    pub(super) const PREADV: u16 = 7;
    pub(super) const PWRITEV: u16 = 8;
}
const FLAG_RESFD: u32 = 1;
const FLAG_IOPRIO: u32 = 2;

/// `struct iocb`.
struct Iocb {
    data: u64,
    rw_flags: u32,
    command: u16,
    priority: u16,
    fd: i32,
    buf: u64,
    bytes: u64,
    offset: i64,
    reserved: u64,
    flags: u32,
    told: i32,
}

impl Iocb {
    /// EFAULT.
    fn read(at: UserAddr) -> Result<Self> {
        let [data, key, what, buf, bytes, offset, reserved, flags]: [u64; 8] = user::read(at)?;
        Ok(Self {
            data,
            rw_flags: (key >> 32) as u32,
            command: what as u16,
            priority: (what >> 16) as u16,
            fd: (what >> 32) as i32,
            buf,
            bytes,
            offset: offset as i64,
            reserved,
            flags: flags as u32,
            told: (flags >> 32) as i32,
        })
    }
}

/// Where the key of a `struct iocb` is, which the kernel writes and io_cancel(2) wants to find.
const KEY_AT: usize = 8;
const KEY: u32 = 0;

/// io_setup(2). EINVAL: none or too many requests, or a context that is not 0; EAGAIN: more than `aio-max-nr`; EFAULT; ENOMEM.
fn sys_io_setup(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (requests, to) = (a[0] as u32, UserAddr(a[1]));
    let old: usize = user::read(to)?;
    if old != 0 || requests == 0 {
        return Err(Errno::EINVAL);
    }
    let contexts = Contexts::of(&cx.mm)?;
    let new = contexts.add(&cx.mm, requests)?;
    if let Err(e) = user::write(to, &new) {
        let _ = contexts.remove(&cx.mm, new);
        return Err(e);
    }
    Ok(0)
}

/// The context that a call names. EINVAL.
fn find(cx: &Cx, address: usize) -> Result<Arc<Context>> {
    Contexts::of(&cx.mm)?.find(address)
}

/// io_destroy(2). EINVAL: there is no such context.
fn sys_io_destroy(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    Contexts::of(&cx.mm)?.remove(&cx.mm, a[0]).map(|()| 0)
}

/// io_submit(2): how many were begun. The error of the first one that could not be, if none was: EINVAL, EBADF, EFAULT,
/// EAGAIN, EPERM, EOPNOTSUPP, ENOMEM.
fn sys_io_submit(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let count = usize::try_from(a[1] as i64).map_err(|_| Errno::EINVAL)?;
    let context = find(cx, a[0])?;
    let count = count.min(context.most_requests());
    for done in 0..count {
        let at = UserAddr(a[2]).add(done * size_of::<usize>());
        let begun = user::read(at).and_then(|iocb: usize| submit(cx, &context, UserAddr(iocb)));
        match begun {
            Ok(()) => {}
            Err(e) if done == 0 => return Err(e),
            Err(_) => return Ok(done),
        }
    }
    Ok(count)
}

fn submit(cx: &mut Cx, context: &Arc<Context>, at: UserAddr) -> Result<()> {
    let iocb = Iocb::read(at)?;
    if iocb.reserved != 0 || (iocb.bytes as i64) < 0 {
        return Err(Errno::EINVAL);
    }
    context.begin()?;
    run(cx, context, at, &iocb).inspect_err(|_| context.forget())
}

/// Does what was asked, or begins it. The errors are those of asking for it; those of doing it come with the event.
fn run(cx: &mut Cx, context: &Arc<Context>, at: UserAddr, iocb: &Iocb) -> Result<()> {
    let file = cx.files.get_io(iocb.fd)?;
    let told = match iocb.flags & FLAG_RESFD {
        0 => None,
        _ => {
            let file = cx.files.get_io(iocb.told)?;
            Some(file.ops_arc::<EventFd>().ok_or(Errno::EINVAL)?)
        }
    };
    user::write(at.add(KEY_AT), &KEY)?;
    let request = Request {
        obj: at.0 as u64,
        data: iocb.data,
        told,
    };
    let result = match iocb.command {
        command::PREAD | command::PREADV => read(cx, &file, iocb)?,
        command::PWRITE | command::PWRITEV => write(cx, &file, iocb)?,
        command::FSYNC => sync(&file, iocb, false)?,
        command::FDSYNC => sync(&file, iocb, true)?,
        command::POLL => {
            let events = u16::try_from(iocb.buf).map_err(|_| Errno::EINVAL)?;
            if iocb.offset != 0 || iocb.bytes != 0 || iocb.rw_flags != 0 {
                return Err(Errno::EINVAL);
            }
            return context.poll(file, events, request);
        }
        _ => return Err(Errno::EINVAL),
    };
    context.complete(&request, code(result));
    Ok(())
}

/// A result as an event has it. Nothing starts over: the program may have changed the request meanwhile.
fn code(result: Result<usize>) -> i64 {
    match result {
        Ok(n) => n as i64,
        Err(
            Errno::ERESTARTSYS
            | Errno::ERESTARTNOINTR
            | Errno::ERESTARTNOHAND
            | Errno::ERESTART_RESTARTBLOCK,
        ) => -i64::from(Errno::EINTR.code()),
        Err(e) => -i64::from(e.code()),
    }
}

/// What reads and writes have in common: the place in the file. EBADF, EINVAL, EPERM.
fn check(cx: &Cx, file: &File, iocb: &Iocb, mode: FileMode) -> Result<u64> {
    if iocb.flags & FLAG_IOPRIO != 0 {
        ioprio::check(cx, u32::from(iocb.priority))?;
    }
    // An unknown flag is told before what the file is open for.
    apply(iocb.rw_flags, &mut file.io_at(0))?;
    if !file.mode().contains(mode) {
        return Err(Errno::EBADF);
    }
    if file.is_dir() {
        return Err(Errno::EINVAL);
    }
    let seeks = file.mode().contains(FileMode::SEEK);
    match u64::try_from(iocb.offset) {
        Ok(pos) => Ok(pos),
        Err(_) if seeks => Err(Errno::EINVAL),
        Err(_) => Ok(0),
    }
}

/// Calls `f` with the memory that a read or a write names. EFAULT, EINVAL, ENOMEM; the result of `f` within.
fn with_memory<R>(
    iocb: &Iocb,
    vectored: bool,
    f: impl FnOnce(&mut UserBuf<'_>) -> Result<R>,
) -> Result<R> {
    let (at, len) = (iocb.buf as usize, iocb.bytes as usize);
    match vectored {
        true => with_segments(at, len, f),
        false => f(&mut range(at, len)?),
    }
}

/// EINVAL: the last byte would be beyond the last place of a file.
fn check_end(file: &File, pos: u64, buf: &UserBuf<'_>) -> Result<()> {
    let end = pos.checked_add(buf.remaining() as u64);
    match end.is_some_and(|end| end <= i64::MAX as u64) || !file.mode().contains(FileMode::SEEK) {
        true => Ok(()),
        false => Err(Errno::EINVAL),
    }
}

fn read(cx: &mut Cx, file: &File, iocb: &Iocb) -> Result<Result<usize>> {
    let pos = check(cx, file, iocb, FileMode::READ)?;
    let result = with_memory(iocb, iocb.command == command::PREADV, |buf| {
        check_end(file, pos, buf)?;
        let mut io = file.io_at(pos);
        apply(iocb.rw_flags, &mut io)?;
        match file.read_io(buf, &mut io) {
            // Only the calls that read at once make such a read.
            Err(Errno::EBYCALLER) => Err(Errno::EINVAL),
            result => Ok(result),
        }
    })?;
    cx.task.io_counters().note_read(result);
    Ok(result)
}

fn write(cx: &mut Cx, file: &File, iocb: &Iocb) -> Result<Result<usize>> {
    let pos = check(cx, file, iocb, FileMode::WRITE)?;
    let limit = size_limit(cx);
    let result = with_memory(iocb, iocb.command == command::PWRITEV, |buf| {
        check_end(file, pos, buf)?;
        let mut io = file.io_at(pos);
        apply(iocb.rw_flags, &mut io)?;
        io.fsize_limit = limit;
        let result = file.write_io(buf, &mut io);
        Ok(result.map_err(|errno| WriteError {
            errno,
            over_limit: io.over_limit,
            silent: io.silent,
        }))
    })?;
    let result = result.map_err(|e| write_failed(cx, e));
    cx.task.io_counters().note_write(result);
    Ok(result)
}

/// EINVAL: the request says more than it may, or the file is none that is kept anywhere.
fn sync(file: &File, iocb: &Iocb, data_only: bool) -> Result<Result<usize>> {
    if iocb.buf != 0 || iocb.offset != 0 || iocb.bytes != 0 || iocb.rw_flags != 0 {
        return Err(Errno::EINVAL);
    }
    match file.fsync(data_only) {
        Err(Errno::EINVAL) => Err(Errno::EINVAL),
        result => Ok(result.map(|()| 0)),
    }
}

/// io_cancel(2). EINPROGRESS: it was, and its event is there; EINVAL: it cannot be, or there is none; EFAULT.
fn sys_io_cancel(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let key: u32 = user::read(UserAddr(a[1]).add(KEY_AT))?;
    if key != KEY {
        return Err(Errno::EINVAL);
    }
    find(cx, a[0])?.cancel(a[1] as u64)?;
    Err(Errno::EINPROGRESS)
}

/// Until when to wait; 0 is not at all. With a time before now Linux waits for ever. EFAULT.
fn until(at: usize) -> Result<Option<u64>> {
    if at == 0 {
        return Ok(None);
    }
    let time: Timespec = user::read(UserAddr(at))?;
    let ns = i128::from(time.tv_sec) * i128::from(time::NSEC_PER_SEC) + i128::from(time.tv_nsec);
    Ok(match u64::try_from(ns) {
        Ok(0) => Some(0),
        Ok(ns) => Some(hal::clock::now_ns().saturating_add(ns)),
        Err(_) => None,
    })
}

/// EINVAL: no such context, or numbers that make no sense; EFAULT. And whether a signal ended it with nothing.
fn wait(cx: &Cx, a: &[usize; 6], until: Option<u64>) -> Result<(usize, bool)> {
    let context = find(cx, a[0])?;
    let (least, most) = (a[1] as i64, a[2] as i64);
    let (Ok(from), Ok(to)) = (usize::try_from(least), usize::try_from(most)) else {
        return Err(Errno::EINVAL);
    };
    if from > to {
        return Err(Errno::EINVAL);
    }
    let (count, signal) = context.wait(UserAddr(a[3]), (from, to), until)?;
    Ok((count, signal && count == 0))
}

/// io_getevents(2). The errors of `wait`; EINTR.
fn sys_io_getevents(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = until(a[4])?;
    match wait(cx, a, until)? {
        (_, true) => Err(Errno::EINTR),
        (count, false) => Ok(count),
    }
}

/// io_pgetevents(2), with a mask of signals meanwhile. As io_getevents(2), and EINVAL: the mask's size.
fn sys_io_pgetevents(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = until(a[4])?;
    if a[5] != 0 {
        let [mask, size]: [usize; 2] = user::read(UserAddr(a[5]))?;
        if let Some(mask) = mask_of(mask, size)? {
            cx.set_mask_for_call(mask);
        }
    }
    match wait(cx, a, until) {
        // The mask comes back after the handler.
        Ok((_, true)) => Err(Errno::ERESTARTNOHAND),
        other => {
            cx.restore_mask();
            other.map(|(count, _)| count)
        }
    }
}
