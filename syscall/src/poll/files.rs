//! Descriptors for events, signals and timers.
use abi::pod::Timespec;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use cred::Resource;
use event::eventfd::EventFd;
use event::signalfd::SignalFd;
use event::timerfd::{Setting, TimerFd};
use kmem::user::UserPtr;
use pid::SigSet;
use task::Cx;
use vfs::{File, OnExec};

/// `struct itimerspec`: interval, value.
type ItimerSpec = [Timespec; 2];

pub(crate) fn install(cx: &Cx, file: Arc<File>, close_on_exec: bool) -> Result<usize> {
    let limit = cx.process().limits().cur(Resource::Nofile);
    let on_exec = OnExec::from_flag(close_on_exec);
    Ok(cx.files.alloc(0, limit, file, on_exec)? as usize)
}

/// eventfd(2) without flags. EMFILE, ENOMEM.
pub(super) fn sys_eventfd(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = EventFd::create(a[0] as u32, 0, &cx.cred)?;
    install(cx, file, false)
}

/// eventfd(2). EINVAL, EMFILE, ENOMEM.
pub(super) fn sys_eventfd2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[1] as u32;
    let file = EventFd::create(a[0] as u32, flags, &cx.cred)?;
    install(cx, file, flags & raw::EFD_CLOEXEC != 0)
}

/// signalfd(2) without flags. EBADF, EFAULT, EINVAL, EMFILE, ENOMEM.
pub(super) fn sys_signalfd(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    signalfd(cx, a, 0)
}

/// signalfd(2). EBADF, EFAULT, EINVAL, EMFILE, ENOMEM.
pub(super) fn sys_signalfd4(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    signalfd(cx, a, a[3] as u32)
}

fn signalfd(cx: &Cx, a: &[usize; 6], flags: u32) -> Result<usize> {
    if a[2] != size_of::<u64>() || flags & !(raw::O_CLOEXEC | raw::O_NONBLOCK) != 0 {
        return Err(Errno::EINVAL);
    }
    let mask = SigSet(UserPtr::<u64>::new(a[1]).read()?);
    let fd = a[0] as i32;
    if fd == -1 {
        let file = SignalFd::create(mask, flags, &cx.cred)?;
        return install(cx, file, flags & raw::O_CLOEXEC != 0);
    }
    let file = cx.files.get_io(fd)?;
    let signals = file.ops_as::<SignalFd>().ok_or(Errno::EINVAL)?;
    signals.set_mask(mask);
    Ok(fd as usize)
}

/// timerfd_create(2). EINVAL, EPERM, EMFILE, ENOMEM.
pub(super) fn sys_timerfd_create(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (clock, flags) = (a[0] as u32, a[1] as u32);
    let alarm = matches!(clock, raw::CLOCK_REALTIME_ALARM | raw::CLOCK_BOOTTIME_ALARM);
    if alarm {
        cx.cred.require(cred::cap::WAKE_ALARM)?;
    }
    let file = TimerFd::create(clock, flags, &cx.cred)?;
    install(cx, file, flags & raw::TFD_CLOEXEC != 0)
}

/// The timer of a descriptor. EBADF; EINVAL: it is none.
fn timer(cx: &Cx, fd: usize) -> Result<Arc<TimerFd>> {
    cx.files.get_io(fd as i32)?.ops_arc().ok_or(Errno::EINVAL)
}

fn encode(setting: Setting) -> ItimerSpec {
    [setting.interval_ns, setting.value_ns].map(|ns| Timespec {
        tv_sec: (ns / time::NSEC_PER_SEC) as i64,
        tv_nsec: (ns % time::NSEC_PER_SEC) as i64,
    })
}

/// timerfd_settime(2). EBADF, EFAULT, EINVAL.
pub(super) fn sys_timerfd_settime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[1] as u32;
    let [interval, value] = UserPtr::<ItimerSpec>::new(a[2]).read()?;
    let known = raw::TFD_TIMER_ABSTIME | raw::TFD_TIMER_CANCEL_ON_SET;
    if flags & !known != 0 {
        return Err(Errno::EINVAL);
    }
    let new = Setting {
        value_ns: time::clock::from_timespec(&value)?,
        interval_ns: time::clock::from_timespec(&interval)?,
    };
    let old = timer(cx, a[0])?.set(
        new,
        flags & raw::TFD_TIMER_ABSTIME != 0,
        flags & raw::TFD_TIMER_CANCEL_ON_SET != 0,
    );
    UserPtr::new(a[3]).write_if(&encode(old))?;
    Ok(0)
}

/// timerfd_gettime(2). EBADF, EFAULT, EINVAL.
pub(super) fn sys_timerfd_gettime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let now = timer(cx, a[0])?.get();
    UserPtr::new(a[1]).write(&encode(now))?;
    Ok(0)
}
