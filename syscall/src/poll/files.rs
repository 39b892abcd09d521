//! Descriptors for events and timers.
use abi::pod::Timespec;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use cred::Resource;
use event::eventfd::EventFd;
use event::timerfd::{Setting, TimerFd};
use kmem::user::UserPtr;
use task::Cx;
use vfs::{File, OnExec};

/// `struct itimerspec`: interval, value.
type ItimerSpec = [Timespec; 2];

fn install(cx: &Cx, file: Arc<File>, close_on_exec: bool) -> Result<usize> {
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
