//! Entering namespaces that are there already (setns(2)).
use crate::cx::Cx;
use crate::ns::{self, Namespaces, NsRef};
use crate::nsfs;
use crate::objects::Process;
use crate::users;
use abi::raw::{CLONE_NEWNS, CLONE_NEWUSER};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, cap};

/// What the caller will have once all of it is found to be allowed.
struct Entry {
    ns: Arc<Namespaces>,
    /// Other users' credentials, or its own.
    cred: Arc<Cred>,
    /// It enters a namespace of mounts, and stands at the top of its tree.
    moves: bool,
}

impl Entry {
    fn new(cx: &Cx) -> Self {
        Self {
            ns: cx.ns.clone(),
            cred: cx.cred.clone(),
            moves: false,
        }
    }

    /// `EPERM`: without `CAP_SYS_ADMIN` over the namespace and the caller's own users; `EINVAL`: threads or children share the
    /// caller's root, or its numbers are not of a namespace inside its own.
    fn add(&mut self, cx: &Cx, to: &NsRef) -> Result<()> {
        if let NsRef::User(ns) = to {
            self.cred = users::entering(cx, ns)?;
            return Ok(());
        }
        let owner = to.owner()?.ok_or(Errno::EINVAL)?;
        // By what it has now, over the users that it will be one of.
        let may = |cap| cx.cred.ns_capable(&self.cred.user_ns, cap);
        if !cx.cred.ns_capable(&owner, cap::SYS_ADMIN) || !may(cap::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        if let NsRef::Mnt(_) = to {
            if !may(cap::SYS_CHROOT) {
                return Err(Errno::EPERM);
            }
            if users::shares_fs(cx) {
                return Err(Errno::EINVAL);
            }
            self.moves = true;
        }
        if let NsRef::Pid(ns) = to
            && !ns.is_within(cx.pids())
        {
            return Err(Errno::EINVAL);
        }
        self.ns = ns::with(&self.ns, to)?;
        Ok(())
    }

    fn install(self, cx: &mut Cx) -> Result<()> {
        if self.moves {
            cx.fs.enter(self.ns.mnt())?;
        }
        cx.set_ns(self.ns);
        if !Arc::ptr_eq(&self.cred, &cx.cred) {
            cx.install_cred(self.cred);
        }
        Ok(())
    }
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
    // Users first: the others need capabilities over those.
    let names = (0..).map_while(nsfs::link_name);
    for name in ["user"].into_iter().chain(names.filter(|name| *name != "user")) {
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
/// is of mounts or users. `EPERM`: without `CAP_SYS_ADMIN`, or as new users say; `EINVAL`: new users for one thread of several;
/// `ENOMEM`, `ENOSPC`.
pub fn leave(cx: &mut Cx, flags: u32) -> Result<()> {
    let cred = if flags & CLONE_NEWUSER == 0 {
        cx.cred.clone()
    } else if cx.process().thread_count() == 1 {
        users::among(cx)?
    } else {
        return Err(Errno::EINVAL);
    };
    if !cred.has_cap(cap::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let fs = if flags & (CLONE_NEWNS | CLONE_NEWUSER) != 0 {
        cx.fs.try_clone()?
    } else {
        cx.fs.clone()
    };
    let ns = ns::beside(&cx.ns, cx.pids(), &cred, &fs, flags.into())?;
    cx.set_fs(fs);
    cx.set_ns(ns);
    if flags & CLONE_NEWUSER != 0 {
        cx.install_cred(cred);
    }
    Ok(())
}
