//! Where a file system in memory keeps the extended attributes of one inode.
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, Mutex, rank};

static CLASS: LockClass = LockClass::new("inode.xattrs", rank::XATTRS);

/// The attributes, the newest first.
pub(crate) struct Xattrs(Mutex<Vec<Xattr>>);

struct Xattr {
    name: Vec<u8>,
    value: Vec<u8>,
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
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(&CLASS, Vec::new()))
    }

    /// EEXIST, ENODATA, ENOMEM.
    pub(crate) fn set(&self, name: &[u8], value: Vec<u8>, how: SetXattr) -> Result<()> {
        let mut list = self.0.lock();
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
        let mut list = self.0.lock();
        let at = list.iter().position(|one| one.name == name);
        list.remove(at.ok_or(Errno::ENODATA)?);
        Ok(())
    }

    /// Calls `f` with the value. ENODATA.
    pub(crate) fn with<R>(&self, name: &[u8], f: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
        let list = self.0.lock();
        let found = list.iter().find(|one| one.name == name);
        f(&found.ok_or(Errno::ENODATA)?.value)
    }

    pub(crate) fn for_each(&self, mut f: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        self.0.lock().iter().try_for_each(|one| f(&one.name))
    }
}
