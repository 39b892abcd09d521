//! User namespaces (user_namespaces(7)): who is whom, and over what capabilities count.
use crate::idmap::{Extent, IdMap};
use crate::ledger::{Counted, Ledger};
use crate::{Kgid, Kuid};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use kmem::try_arc;
use sync::{LockClass, Once, SpinLock, rank};

static CHANGE: LockClass = LockClass::new("user_namespace", rank::NONE);

/// What user space sees for an id its namespace has no name for; `/proc/sys/kernel/overflowuid`.
pub const OVERFLOW_ID: u32 = 65534;

/// Which of a namespace's maps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapKind {
    /// `uid_map`.
    Users,
    /// `gid_map`.
    Groups,
    /// `projid_map`.
    Projects,
}

/// A user namespace. Its maps are empty until they are set, each once.
pub struct UserNamespace {
    parent: Option<Arc<UserNamespace>>,
    owner: Kuid,
    level: u32,
    number: u32,
    /// It is the first: every id means itself.
    identity: bool,
    maps: [Once<IdMap>; 3],
    /// setgroups(2) is not forbidden.
    setgroups: AtomicBool,
    /// Who made it had `CAP_SETFCAP`, so that its root may be the parent's.
    maker_sets_file_caps: bool,
    changing: SpinLock<()>,
    pub(crate) ledger: Ledger,
    /// What it counts as around it.
    _counted: Option<Charge>,
}

/// One thing, counted for a user until it is dropped.
pub struct Charge {
    pub(crate) ns: Arc<UserNamespace>,
    pub(crate) user: Kuid,
    pub(crate) what: Counted,
}

static INIT: Once<Arc<UserNamespace>> = Once::new();

impl fmt::Debug for UserNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "user:[{}]", self.number)
    }
}

impl UserNamespace {
    /// One inside `parent`, made by `owner`, who had `CAP_SETFCAP` there or not, and for whom it is counted. ENOMEM.
    pub(crate) fn make(
        parent: Option<Arc<Self>>,
        counted: Option<Charge>,
        owner: Kuid,
        maker_sets_file_caps: bool,
        number: u32,
    ) -> Result<Arc<Self>> {
        try_arc(Self {
            owner,
            level: parent.as_ref().map_or(0, |parent| parent.level + 1),
            number,
            identity: parent.is_none(),
            maps: [const { Once::new() }; 3],
            setgroups: AtomicBool::new(
                parent
                    .as_ref()
                    .is_none_or(|parent| parent.allows_setgroups()),
            ),
            maker_sets_file_caps,
            changing: SpinLock::new(&CHANGE, ()),
            ledger: Ledger::new(parent.is_none()),
            parent,
            _counted: counted,
        })
    }

    /// The initial one. ENOMEM only on the first call.
    pub fn init() -> Result<Arc<Self>> {
        if let Some(ns) = INIT.get() {
            return Ok(ns.clone());
        }
        let ns = Self::make(None, None, Kuid::ROOT, true, crate::number::first::USER)?;
        match INIT.set(ns.clone()) {
            Ok(()) => Ok(ns),
            Err(ns) => Ok(INIT.get().cloned().unwrap_or(ns)),
        }
    }

    pub(crate) fn map(&self, kind: MapKind) -> Option<&IdMap> {
        self.maps[kind as usize].get()
    }

    fn to_kernel(&self, kind: MapKind, id: u32) -> u32 {
        self.map(kind).map_or(u32::MAX, |map| map.to_kernel(id))
    }

    fn to_user(&self, kind: MapKind, id: u32) -> Option<u32> {
        if self.identity {
            Some(id)
        } else {
            self.map(kind).and_then(|map| map.to_user(id))
        }
    }

    /// What the kernel calls the user that this namespace calls `uid`; [`Kuid::INVALID`] if nobody.
    #[inline]
    pub fn kuid(&self, uid: u32) -> Kuid {
        if self.identity {
            Kuid(uid)
        } else {
            Kuid(self.to_kernel(MapKind::Users, uid))
        }
    }

    /// What the kernel calls the group that this namespace calls `gid`; [`Kgid::INVALID`] if none.
    #[inline]
    pub fn kgid(&self, gid: u32) -> Kgid {
        if self.identity {
            Kgid(gid)
        } else {
            Kgid(self.to_kernel(MapKind::Groups, gid))
        }
    }

    /// What this namespace calls `uid`; [`OVERFLOW_ID`] when it has no name for it.
    #[inline]
    pub fn uid(&self, uid: Kuid) -> u32 {
        if self.identity {
            uid.0
        } else {
            self.to_user(MapKind::Users, uid.0).unwrap_or(OVERFLOW_ID)
        }
    }

    /// What this namespace calls `gid`; [`OVERFLOW_ID`] when it has no name for it.
    #[inline]
    pub fn gid(&self, gid: Kgid) -> u32 {
        if self.identity {
            gid.0
        } else {
            self.to_user(MapKind::Groups, gid.0).unwrap_or(OVERFLOW_ID)
        }
    }

    /// Whether the namespace has a name for `uid`.
    pub fn has_uid(&self, uid: Kuid) -> bool {
        self.to_user(MapKind::Users, uid.0).is_some()
    }

    /// Whether the namespace has a name for `gid`.
    pub fn has_gid(&self, gid: Kgid) -> bool {
        self.to_user(MapKind::Groups, gid.0).is_some()
    }

    /// The namespace it was made in.
    pub fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// The user who made it.
    pub fn owner(&self) -> Kuid {
        self.owner
    }

    /// Its number: the inode number of its file.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// How many namespaces stand around it.
    pub(crate) fn level(&self) -> u32 {
        self.level
    }

    /// Calls `f` for every run of a map, the second half as `reader` names it: its own reader as the parent does. No name
    /// is `u32::MAX`.
    pub fn for_each_extent(&self, kind: MapKind, reader: &Arc<Self>, mut f: impl FnMut(&Extent)) {
        let own = core::ptr::eq(self, &raw const **reader);
        let names = self.parent.as_ref().filter(|_| own).unwrap_or(reader);
        if self.identity {
            f(&Extent::ALL);
        }
        for extent in self.map(kind).map_or(&[][..], IdMap::extents) {
            f(&Extent {
                outside: names.to_user(kind, extent.outside).unwrap_or(u32::MAX),
                ..*extent
            });
        }
    }

    /// Sets a map, unless it is set. EPERM.
    pub(crate) fn install(&self, kind: MapKind, map: IdMap) -> Result<()> {
        let _changing = self.changing.lock();
        self.maps[kind as usize].set(map).map_err(|_| Errno::EPERM)
    }

    /// What the kernel calls all of these ids, if this namespace has names for them that follow one another.
    pub(crate) fn range_to_kernel(&self, kind: MapKind, first: u32, count: u32) -> Option<u32> {
        if self.identity {
            Some(first)
        } else {
            self.map(kind)?.range_to_kernel(first, count)
        }
    }

    /// Whether who made it had `CAP_SETFCAP`.
    pub(crate) fn maker_sets_file_caps(&self) -> bool {
        self.maker_sets_file_caps
    }

    /// Whether setgroups(2) can be used: it is not forbidden, and there are groups.
    pub fn has_setgroups(&self) -> bool {
        self.setgroups.load(Relaxed) && (self.identity || self.map(MapKind::Groups).is_some())
    }

    /// `/proc/PID/setgroups`: whether it is not forbidden.
    pub fn allows_setgroups(&self) -> bool {
        self.setgroups.load(Relaxed)
    }

    /// Forbids setgroups(2) here and in what is made here, or confirms that it is not. EPERM: it is forbidden, or groups are
    /// mapped already.
    pub fn set_setgroups(&self, allow: bool) -> Result<()> {
        let _changing = self.changing.lock();
        let refused = if allow {
            !self.setgroups.load(Relaxed)
        } else {
            self.identity || self.map(MapKind::Groups).is_some()
        };
        if refused {
            return Err(Errno::EPERM);
        }
        self.setgroups.store(allow, Relaxed);
        Ok(())
    }
}
