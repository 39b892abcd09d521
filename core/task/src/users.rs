//! New user namespaces, and who may be in them (user_namespaces(7)).
use crate::cx::Cx;
use crate::objects::Task;
use crate::process::next_process;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, UserNamespace, cap};
use vfs::FsStruct;

/// Credentials in a new namespace of the caller's making. `EPERM`: the caller's root is not the top of what is mounted, or its
/// ids have no name in its own namespace; `ENOSPC`: nested too deeply; `ENOMEM`.
pub(crate) fn among(cx: &Cx) -> Result<Arc<Cred>> {
    if cx.fs.is_below(cx.ns.mnt())? {
        return Err(Errno::EPERM);
    }
    let ns = UserNamespace::new(&cx.cred)?;
    kmem::try_arc(cx.cred.in_users(ns))
}

/// Credentials in `ns`. `EINVAL`: the caller is in it, or shares something that would become another user's; `EPERM`: without
/// `CAP_SYS_ADMIN` in it; `ENOMEM`.
pub(crate) fn entering(cx: &Cx, ns: &Arc<UserNamespace>) -> Result<Arc<Cred>> {
    let alone = cx.process().thread_count() == 1 && !shares_fs(cx);
    if Arc::ptr_eq(ns, &cx.cred.user_ns) || !alone {
        return Err(Errno::EINVAL);
    }
    if !cx.cred.ns_capable(ns, cap::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    kmem::try_arc(cx.cred.in_users(ns.clone()))
}

/// Whether another task has the caller's root and working directory too.
pub(crate) fn shares_fs(cx: &Cx) -> bool {
    // Its own, and the one that is shown to others; who looks at that has it for a moment.
    if Arc::strong_count(&cx.fs) <= 2 {
        return false;
    }
    let same = |fs: Arc<FsStruct>| Arc::ptr_eq(&fs, &cx.fs);
    let other = |task: &Task| task.tid() != cx.task.tid() && task.fs().is_some_and(same);
    let mut from = 1;
    while let Some(process) = next_process(from) {
        from = process.nr() + 1;
        let mut n = 0;
        while let Some(task) = process.nth_thread(n) {
            if other(&task) {
                return true;
            }
            n += 1;
        }
    }
    false
}
