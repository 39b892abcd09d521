//! epoll(7).
use super::{until_ms, until_timespec};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use cred::Resource;
use event::epoll::{EVENT_SIZE, Epoll, Event, Interest, MAX_EVENTS};
use event::poll::Until;
use kmem::user::{self, UserAddr};
use task::Cx;
use task::signal::mask_of;
use vfs::OnExec;

/// epoll_create(2). EINVAL, EMFILE, ENOMEM.
pub(super) fn sys_epoll_create(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[0] as i32 <= 0 {
        return Err(Errno::EINVAL);
    }
    create(cx, 0)
}

/// epoll_create1(2). EINVAL, EMFILE, ENOMEM.
pub(super) fn sys_epoll_create1(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    create(cx, a[0] as u32)
}

fn create(cx: &Cx, flags: u32) -> Result<usize> {
    let file = Epoll::create(flags, &cx.cred)?;
    let limit = cx.process().limits().cur(Resource::Nofile);
    let on_exec = OnExec::from_flag(flags & raw::EPOLL_CLOEXEC != 0);
    Ok(cx.files.alloc(0, limit, file, on_exec)? as usize)
}

/// epoll_ctl(2). EBADF, EEXIST, EFAULT, EINVAL, ELOOP, ENOENT, ENOMEM, EPERM.
pub(super) fn sys_epoll_ctl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (op, fd) = (a[1] as u32, a[2] as i32);
    let mut bytes = [0; EVENT_SIZE];
    if op != raw::EPOLL_CTL_DEL {
        user::copy_from_user(&mut bytes, UserAddr(a[3]))?;
    }
    let Event { events, data } = Event::from_bytes(&bytes);
    let interest = Interest { events, data };
    let set_file = cx.files.get_io(a[0] as i32)?;
    let file = cx.files.get_io(fd)?;
    if !file.can_poll() {
        return Err(Errno::EPERM);
    }
    if Arc::ptr_eq(&set_file, &file) {
        return Err(Errno::EINVAL);
    }
    let set: Arc<Epoll> = set_file.ops_arc().ok_or(Errno::EINVAL)?;
    match op {
        raw::EPOLL_CTL_ADD => set.add(fd, &file, interest)?,
        raw::EPOLL_CTL_DEL => set.remove(fd, &file)?,
        raw::EPOLL_CTL_MOD => set.modify(fd, &file, interest)?,
        _ => return Err(Errno::EINVAL),
    }
    Ok(0)
}

/// epoll_wait(2). EBADF, EFAULT, EINTR, EINVAL.
pub(super) fn sys_epoll_wait(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    wait(cx, a, until_ms(a[3] as i32))
}

/// epoll_pwait(2): with a signal mask for its duration.
pub(super) fn sys_epoll_pwait(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    masked_wait(cx, a, until_ms(a[3] as i32))
}

/// epoll_pwait2(2): the timeout is a `timespec`.
pub(super) fn sys_epoll_pwait2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let until = until_timespec(a[3])?;
    masked_wait(cx, a, until)
}

fn masked_wait(cx: &mut Cx, a: &[usize; 6], until: Until) -> Result<usize> {
    if let Some(mask) = mask_of(a[4], a[5])? {
        cx.set_mask_for_call(mask);
    }
    let result = wait(cx, a, until);
    // Interrupted, the mask comes back after the handler.
    if result != Err(Errno::EINTR) {
        cx.restore_mask();
    }
    result
}

fn wait(cx: &mut Cx, a: &[usize; 6], until: Until) -> Result<usize> {
    let max = usize::try_from(a[2] as i32).map_err(|_| Errno::EINVAL)?;
    if max == 0 || max > MAX_EVENTS {
        return Err(Errno::EINVAL);
    }
    user::check(UserAddr(a[1]), max * EVENT_SIZE)?;
    let file = cx.files.file_io(a[0] as i32)?;
    let set: &Epoll = file.ops_as().ok_or(Errno::EINVAL)?;
    set.wait(max, until, |i, event| {
        user::copy_to_user(UserAddr(a[1] + i * EVENT_SIZE), &event.to_bytes())
    })
}
