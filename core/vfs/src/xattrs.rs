//! Where a file system in memory keeps the extended attributes of one inode, access lists among them.
use abi::{Errno, Result};
use acl::Acl;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, Mutex, SpinLock, rank};

static CLASS: LockClass = LockClass::new("inode.xattrs", rank::XATTRS);
static LISTS: LockClass = LockClass::new("inode.lists", rank::INODE_LISTS);

pub(crate) struct Xattrs {
    /// The attributes, the newest first.
    all: Mutex<Vec<Xattr>>,
    /// The attributes that the kernel itself reads.
    pub(crate) lists: SpinLock<Lists>,
}

struct Xattr {
    name: Vec<u8>,
    value: Vec<u8>,
}

/// Which of the two lists of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// It says who may do what.
    Access,
    /// Of a directory: what is made in it starts with this one.
    Default,
}

impl Which {
    pub(crate) const ALL: [Self; 2] = [Self::Access, Self::Default];

    /// The attribute that carries it.
    pub(crate) const fn name(self) -> &'static [u8] {
        match self {
            Self::Access => b"system.posix_acl_access",
            Self::Default => b"system.posix_acl_default",
        }
    }

    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|which| which.name() == name)
    }
}

/// The lists of one inode.
#[derive(Default)]
pub(crate) struct Lists {
    pub(crate) access: Option<Arc<Acl>>,
    pub(crate) default: Option<Arc<Acl>>,
}

impl Lists {
    pub(crate) const fn of(&mut self, which: Which) -> &mut Option<Arc<Acl>> {
        match which {
            Which::Access => &mut self.access,
            Which::Default => &mut self.default,
        }
    }
}

/// What setxattr(2) expects to find.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SetXattr {
    /// `XATTR_CREATE`: none of this name.
    pub create: bool,
    /// `XATTR_REPLACE`: one of this name.
    pub replace: bool,
}

impl Xattrs {
    pub(crate) const fn with_lists(lists: Lists) -> Self {
        Self {
            all: Mutex::new(&CLASS, Vec::new()),
            lists: SpinLock::new(&LISTS, lists),
        }
    }

    /// EEXIST, ENODATA, ENOMEM.
    pub(crate) fn set(&self, name: &[u8], value: Vec<u8>, how: SetXattr) -> Result<()> {
        let mut list = self.all.lock();
        let known = list.iter_mut().find(|one| one.name == name);
        match known {
            Some(_) if how.create => Err(Errno::EEXIST),
            None if how.replace => Err(Errno::ENODATA),
            Some(known) => {
                known.value = value;
                Ok(())
            }
            None => {
                let name = Vec::try_from_slice(name)?;
                list.try_insert(0, Xattr { name, value })
            }
        }
    }

    /// ENODATA.
    pub(crate) fn remove(&self, name: &[u8]) -> Result<()> {
        let mut list = self.all.lock();
        let at = list.iter().position(|one| one.name == name);
        list.remove(at.ok_or(Errno::ENODATA)?);
        Ok(())
    }

    /// Calls `f` with the value. ENODATA.
    pub(crate) fn with<R>(&self, name: &[u8], f: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        let list = self.all.lock();
        let found = list.iter().find(|one| one.name == name);
        f(&found.ok_or(Errno::ENODATA)?.value)
    }

    pub(crate) fn for_each(&self, mut f: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.all.lock().iter().try_for_each(|one| f(&one.name))
    }
}
