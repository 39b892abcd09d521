//! inotify(7).
use super::files::install;
use crate::fs::find_at;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use event::inotify::Inotify;
use task::Cx;
use vfs::{Access, LookupFlags};

/// inotify_init(2). EMFILE, ENOMEM.
pub(super) fn sys_inotify_init(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    install(cx, Inotify::create(0, &cx.cred)?, false)
}

/// inotify_init1(2). EINVAL, EMFILE, ENOMEM.
pub(super) fn sys_inotify_init1(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[0] as u32;
    let file = Inotify::create(flags, &cx.cred)?;
    install(cx, file, flags & raw::IN_CLOEXEC != 0)
}

/// inotify_add_watch(2). EACCES, EBADF, EEXIST, EFAULT, EINVAL, ENOSPC, ENOMEM, and the errors of a walk.
pub(super) fn sys_inotify_add_watch(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mask = a[2] as u32;
    Inotify::check(mask)?;
    let file = cx.files.get_io(a[0] as i32)?;
    if mask & raw::IN_MASK_ADD != 0 && mask & raw::IN_MASK_CREATE != 0 {
        return Err(Errno::EINVAL);
    }
    let queue: Arc<Inotify> = file.ops_arc().ok_or(Errno::EINVAL)?;
    let mut flags = LookupFlags::empty();
    flags.set(LookupFlags::FOLLOW, mask & raw::IN_DONT_FOLLOW == 0);
    flags.set(LookupFlags::DIRECTORY, mask & raw::IN_ONLYDIR != 0);
    let at = find_at(cx, raw::AT_FDCWD as usize, a[1], flags)?;
    let inode = at.inode()?;
    inode.permission(&cx.cred, Access::READ)?;
    Ok(queue.watch(inode, mask)? as usize)
}

/// inotify_rm_watch(2). EBADF, EINVAL.
pub(super) fn sys_inotify_rm_watch(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = cx.files.get_io(a[0] as i32)?;
    let queue: &Inotify = file.ops_as().ok_or(Errno::EINVAL)?;
    queue.unwatch(a[1] as i32)?;
    Ok(0)
}
