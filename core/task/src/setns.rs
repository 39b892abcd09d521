//! Entering namespaces that are there already (setns(2)).
use crate::cx::Cx;
use crate::ns::{self, Namespaces, NsRef};
use crate::nsfs;
use crate::objects::{Process, Task};
use crate::process::next_process;
use abi::raw::CLONE_NEWNS;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::cap;
use vfs::FsStruct;

/// What the caller will have once all of it is found to be allowed.
struct Entry {
    ns: Arc<Namespaces>,
    /// It enters a namespace of mounts, and stands at the top of its tree.
    moves: bool,
}

impl Entry {
    fn new(cx: &Cx) -> Self {
        Self {
            ns: cx.ns.clone(),
            moves: false,
        }
    }

    /// `EPERM`: without `CAP_SYS_ADMIN` over the namespace and the caller's own users; `EINVAL`: threads or children share the
    /// caller's root.
    fn add(&mut self, cx: &Cx, to: &NsRef) -> Result<()> {
        let owner = to.owner()?.ok_or(Errno::EINVAL)?;
        if !cx.cred.ns_capable(&owner, cap::SYS_ADMIN) || !cx.cred.has_cap(cap::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        if let NsRef::Mnt(_) = to {
            if !cx.cred.has_cap(cap::SYS_CHROOT) {
                return Err(Errno::EPERM);
            }
            if shares_fs(cx) {
                return Err(Errno::EINVAL);
            }
            self.moves = true;
        }
        self.ns = ns::with(&self.ns, to)?;
        Ok(())
    }

    fn install(self, cx: &mut Cx) -> Result<()> {
        if self.moves {
            cx.fs.enter(self.ns.mnt())?;
        }
        cx.set_ns(self.ns);
        Ok(())
    }
}

/// Whether another task has the caller's root and working directory too.
pub fn shares_fs(cx: &Cx) -> bool {
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

/// The flags of all kinds that can be entered.
pub fn kinds() -> u32 {
    ns::flags()
}

/// The caller enters `to`. `EPERM`: it may not; `EINVAL`: it can't, as setns(2) says; `ENOMEM`.
pub fn enter(cx: &mut Cx, to: &NsRef) -> Result<()> {
    let mut entry = Entry::new(cx);
    entry.add(cx, to)?;
    entry.install(cx)
}

/// The caller enters the namespaces of `of` of the kinds in `flags`, all of them or none. Errors as [`enter`]; `ESRCH`: the
/// process has ended.
pub fn enter_all(cx: &mut Cx, of: &Process, flags: u32) -> Result<()> {
    let leader = of.leader().ok_or(Errno::ESRCH)?;
    let mut entry = Entry::new(cx);
    let mut n = 0;
    while let Some(name) = nsfs::link_name(n) {
        n += 1;
        if name.contains('_') {
            continue; // of the children
        }
        let to = nsfs::of_task(&leader, name).map_err(|_| Errno::ESRCH)?;
        if flags & to.flag() != 0 {
            entry.add(cx, &to)?;
        }
    }
    entry.install(cx)
}

/// The caller gets new namespaces of the kinds in `flags` (unshare(2)), with a root and working directory of its own if one
/// is of mounts. `EPERM`: without `CAP_SYS_ADMIN`; `ENOMEM`, `ENOSPC`.
pub fn leave(cx: &mut Cx, flags: u32) -> Result<()> {
    if !cx.cred.has_cap(cap::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let fs = if flags & CLONE_NEWNS != 0 {
        cx.fs.try_clone()?
    } else {
        cx.fs.clone()
    };
    let ns = ns::beside(&cx.ns, &cx.cred, &fs, flags.into())?;
    cx.set_fs(fs);
    cx.set_ns(ns);
    Ok(())
}
