//! The credentials of a task.
use crate::{CapSet, Kgid, Kuid, UserNamespace, cap};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::{TryVec, try_arc};

/// Most supplementary groups; setgroups(2).
pub const NGROUPS_MAX: usize = 65536;

/// Bits of [`Cred::securebits`] (capabilities(7), "The securebits flags").
pub mod securebit {
    pub const NOROOT: u32 = 1 << 0;
    pub const NOROOT_LOCKED: u32 = 1 << 1;
    pub const NO_SETUID_FIXUP: u32 = 1 << 2;
    pub const NO_SETUID_FIXUP_LOCKED: u32 = 1 << 3;
    pub const KEEP_CAPS: u32 = 1 << 4;
    pub const KEEP_CAPS_LOCKED: u32 = 1 << 5;
    pub const NO_CAP_AMBIENT_RAISE: u32 = 1 << 6;
    pub const NO_CAP_AMBIENT_RAISE_LOCKED: u32 = 1 << 7;
    /// Every bit there is.
    pub const ALL: u32 = 0xff;
}

/// Supplementary groups, sorted.
#[derive(Debug, Default)]
pub struct GroupList(Vec<Kgid>);

impl GroupList {
    /// The list of these, in any order. EINVAL: more than [`NGROUPS_MAX`]; ENOMEM.
    pub fn new(groups: &[Kgid]) -> Result<Arc<Self>> {
        if groups.len() > NGROUPS_MAX {
            return Err(Errno::EINVAL);
        }
        let mut list = Vec::try_from_slice(groups)?;
        list.sort_unstable();
        try_arc(Self(list))
    }

    /// Whether `gid` is among them.
    pub fn contains(&self, gid: Kgid) -> bool {
        self.0.binary_search(&gid).is_ok()
    }

    /// The groups in ascending order.
    pub fn as_slice(&self) -> &[Kgid] {
        &self.0
    }
}

/// As whom a task looks into another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LookBy {
    /// File-system ids: files of `/proc`.
    FileSystem,
    /// Real ids: system calls.
    Real,
}

/// Who a task is. Shared as `Arc<Cred>` and never changed then: see the methods of `change`.
#[derive(Clone, Debug)]
pub struct Cred {
    /// Real, effective, saved, file-system user.
    pub uid: Kuid,
    pub euid: Kuid,
    pub suid: Kuid,
    pub fsuid: Kuid,
    /// Real, effective, saved, file-system group.
    pub gid: Kgid,
    pub egid: Kgid,
    pub sgid: Kgid,
    pub fsgid: Kgid,
    /// Supplementary groups; `None` is none.
    pub groups: Option<Arc<GroupList>>,
    /// [`securebit`]s.
    pub securebits: u32,
    /// The five sets of capabilities(7).
    pub inheritable: CapSet,
    pub permitted: CapSet,
    pub effective: CapSet,
    pub bounding: CapSet,
    pub ambient: CapSet,
    /// The namespace the capabilities count in and ids are named by.
    pub user_ns: Arc<UserNamespace>,
}

impl Cred {
    /// Root of the initial namespace with every capability: init, and kernel threads. ENOMEM.
    pub fn init() -> Result<Arc<Self>> {
        try_arc(Self {
            uid: Kuid::ROOT,
            euid: Kuid::ROOT,
            suid: Kuid::ROOT,
            fsuid: Kuid::ROOT,
            gid: Kgid::ROOT,
            egid: Kgid::ROOT,
            sgid: Kgid::ROOT,
            fsgid: Kgid::ROOT,
            groups: None,
            securebits: 0,
            inheritable: CapSet::EMPTY,
            permitted: CapSet::FULL,
            effective: CapSet::FULL,
            bounding: CapSet::FULL,
            ambient: CapSet::EMPTY,
            user_ns: UserNamespace::init()?,
        })
    }

    /// Whether it has `cap` in its own namespace, which is what files of that namespace ask.
    #[inline]
    pub fn has_cap(&self, cap: u32) -> bool {
        self.effective.has(cap)
    }

    /// Whether it has `cap` over the whole machine, that is in the initial namespace.
    #[inline]
    pub fn capable(&self, cap: u32) -> bool {
        self.effective.has(cap) && self.user_ns.parent().is_none()
    }

    /// Whether it has `cap` over `ns`: by a capability held in it or in an ancestor, or by owning it from its parent.
    #[inline]
    pub fn ns_capable(&self, ns: &Arc<UserNamespace>, cap: u32) -> bool {
        self.capable_in(ns, cap)
    }

    pub(crate) fn capable_in(&self, ns: &UserNamespace, cap: u32) -> bool {
        let mut ns = ns;
        loop {
            if core::ptr::eq(ns, &raw const *self.user_ns) {
                return self.effective.has(cap);
            }
            if ns.level() <= self.user_ns.level() {
                return false;
            }
            let Some(parent) = ns.parent() else {
                return false;
            };
            if Arc::ptr_eq(parent, &self.user_ns) && ns.owner() == self.euid {
                return true;
            }
            ns = parent;
        }
    }

    /// Whether it has `cap` over a file of this owner and group: the capability counts only where its namespace has
    /// a name for both.
    #[inline]
    pub fn capable_over(&self, uid: Kuid, gid: Kgid, cap: u32) -> bool {
        self.effective.has(cap) && self.user_ns.has_uid(uid) && self.user_ns.has_gid(gid)
    }

    /// EPERM unless [`capable`](Self::capable).
    pub fn require(&self, cap: u32) -> Result<()> {
        if self.capable(cap) {
            Ok(())
        } else {
            Err(Errno::EPERM)
        }
    }

    /// Whether the file-system group or a supplementary one is `gid`.
    #[inline]
    pub fn in_group(&self, gid: Kgid) -> bool {
        self.fsgid == gid || self.groups.as_ref().is_some_and(|g| g.contains(gid))
    }

    /// Whether the effective group or a supplementary one is `gid` (what chown(2) and setgid bits ask).
    pub fn in_egroup(&self, gid: Kgid) -> bool {
        self.egid == gid || self.groups.as_ref().is_some_and(|g| g.contains(gid))
    }

    /// The supplementary groups.
    pub fn groups(&self) -> &[Kgid] {
        self.groups.as_ref().map_or(&[], |g| g.as_slice())
    }

    /// A copy whose file-system ids are the real ones and whose capabilities are those of the real user: what
    /// access(2) and faccessat(2) check with.
    pub fn for_access(&self) -> Self {
        let mut cred = self.clone();
        cred.fsuid = cred.uid;
        cred.fsgid = cred.gid;
        if cred.securebits & securebit::NO_SETUID_FIXUP == 0 {
            let root = cred.user_ns.kuid(0);
            cred.effective = if cred.uid == root {
                cred.permitted
            } else {
                CapSet::EMPTY
            };
        }
        cred
    }

    /// Whether a task of these credentials may look into one of `target` (ptrace(2), "Ptrace access mode checking"), with its
    /// file-system ids and effective capabilities or its real ids and permitted ones. `dumpable`: the other shows itself to its
    /// own user.
    pub fn may_look(&self, target: &Self, by: LookBy, dumpable: bool) -> bool {
        let (uid, gid, caps) = match by {
            LookBy::FileSystem => (self.fsuid, self.fsgid, self.effective),
            LookBy::Real => (self.uid, self.gid, self.permitted),
        };
        let same = [target.uid, target.euid, target.suid]
            .iter()
            .all(|it| *it == uid)
            && [target.gid, target.egid, target.sgid]
                .iter()
                .all(|it| *it == gid);
        let weaker =
            Arc::ptr_eq(&self.user_ns, &target.user_ns) && target.permitted.is_subset(caps);
        same && dumpable && weaker || self.ns_capable(&target.user_ns, cap::SYS_PTRACE)
    }

    /// A copy for the first task in `ns`: all capabilities there, none elsewhere (user_namespaces(7), "Capabilities").
    pub fn in_users(&self, ns: Arc<UserNamespace>) -> Self {
        let mut cred = self.clone();
        cred.securebits = 0;
        cred.inheritable = CapSet::EMPTY;
        cred.permitted = CapSet::FULL;
        cred.effective = CapSet::FULL;
        cred.bounding = CapSet::FULL;
        cred.ambient = CapSet::EMPTY;
        cred.user_ns = ns;
        cred
    }

    /// Whether `other` can do nothing that these credentials can't: fewer capabilities in the same namespace, or those in
    /// one that their user owns.
    pub fn covers(&self, other: &Self) -> bool {
        if Arc::ptr_eq(&self.user_ns, &other.user_ns) {
            return other.permitted.is_subset(self.permitted);
        }
        let mut ns = &other.user_ns;
        while let Some(parent) = ns.parent() {
            if Arc::ptr_eq(parent, &self.user_ns) && ns.owner() == self.euid {
                return true;
            }
            ns = parent;
        }
        false
    }

    /// Whether a signal from `self` to a task of `target` is allowed (kill(2)), leaving sessions aside.
    pub fn may_signal(&self, target: &Self) -> bool {
        self.euid == target.suid
            || self.euid == target.uid
            || self.uid == target.suid
            || self.uid == target.uid
            || self.ns_capable(&target.user_ns, cap::KILL)
    }
}
