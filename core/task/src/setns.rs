//! Entering namespaces that are there already (setns(2)).
use crate::cx::Cx;
use crate::ns::{self, Namespaces, NsRef};
use crate::nsfs;
use crate::objects::Process;
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::cap;

/// What the caller will have once all of it is found to be allowed.
struct Entry {
    ns: Arc<Namespaces>,
}

impl Entry {
    fn new(cx: &Cx) -> Self {
        Self { ns: cx.ns.clone() }
    }

    /// `EPERM`: without `CAP_SYS_ADMIN` over the namespace and the caller's own users.
    fn add(&mut self, cx: &Cx, to: &NsRef) -> Result<()> {
        let owner = to.owner()?.ok_or(Errno::EINVAL)?;
        if !cx.cred.ns_capable(&owner, cap::SYS_ADMIN) || !cx.cred.has_cap(cap::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        self.ns = ns::with(&self.ns, to)?;
        Ok(())
    }

    fn install(self, cx: &mut Cx) {
        cx.set_ns(self.ns);
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
    entry.install(cx);
    Ok(())
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
    entry.install(cx);
    Ok(())
}
