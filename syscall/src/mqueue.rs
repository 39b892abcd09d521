//! System calls: POSIX message queues. mq_open(2), mq_unlink(2), mq_timedsend(2), mq_timedreceive(2), mq_notify(2),
//! mq_getsetattr(2).
use crate::Call;
use crate::bounds::fd_limit;
use crate::fs::with_path;
use ::mqueue::{Attr, Blocking, COOKIE, How, MqFile, Notification, PRIORITIES};
use ::socket::SocketFile;
use abi::pod::Timespec;
use abi::process::Sigevent;
use abi::raw::{
    __NR_mq_getsetattr, __NR_mq_notify, __NR_mq_open, __NR_mq_timedreceive, __NR_mq_timedsend,
    __NR_mq_unlink, O_NONBLOCK,
};
use abi::{Errno, Result};
use kmem::user::{self, UserAddr};
use pid::sigset::is_signal;
use task::Cx;
use time::ClockId;
use time::clock::from_timespec;
use vfs::{File, OnExec, OpenFlags};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_mq_open, "mq_open", sys_mq_open),
    (__NR_mq_unlink, "mq_unlink", sys_mq_unlink),
    (__NR_mq_timedsend, "mq_timedsend", sys_mq_timedsend),
    (__NR_mq_timedreceive, "mq_timedreceive", sys_mq_timedreceive),
    (__NR_mq_notify, "mq_notify", sys_mq_notify),
    (__NR_mq_getsetattr, "mq_getsetattr", sys_mq_getsetattr),
];

/// `struct mq_attr`: flags, most messages, most bytes, messages there are, and four that mean nothing.
type MqAttr = [i64; 8];

/// mq_open(2). The errors of `mqueue::open`; EFAULT, EMFILE.
fn sys_mq_open(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let attr = match a[3] {
        0 => None,
        at => {
            let [_, messages, size, ..]: MqAttr = user::read(UserAddr(at))?;
            Some(Attr { messages, size })
        }
    };
    let (flags, mode) = (a[1] as u32, a[2] as u32);
    with_path(a[0], |name| {
        // The number first: without one, no queue is made.
        let place = cx.files.reserve(0, fd_limit(cx), OnExec::Close)?;
        let file = match name {
            b"" => return Err(Errno::ENOENT),
            name => ::mqueue::open(cx, name, flags, mode, attr)?,
        };
        Ok(place.install(file) as usize)
    })
}

/// mq_unlink(2). The errors of `mqueue::unlink`; EFAULT.
fn sys_mq_unlink(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    with_path(a[0], |name| match name {
        b"" => Err(Errno::ENOENT),
        name => ::mqueue::unlink(cx, name),
    })?;
    Ok(0)
}

/// A time-out, which is absolute, as one of the monotonic clock. EFAULT, EINVAL.
fn deadline(at: usize) -> Result<Option<u64>> {
    if at == 0 {
        return Ok(None);
    }
    let time: Timespec = user::read(UserAddr(at))?;
    let ns = from_timespec(&time)?;
    Ok(Some(ClockId::Realtime.to_monotonic_ns(ns)))
}

/// How urgent the caller is among those who wait: real time by its level, then by nice value.
fn urgency() -> u32 {
    let share = sched::current().attr().share;
    match share.rt_level {
        0 => (19 - i32::from(share.nice)) as u32,
        level => 100 + u32::from(level),
    }
}

fn blocking(file: &File, deadline_ns: Option<u64>) -> Blocking {
    Blocking {
        nonblock: file.is_nonblock(),
        deadline_ns,
        urgency,
    }
}

/// mq_timedsend(2). EINVAL: the priority; and the errors of `mqueue::send`.
fn sys_mq_timedsend(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = deadline(a[4])?;
    let priority = a[3] as u32;
    if priority >= PRIORITIES {
        return Err(Errno::EINVAL);
    }
    let file = cx.files.file(a[0] as i32)?;
    let how = blocking(&file, until);
    let announce = ::mqueue::send(&file, (UserAddr(a[1]), a[2]), priority, &how)?;
    drop(file);
    if let Some(announce) = announce {
        announce.arrived(cx);
    }
    Ok(0)
}

/// mq_timedreceive(2). The errors of `mqueue::receive`.
fn sys_mq_timedreceive(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = deadline(a[4])?;
    let file = cx.files.file(a[0] as i32)?;
    let how = blocking(&file, until);
    let (len, priority) = ::mqueue::receive(&file, (UserAddr(a[1]), a[2]), &how)?;
    if a[3] != 0 {
        user::write(UserAddr(a[3]), &priority)?;
    }
    Ok(len)
}

/// mq_notify(2). EBADF; EINVAL: no such way, no signal, no netlink socket; EBUSY; EFAULT; ENOTSOCK; ENOMEM.
fn sys_mq_notify(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let how = match a[1] {
        0 => None,
        at => Some(way(cx, &user::read(UserAddr(at))?)?),
    };
    let file = cx.files.get(a[0] as i32)?;
    let queue = MqFile::of(&file)?.queue();
    let Some(how) = how else {
        if let Some(gone) = queue.unregister(|who| who.is_of(cx.process())) {
            ::mqueue::touch_settings(file.inode());
            gone.removed();
        }
        return Ok(0);
    };
    let new = Notification::new(cx, how)?;
    queue.register(new).map_err(|_| Errno::EBUSY)?;
    ::mqueue::touch_settings(file.inode());
    Ok(0)
}

/// How a `struct sigevent` wants to be told.
fn way(cx: &Cx, event: &Sigevent) -> Result<How> {
    const SIGEV_SIGNAL: i32 = 0;
    const SIGEV_NONE: i32 = 1;
    const SIGEV_THREAD: i32 = 2;
    match event.notify {
        SIGEV_NONE => Ok(How::Nothing),
        SIGEV_SIGNAL if event.signo == 0 || is_signal(event.signo) => {
            Ok(How::Signal(event.signo as u32, event.value))
        }
        SIGEV_THREAD => {
            let cookie = user::read_vec(UserAddr(event.value as usize), COOKIE)?;
            let file = cx.files.get_io(event.signo)?;
            Ok(How::Cookie(SocketFile::of(&file)?.clone(), cookie))
        }
        _ => Err(Errno::EINVAL),
    }
}

/// mq_getsetattr(2): of the new ones `O_NONBLOCK` alone. EBADF, EFAULT; EINVAL: other flags.
fn sys_mq_getsetattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let new = match a[1] {
        0 => None,
        at => {
            let [flags, ..]: MqAttr = user::read(UserAddr(at))?;
            if flags & !i64::from(O_NONBLOCK) != 0 {
                return Err(Errno::EINVAL);
            }
            Some(flags)
        }
    };
    let file = cx.files.get(a[0] as i32)?;
    let queue = MqFile::of(&file)?.queue();
    let flags = file.flags();
    let old: MqAttr = [
        i64::from((flags & OpenFlags::NONBLOCK).bits()),
        queue.max_messages() as i64,
        queue.message_size() as i64,
        queue.len() as i64,
        0,
        0,
        0,
        0,
    ];
    if let Some(new) = new {
        let mut wanted = flags;
        wanted.set(OpenFlags::NONBLOCK, new != 0);
        file.set_flags(wanted, a[0] as i32)?;
        ::mqueue::touch_settings(file.inode());
    }
    if a[2] != 0 {
        user::write(UserAddr(a[2]), &old)?;
    }
    Ok(0)
}
