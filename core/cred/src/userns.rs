//! User namespaces and their id maps.
use crate::{CapSet, Kgid, Kuid};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kmem::try_arc;
use sync::Once;

/// What user space sees for an id its namespace has no name for; `/proc/sys/kernel/overflowuid`.
pub const OVERFLOW_ID: u32 = 65534;

/// A run of ids: `inside..inside+count` in the namespace is `outside..outside+count` of the initial one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extent {
    /// First id as the namespace says it.
    pub inside: u32,
    /// First id as the kernel says it.
    pub outside: u32,
    /// Length of the run.
    pub count: u32,
}

/// Up to [`IdMap::MAX`] runs of ids.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdMap {
    extents: [Extent; Self::MAX],
    len: usize,
}

impl IdMap {
    /// Most extents a map holds here.
    pub const MAX: usize = 5;

    /// Every id means itself.
    pub const IDENTITY: Self = {
        let mut extents = [Extent {
            inside: 0,
            outside: 0,
            count: 0,
        }; Self::MAX];
        extents[0].count = u32::MAX;
        Self { extents, len: 1 }
    };

    /// A map of these runs. EINVAL: none, too many, an empty, wrapping or overlapping one.
    pub fn new(extents: &[Extent]) -> Result<Self> {
        if extents.is_empty() || extents.len() > Self::MAX {
            return Err(Errno::EINVAL);
        }
        let mut map = Self::default();
        for extent in extents {
            let fits = |first: u32| first.checked_add(extent.count).is_some();
            if extent.count == 0 || !fits(extent.inside) || !fits(extent.outside) {
                return Err(Errno::EINVAL);
            }
            let meets = |a: u32, b: u32, n: u32| a < b + n && b < a + extent.count;
            let overlaps = map.extents().iter().any(|e| {
                meets(extent.inside, e.inside, e.count) || meets(extent.outside, e.outside, e.count)
            });
            if overlaps {
                return Err(Errno::EINVAL);
            }
            map.extents[map.len] = *extent;
            map.len += 1;
        }
        Ok(map)
    }

    /// Its runs, as `/proc/PID/uid_map` shows them.
    pub fn extents(&self) -> &[Extent] {
        &self.extents[..self.len]
    }

    #[inline]
    fn to_kernel(self, id: u32) -> u32 {
        self.extents()
            .iter()
            .find(|e| id.wrapping_sub(e.inside) < e.count)
            .map_or(u32::MAX, |e| id - e.inside + e.outside)
    }

    #[inline]
    fn to_user(self, id: u32) -> Option<u32> {
        self.extents()
            .iter()
            .find(|e| id.wrapping_sub(e.outside) < e.count)
            .map(|e| id - e.outside + e.inside)
    }
}

/// A user namespace. Only the initial one exists so far; nothing that checks permission may assume so.
#[derive(Debug)]
pub struct UserNamespace {
    parent: Option<Arc<UserNamespace>>,
    owner: Kuid,
    level: u32,
    number: u32,
    identity: bool,
    uid_map: IdMap,
    gid_map: IdMap,
}

static INIT: Once<Arc<UserNamespace>> = Once::new();

impl UserNamespace {
    /// The initial one. ENOMEM only on the first call.
    pub fn init() -> Result<Arc<Self>> {
        if let Some(ns) = INIT.get() {
            return Ok(ns.clone());
        }
        let ns = try_arc(Self {
            parent: None,
            owner: Kuid::ROOT,
            level: 0,
            number: crate::number::first::USER,
            identity: true,
            uid_map: IdMap::IDENTITY,
            gid_map: IdMap::IDENTITY,
        })?;
        match INIT.set(ns.clone()) {
            Ok(()) => Ok(ns),
            Err(ns) => Ok(INIT.get().cloned().unwrap_or(ns)),
        }
    }

    /// A child of `parent`, owned by `owner`. EUSERS when nested deeper than 32, ENOMEM.
    pub fn new(parent: &Arc<Self>, owner: Kuid, uids: IdMap, gids: IdMap) -> Result<Arc<Self>> {
        if parent.level >= 32 {
            return Err(Errno::EUSERS);
        }
        try_arc(Self {
            parent: Some(parent.clone()),
            owner,
            level: parent.level + 1,
            number: crate::number::next()?,
            identity: false,
            uid_map: uids,
            gid_map: gids,
        })
    }

    /// What the kernel calls the user that this namespace calls `uid`; [`Kuid::INVALID`] if nobody.
    #[inline]
    pub fn kuid(&self, uid: u32) -> Kuid {
        if self.identity {
            Kuid(uid)
        } else {
            Kuid(self.uid_map.to_kernel(uid))
        }
    }

    /// What the kernel calls the group that this namespace calls `gid`; [`Kgid::INVALID`] if none.
    #[inline]
    pub fn kgid(&self, gid: u32) -> Kgid {
        if self.identity {
            Kgid(gid)
        } else {
            Kgid(self.gid_map.to_kernel(gid))
        }
    }

    /// What this namespace calls `uid`; [`OVERFLOW_ID`] when it has no name for it.
    #[inline]
    pub fn uid(&self, uid: Kuid) -> u32 {
        if self.identity {
            uid.0
        } else {
            self.uid_map.to_user(uid.0).unwrap_or(OVERFLOW_ID)
        }
    }

    /// What this namespace calls `gid`; [`OVERFLOW_ID`] when it has no name for it.
    #[inline]
    pub fn gid(&self, gid: Kgid) -> u32 {
        if self.identity {
            gid.0
        } else {
            self.gid_map.to_user(gid.0).unwrap_or(OVERFLOW_ID)
        }
    }

    /// Whether the namespace has a name for `uid`.
    pub fn has_uid(&self, uid: Kuid) -> bool {
        self.identity || self.uid_map.to_user(uid.0).is_some()
    }

    /// Whether the namespace has a name for `gid`.
    pub fn has_gid(&self, gid: Kgid) -> bool {
        self.identity || self.gid_map.to_user(gid.0).is_some()
    }

    /// The namespace it was made in.
    pub fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref()
    }

    /// Its map of users.
    pub fn uid_map(&self) -> &IdMap {
        &self.uid_map
    }

    /// Its map of groups.
    pub fn gid_map(&self) -> &IdMap {
        &self.gid_map
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

    /// The capabilities that the first task in a new namespace has.
    pub const fn first_caps() -> CapSet {
        CapSet::FULL
    }
}
