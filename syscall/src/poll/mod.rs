//! System calls: waiting for files. poll(2), select(2), epoll(7), eventfd(2), signalfd(2),
//! timerfd_create(2), inotify(7), fanotify(7).
mod epoll;
mod fanotify;
pub(crate) use fanotify::read_events;
mod files;
pub(crate) use files::install;
mod inotify;

use crate::Call;
use abi::pod::{Timespec, Timeval};
use abi::zerocopy::IntoBytes;
use abi::{Errno, Result, raw};
use alloc::vec::Vec;
use cred::Resource;
use event::poll::{PollFd, Until, poll, with_kept};
use event::select::{Sets, select};
use kmem::TryVec;
use kmem::user::{UserAddr, UserPtr, copy_from_user, copy_to_user};
use task::Cx;
use task::signal::mask_of;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (raw::__NR_poll, "poll", sys_poll),
    (raw::__NR_ppoll, "ppoll", sys_ppoll),
    (raw::__NR_select, "select", sys_select),
    (raw::__NR_pselect6, "pselect6", sys_pselect6),
    (
        raw::__NR_epoll_create,
        "epoll_create",
        epoll::sys_epoll_create,
    ),
    (
        raw::__NR_epoll_create1,
        "epoll_create1",
        epoll::sys_epoll_create1,
    ),
    (raw::__NR_epoll_ctl, "epoll_ctl", epoll::sys_epoll_ctl),
    (raw::__NR_epoll_wait, "epoll_wait", epoll::sys_epoll_wait),
    (raw::__NR_epoll_pwait, "epoll_pwait", epoll::sys_epoll_pwait),
    (
        raw::__NR_epoll_pwait2,
        "epoll_pwait2",
        epoll::sys_epoll_pwait2,
    ),
    (
        raw::__NR_inotify_init,
        "inotify_init",
        inotify::sys_inotify_init,
    ),
    (
        raw::__NR_inotify_init1,
        "inotify_init1",
        inotify::sys_inotify_init1,
    ),
    (
        raw::__NR_inotify_add_watch,
        "inotify_add_watch",
        inotify::sys_inotify_add_watch,
    ),
    (
        raw::__NR_inotify_rm_watch,
        "inotify_rm_watch",
        inotify::sys_inotify_rm_watch,
    ),
    (
        raw::__NR_fanotify_init,
        "fanotify_init",
        fanotify::sys_fanotify_init,
    ),
    (
        raw::__NR_fanotify_mark,
        "fanotify_mark",
        fanotify::sys_fanotify_mark,
    ),
    (raw::__NR_eventfd, "eventfd", files::sys_eventfd),
    (raw::__NR_eventfd2, "eventfd2", files::sys_eventfd2),
    (raw::__NR_signalfd, "signalfd", files::sys_signalfd),
    (raw::__NR_signalfd4, "signalfd4", files::sys_signalfd4),
    (
        raw::__NR_timerfd_create,
        "timerfd_create",
        files::sys_timerfd_create,
    ),
    (
        raw::__NR_timerfd_settime,
        "timerfd_settime",
        files::sys_timerfd_settime,
    ),
    (
        raw::__NR_timerfd_gettime,
        "timerfd_gettime",
        files::sys_timerfd_gettime,
    ),
];

const NS_PER_MS: u64 = 1_000_000;
/// personality(2): timeouts are not written back.
const STICKY_TIMEOUTS: u32 = 0x0400_0000;
/// Descriptors that a poll takes without an allocation.
const INLINE: usize = 16;
/// A table of descriptors is at least this long to select(2), however few it holds.
const LEAST_CAPACITY: usize = 64;

/// The end of a timeout in milliseconds; negative is never.
fn until_ms(ms: i32) -> Until {
    match u64::try_from(ms) {
        Ok(ms) => Until::after(ms * NS_PER_MS),
        Err(_) => Until::Forever,
    }
}

/// The end of a timeout, forever for a null pointer. EINVAL, EFAULT.
fn until_timespec(addr: usize) -> Result<Until> {
    if addr == 0 {
        return Ok(Until::Forever);
    }
    let ts = UserPtr::<Timespec>::new(addr).read()?;
    Ok(Until::after(time::clock::from_timespec(&ts)?))
}

/// poll(2). EFAULT, EINVAL: more than may be open; EINTR, ENOMEM.
fn sys_poll(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    poll_until(cx, a[0], a[1] as u32, until_ms(a[2] as i32))
}

fn poll_until(cx: &mut Cx, fds: usize, nfds: u32, until: Until) -> Result<usize> {
    match poll_user(cx, fds, nfds, until) {
        Err(Errno::ERESTARTNOHAND) => {
            Err(cx.restart_with(move |cx| poll_until(cx, fds, nfds, until)))
        }
        other => other,
    }
}

/// ppoll(2). As poll(2), and EINVAL: timeout or mask.
fn sys_ppoll(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = until_timespec(a[2])?;
    if let Some(mask) = mask_of(a[3], a[4])? {
        cx.set_mask_for_call(mask);
    }
    let result = poll_user(cx, a[0], a[1] as u32, until);
    finish(cx, result, until, Left::Timespec(a[2]))
}

/// Copies the list in, polls, and copies it back out.
fn poll_user(cx: &mut Cx, addr: usize, nfds: u32, until: Until) -> Result<usize> {
    let nfds = nfds as usize;
    if nfds as u64 > cx.process().limits().cur(Resource::Nofile) {
        return Err(Errno::EINVAL);
    }
    let mut inline = [PollFd::default(); INLINE];
    let mut heap;
    let fds = if nfds <= INLINE {
        &mut inline[..nfds]
    } else {
        heap = Vec::try_filled(PollFd::default(), nfds)?;
        &mut heap[..]
    };
    copy_from_user(fds.as_mut_bytes(), UserAddr(addr))?;
    let result = with_kept(cx, |files, kept| poll(files, fds, until, kept));
    let user = UserPtr::<PollFd>::new(addr);
    for (i, fd) in fds.iter().enumerate() {
        // Only the answer is written: another thread may be changing what is asked.
        let at = user.at(i).addr().0 + core::mem::offset_of!(PollFd, revents);
        copy_to_user(UserAddr(at), &fd.revents.to_ne_bytes())?;
    }
    result
}

/// select(2). EBADF, EFAULT, EINTR, EINVAL, ENOMEM.
fn sys_select(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = if a[4] == 0 {
        Until::Forever
    } else {
        let tv = UserPtr::<Timeval>::new(a[4]).read()?;
        let carried = tv.tv_sec.checked_add(tv.tv_usec / 1_000_000);
        let ts = Timespec {
            tv_sec: carried.ok_or(Errno::EINVAL)?,
            tv_nsec: tv.tv_usec % 1_000_000 * 1000,
        };
        Until::after(time::clock::from_timespec(&ts)?)
    };
    let result = select_user(cx, a, until);
    finish(cx, result, until, Left::Timeval(a[4]))
}

/// pselect6: select(2) with a signal mask for its duration, behind a pointer.
fn sys_pselect6(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let [mask, size] = if a[5] == 0 {
        [0, 0]
    } else {
        UserPtr::<[usize; 2]>::new(a[5]).read()?
    };
    let until = until_timespec(a[4])?;
    if let Some(mask) = mask_of(mask, size)? {
        cx.set_mask_for_call(mask);
    }
    let result = select_user(cx, a, until);
    finish(cx, result, until, Left::Timespec(a[4]))
}

fn select_user(cx: &mut Cx, a: &[usize; 6], until: Until) -> Result<usize> {
    let asked = usize::try_from(a[0] as i32).map_err(|_| Errno::EINVAL)?;
    let mut sets = Sets::new(asked.min(cx.files.capacity().max(LEAST_CAPACITY)))?;
    for which in 0..3 {
        if a[1 + which] != 0 {
            let words = sets.asked_mut(which);
            copy_from_user(words.as_mut_bytes(), UserAddr(a[1 + which]))?;
        }
    }
    let count = with_kept(cx, |files, kept| select(files, &mut sets, until, kept))?;
    for which in 0..3 {
        if a[1 + which] != 0 {
            copy_to_user(UserAddr(a[1 + which]), sets.ready(which).as_bytes())?;
        }
    }
    Ok(count)
}

/// Where the time that is left is written to; null: nowhere.
#[derive(Clone, Copy)]
enum Left {
    Timespec(usize),
    Timeval(usize),
}

/// Ends a call with a mask and a timeout: the mask comes back (after the handler of a signal that ended the call), the
/// time that is left is written.
fn finish(cx: &mut Cx, result: Result<usize>, until: Until, left: Left) -> Result<usize> {
    let interrupted = result == Err(Errno::ERESTARTNOHAND);
    if !interrupted {
        cx.restore_mask();
    }
    let written = match until {
        Until::Time(_) if cx.personality & STICKY_TIMEOUTS != 0 => false,
        Until::Time(end) => write_left(left, end.saturating_sub(hal::clock::now_ns())).is_ok(),
        _ => true,
    };
    // A call whose timeout could not be updated must not start over with all of it.
    if interrupted && !written {
        return Err(Errno::EINTR);
    }
    result
}

fn write_left(left: Left, ns: u64) -> Result<()> {
    let (sec, nsec) = (
        (ns / time::NSEC_PER_SEC) as i64,
        (ns % time::NSEC_PER_SEC) as i64,
    );
    match left {
        Left::Timespec(addr) => UserPtr::new(addr).write_if(&Timespec {
            tv_sec: sec,
            tv_nsec: nsec,
        }),
        Left::Timeval(addr) => UserPtr::new(addr).write_if(&Timeval {
            tv_sec: sec,
            tv_usec: nsec / 1000,
        }),
    }
}
