//! fanotify(7).
use super::files::install;
use crate::fs::find_at;
use abi::{Errno, Result, fan};
use alloc::sync::Arc;
use event::fanotify::{Group, Request};
use kmem::user::UserBuf;
use task::Cx;
use vfs::LookupFlags;

/// fanotify_init(2). EINVAL, EMFILE, ENOMEM, EPERM.
pub(super) fn sys_fanotify_init(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[0] as u32;
    let file = Group::create(flags, a[1] as u32, &cx.cred)?;
    install(cx, file, flags & fan::FAN_CLOEXEC != 0)
}

/// fanotify_mark(2). EACCES, EBADF, EEXIST, EFAULT, EINVAL, EISDIR, ENODEV, ENOENT, ENOSPC, ENOTDIR, EPERM, ENOMEM, and the
/// errors of a walk.
pub(super) fn sys_fanotify_mark(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let request = Request::new(a[1] as u32, a[2] as u64)?;
    let file = cx.files.get_io(a[0] as i32)?;
    let group: Arc<Group> = file.ops_arc().ok_or(Errno::EINVAL)?;
    request.check(&group, &cx.cred)?;
    // Any path will do to say what kind of marks is meant.
    if request.flush(&group, file.path())? {
        return Ok(0);
    }
    let lookup = request.lookup();
    let at = if a[4] == 0 {
        let place = cx.files.get_io(a[3] as i32)?;
        if lookup.contains(LookupFlags::DIRECTORY) && !place.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        place.path().clone()
    } else {
        find_at(cx, a[3], a[4], lookup)?
    };
    request.apply(&group, &at, &cx.cred)?;
    Ok(0)
}

/// A read of a group's file: its events come with descriptors. EINVAL: it is no group's any more.
#[cold]
#[inline(never)]
pub(crate) fn read_events(cx: &Cx, fd: usize, buf: &mut UserBuf<'_>) -> Result<usize> {
    let file = cx.files.get_io(fd as i32)?;
    let group: &Group = file.ops_as().ok_or(Errno::EINVAL)?;
    group.read_events(cx, &file, buf)
}
