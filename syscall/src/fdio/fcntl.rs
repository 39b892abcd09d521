//! fcntl(2), flock(2) and the general part of ioctl(2).
use crate::bounds::fd_limit;
use ::socket::SIOCUNIXFILE;
use abi::ioctl::{
    FIOASYNC, FIOCLEX, FIONBIO, FIONCLEX, FIONREAD, FIOQSIZE, NS_GET_PARENT, NS_GET_USERNS,
    TIOCGPTPEER,
};
use abi::pod::{FOwnerEx, Flock};
use abi::raw::{
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_GETFL, F_GETLK, F_GETOWN, F_GETOWN_EX, F_GETSIG, F_NOTIFY,
    F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW, F_OWNER_PGRP, F_OWNER_PID, F_OWNER_TID, F_RDLCK,
    F_SETFD, F_SETFL, F_SETLK, F_SETLKW, F_SETOWN, F_SETOWN_EX, F_SETSIG, F_UNLCK, F_WRLCK,
    FD_CLOEXEC, LOCK_EX, LOCK_NB, LOCK_SH, LOCK_UN, O_CLOEXEC, SEEK_CUR, SEEK_END, SEEK_SET,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kmem::user::{self, UserAddr};
use task::Cx;
use vfs::{
    File, FileLock, FileMode, FileType, LockKind, LockOwner, LockWait, OnExec, OpenFlags, OwnerKind,
};

/// Commands that work on an `O_PATH` descriptor too.
const OF_PATHS: [u32; 5] = [F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL];

pub(super) fn sys_fcntl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (fd, cmd, arg) = (a[0] as i32, a[1] as u32, a[2]);
    match cmd {
        F_SETLK | F_OFD_SETLK => return set_lock(cx, a, LockWait::No),
        F_SETLKW | F_OFD_SETLKW => return set_lock(cx, a, LockWait::Yes),
        F_GETLK | F_OFD_GETLK => return get_lock(cx, a),
        _ => {}
    }
    let file = cx.files.get(fd)?;
    if file.mode().contains(FileMode::PATH) && !OF_PATHS.contains(&cmd) {
        return Err(Errno::EBADF);
    }
    match cmd {
        F_DUPFD => dup_from(cx, file, arg, OnExec::Keep),
        F_DUPFD_CLOEXEC => dup_from(cx, file, arg, OnExec::Close),
        F_GETFD => Ok(usize::from(cx.files.on_exec(fd)? == OnExec::Close)),
        F_SETFD => {
            let on_exec = OnExec::from_flag(arg as u32 & FD_CLOEXEC != 0);
            cx.files.set_on_exec(fd, on_exec).map(|()| 0)
        }
        F_GETFL => Ok(file.flags().bits() as usize),
        F_SETFL => set_flags(cx, fd, &file, OpenFlags::from_bits_truncate(arg as u32)),
        F_SETOWN => {
            let nr = arg as i32;
            let kind = if nr < 0 {
                OwnerKind::Group
            } else {
                OwnerKind::Process
            };
            file.owner_or_new()?.set(
                kind,
                nr.checked_abs().ok_or(Errno::EINVAL)?,
                cx.pids(),
                &cx.cred,
            )?;
            Ok(0)
        }
        F_GETOWN => Ok(match file.owner().map(|owner| owner.get(cx.pids())) {
            Some((OwnerKind::Group, nr)) => -nr as isize as usize,
            Some((_, nr)) => nr as usize,
            None => 0,
        }),
        F_SETOWN_EX => set_owner(cx, &file, arg),
        F_GETOWN_EX => get_owner(cx, &file, arg),
        F_SETSIG => {
            let signal = i32::try_from(arg).map_err(|_| Errno::EINVAL)?;
            file.owner_or_new()?.set_signal(signal).map(|()| 0)
        }
        F_NOTIFY => notify(cx, fd, &file, arg as u32),
        F_GETSIG => Ok(file.owner().map_or(0, vfs::FileOwner::signal) as usize),
        _ => file.ops().fcntl(&file, cmd, arg),
    }
}

fn dup_from(cx: &Cx, file: Arc<File>, min: usize, on_exec: OnExec) -> Result<usize> {
    let (min, limit) = (min as u32 as usize, fd_limit(cx));
    if min as u64 >= limit {
        return Err(Errno::EINVAL);
    }
    Ok(cx.files.alloc(min, limit, file, on_exec)? as usize)
}

fn set_flags(cx: &Cx, fd: i32, file: &File, flags: OpenFlags) -> Result<usize> {
    let gains_noatime = flags.difference(file.flags()).contains(OpenFlags::NOATIME);
    if gains_noatime && !file.inode().owner_or_capable(&cx.cred) {
        return Err(Errno::EPERM);
    }
    file.set_flags(flags, fd).map(|()| 0)
}

fn notify(cx: &Cx, fd: i32, file: &Arc<File>, asked: u32) -> Result<usize> {
    let table = cx.files.id();
    vfs::notify_dir(file, fd, asked, table, cx.process().pid(), &cx.cred)?;
    // Another thread may have closed it before there was anything to end.
    if !cx.files.get(fd).is_ok_and(|now| Arc::ptr_eq(&now, file)) {
        vfs::notify_dir(file, fd, 0, table, cx.process().pid(), &cx.cred)?;
    }
    Ok(0)
}

fn set_owner(cx: &Cx, file: &File, arg: usize) -> Result<usize> {
    let owner: FOwnerEx = user::read(UserAddr(arg))?;
    let kind = match owner.kind as u32 {
        F_OWNER_TID => OwnerKind::Thread,
        F_OWNER_PID => OwnerKind::Process,
        F_OWNER_PGRP => OwnerKind::Group,
        _ => return Err(Errno::EINVAL),
    };
    file.owner_or_new()?
        .set(kind, owner.pid, cx.pids(), &cx.cred)
        .map(|()| 0)
}

fn get_owner(cx: &Cx, file: &File, arg: usize) -> Result<usize> {
    let (kind, pid) = file
        .owner()
        .map_or((OwnerKind::Process, 0), |owner| owner.get(cx.pids()));
    user::write(
        UserAddr(arg),
        &FOwnerEx {
            kind: kind as i32,
            pid,
        },
    )?;
    Ok(0)
}

/// Who takes record locks, unless open files do.
struct Taker {
    owner: LockOwner,
    pid: i32,
}

impl Taker {
    fn new(cx: &Cx) -> Self {
        Self {
            owner: LockOwner::Process(cx.files.id()),
            pid: cx.process().nr(),
        }
    }

    /// A lock through `file` as `cmd` asks for one.
    fn lock(
        self,
        cmd: u32,
        file: &Arc<File>,
        kind: LockKind,
        (start, end): (u64, u64),
    ) -> FileLock {
        let Self { owner, pid } = if of_open_files(cmd) {
            Self {
                owner: vfs::ofd_owner(file),
                pid: -1,
            }
        } else {
            self
        };
        FileLock {
            kind,
            owner,
            pid,
            start,
            end,
            through: vfs::owner_of(file),
        }
    }
}

const fn of_open_files(cmd: u32) -> bool {
    const _: () = assert!(F_OFD_SETLK == F_OFD_GETLK + 1 && F_OFD_SETLKW == F_OFD_GETLK + 2);
    matches!(cmd, F_OFD_GETLK..=F_OFD_SETLKW)
}

/// First and last byte. EINVAL, EOVERFLOW.
fn lock_range(file: &File, lock: &Flock) -> Result<(u64, u64)> {
    let base = match u32::try_from(lock.l_whence) {
        Ok(SEEK_SET) => 0,
        Ok(SEEK_CUR) => file.pos() as i64,
        Ok(SEEK_END) => file.inode().size() as i64,
        _ => return Err(Errno::EINVAL),
    };
    let start = base.checked_add(lock.l_start).ok_or(Errno::EOVERFLOW)?;
    let (start, end) = match lock.l_len {
        0 => (start, i64::MAX),
        len if len > 0 => (start, start.checked_add(len - 1).ok_or(Errno::EOVERFLOW)?),
        len => (start.checked_add(len).ok_or(Errno::EINVAL)?, start - 1),
    };
    if start < 0 {
        return Err(Errno::EINVAL);
    }
    // The end of all files is the end of all locks.
    let end = if end == i64::MAX {
        u64::MAX
    } else {
        end as u64
    };
    Ok((start as u64, end))
}

fn read_lock(cmd: u32, arg: usize) -> Result<Flock> {
    let lock: Flock = user::read(UserAddr(arg))?;
    if of_open_files(cmd) && lock.l_pid != 0 {
        Err(Errno::EINVAL)
    } else {
        Ok(lock)
    }
}

fn lock_kind(lock: &Flock) -> Result<Option<LockKind>> {
    match lock.l_type as u32 {
        F_RDLCK => Ok(Some(LockKind::Read)),
        F_WRLCK => Ok(Some(LockKind::Write)),
        F_UNLCK => Ok(None),
        _ => Err(Errno::EINVAL),
    }
}

fn get_lock(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (cmd, arg, taker) = (a[1] as u32, a[2], Taker::new(cx));
    let file = cx.files.file_io(a[0] as i32)?;
    let mut asked = read_lock(cmd, arg)?;
    let kind = lock_kind(&asked)?.ok_or(Errno::EINVAL)?;
    let lock = taker.lock(cmd, &file, kind, lock_range(&file, &asked)?);
    match vfs::find_conflict(&file, &lock) {
        None => asked.l_type = F_UNLCK as i16,
        Some(found) => {
            asked = Flock {
                l_type: if found.kind == LockKind::Read {
                    F_RDLCK
                } else {
                    F_WRLCK
                } as i16,
                l_whence: SEEK_SET as i16,
                l_start: found.start as i64,
                l_len: if found.end == u64::MAX {
                    0
                } else {
                    (found.end - found.start + 1) as i64
                },
                l_pid: holder(&cx.task, found.pid),
                ..Flock::default()
            }
        }
    }
    user::write(UserAddr(arg), &asked)?;
    Ok(0)
}

/// Who has a lock, by the caller's numbers; an open file has none.
fn holder(asker: &task::Task, nr: i32) -> i32 {
    if nr > 0 {
        task::numbers::number_in(nr, asker.process().pids())
    } else {
        nr
    }
}

fn set_lock(cx: &mut Cx, a: &[usize; 6], wait: LockWait) -> Result<usize> {
    let (cmd, arg, taker) = (a[1] as u32, a[2], Taker::new(cx));
    let file = cx.files.file_io(a[0] as i32)?;
    let asked = read_lock(cmd, arg)?;
    let range = lock_range(&file, &asked)?;
    let kind = lock_kind(&asked)?;
    let lock = taker.lock(cmd, &file, kind.unwrap_or(LockKind::Read), range);
    let needed = match kind {
        None => {
            vfs::unlock_file(&file, lock.owner, lock.start, lock.end)?;
            return Ok(0);
        }
        Some(LockKind::Read) => FileMode::READ,
        Some(LockKind::Write) => FileMode::WRITE,
    };
    if !file.mode().contains(needed) {
        return Err(Errno::EBADF);
    }
    vfs::lock_file(&file, lock, wait).map(|()| 0)
}

pub(super) fn sys_flock(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = cx.files.get_io(a[0] as i32)?;
    let op = a[1] as u32;
    let kind = match op & !LOCK_NB {
        LOCK_SH => Some(LockKind::Read),
        LOCK_EX => Some(LockKind::Write),
        LOCK_UN => None,
        _ => return Err(Errno::EINVAL),
    };
    let wait = if op & LOCK_NB != 0 {
        LockWait::No
    } else {
        LockWait::Yes
    };
    vfs::flock(&file, kind, cx.process().nr(), wait).map(|()| 0)
}

pub(super) fn sys_ioctl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (fd, cmd, arg) = (a[0] as i32, a[1] as u32, a[2]);
    // What every file can do has the letter of terminals, and what opens another file names no size either.
    if cmd >> 16 != 0 {
        return cx.files.file(fd)?.ioctl(cmd, arg);
    }
    general_ioctl(cx, fd, cmd, arg)
}

/// Commands that every file has, and those that open another.
#[inline(never)]
fn general_ioctl(cx: &mut Cx, fd: i32, cmd: u32, arg: usize) -> Result<usize> {
    if matches!(
        cmd,
        FIOCLEX | FIONCLEX | TIOCGPTPEER | NS_GET_USERNS | NS_GET_PARENT | SIOCUNIXFILE
    ) {
        return ioctl_of_table(cx, fd, cmd, arg);
    }
    let file = cx.files.file_io(fd)?;
    match cmd {
        FIONBIO => set_flag(fd, &file, OpenFlags::NONBLOCK, arg),
        FIOASYNC => set_flag(fd, &file, OpenFlags::ASYNC, arg),
        FIONREAD if file.inode().kind() == FileType::Regular => {
            let left = file.inode().size() as i64 - file.pos() as i64;
            user::write(UserAddr(arg), &(left as i32))?;
            Ok(0)
        }
        FIOQSIZE if matches!(file.inode().kind(), FileType::Regular | FileType::Directory) => {
            user::write(UserAddr(arg), &file.inode().size())?;
            Ok(0)
        }
        _ => file.ioctl(cmd, arg),
    }
}

/// What changes the table of descriptors, too.
#[cold]
fn ioctl_of_table(cx: &mut Cx, fd: i32, cmd: u32, arg: usize) -> Result<usize> {
    let file = cx.files.get_io(fd)?;
    match cmd {
        FIOCLEX => cx.files.set_on_exec(fd, OnExec::Close).map(|()| 0),
        FIONCLEX => cx.files.set_on_exec(fd, OnExec::Keep).map(|()| 0),
        _ => {
            let other = match file.ops().ioctl_open(&file, cmd, arg, &cx.cred) {
                Err(Errno::ENOTTY) => return file.ioctl(cmd, arg),
                other => other?,
            };
            // A namespace's or socket's descriptor never outlives the program; a terminal's, as it is asked for.
            let close = cmd != TIOCGPTPEER || arg as u32 & O_CLOEXEC != 0;
            let on_exec = OnExec::from_flag(close);
            Ok(cx.files.alloc(0, fd_limit(cx), other, on_exec)? as usize)
        }
    }
}

fn set_flag(fd: i32, file: &File, flag: OpenFlags, arg: usize) -> Result<usize> {
    let on: i32 = user::read(UserAddr(arg))?;
    let mut flags = file.flags();
    flags.set(flag, on != 0);
    file.set_flags(flags, fd).map(|()| 0)
}
