//! Places in the tree, and what a process sees of it.
use crate::objects::{Inode, Mount, MountNs, Path};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use kmem::{TryVec, try_arc};
use sync::{LockClass, SpinLock, rank};

static FS: LockClass = LockClass::new("fs_struct", rank::FS_STRUCT);

impl Path {
    /// Whether both are the same place.
    pub fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.dentry, &other.dentry) && Arc::ptr_eq(&self.mnt, &other.mnt)
    }

    /// The inode. ENOENT: a negative dentry.
    #[inline]
    pub fn inode(&self) -> Result<&Arc<Inode>> {
        self.dentry.inode().ok_or(Errno::ENOENT)
    }

    /// Goes to the top of what is mounted here.
    #[inline]
    pub(crate) fn follow_mounts(&mut self) {
        while self.dentry.is_mountpoint() {
            let Some(mount) = self.mnt.child_on(&self.dentry) else {
                return;
            };
            self.dentry = mount.root().clone();
            self.mnt = mount;
        }
    }

    /// The top of what is mounted here.
    pub(crate) fn covered(&self) -> Self {
        let mut top = self.clone();
        top.follow_mounts();
        top
    }

    /// The place that this mount's root covers, as long as this is a mount's root other than `root`.
    pub(crate) fn leave_mounts(&mut self, root: Option<&Self>) {
        while Arc::ptr_eq(&self.dentry, self.mnt.root()) && !root.is_some_and(|r| r.same(self)) {
            let Some(place) = self.mnt.place() else {
                return;
            };
            *self = place;
        }
    }

    /// The path from the namespace's root, as the kernel itself sees it. ENOMEM.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        self.to_bytes_from(None)
    }

    /// The path from `root` (getcwd(2), /proc links): " (deleted)" follows a removed file, "(unreachable)" precedes what
    /// does not lie below `root`. ENOMEM.
    pub fn to_bytes_from(&self, root: Option<&Self>) -> Result<Vec<u8>> {
        let mut reversed = Vec::try_with_capacity(64)?;
        let mut at = self.clone();
        let reachable = loop {
            if root.is_some_and(|r| r.same(&at)) {
                break true;
            }
            if Arc::ptr_eq(&at.dentry, at.mnt.root()) {
                match at.mnt.place() {
                    Some(place) => {
                        at = place;
                        continue;
                    }
                    None => break root.is_none() || at.mnt.ns().is_err(),
                }
            }
            let Some(parent) = at.dentry.parent() else {
                // A file without a place: its name is all there is to say.
                return if reversed.is_empty() {
                    at.dentry.name()
                } else {
                    Err(Errno::ENOENT)
                };
            };
            let start = reversed.len();
            reversed.try_extend(&[0; abi::NAME_MAX + 1])?;
            let len = at.dentry.with_name(|name| {
                for (to, byte) in reversed[start..].iter_mut().zip(name.iter().rev()) {
                    *to = *byte;
                }
                name.len()
            });
            reversed.truncate(start + len);
            reversed.try_push(b'/')?;
            at.dentry = parent;
        };
        if reversed.is_empty() {
            reversed.try_push(b'/')?;
        }
        if !reachable {
            reversed.try_extend(b")elbahcaernu(")?;
        }
        reversed.reverse();
        if self.dentry.is_deleted() {
            reversed.try_extend(b" (deleted)")?;
        }
        Ok(reversed)
    }
}

/// Where a process starts its walks; shared among threads (`CLONE_FS`).
pub struct FsStruct {
    places: SpinLock<Places>,
    umask: AtomicU32,
}

struct Places {
    root: Path,
    cwd: Path,
}

impl FsStruct {
    /// Both root and working directory at `root`. ENOMEM.
    pub fn new(root: Path) -> Result<Arc<Self>> {
        let cwd = root.clone();
        try_arc(Self {
            places: SpinLock::new(&FS, Places { root, cwd }),
            umask: AtomicU32::new(0o022),
        })
    }

    /// A copy for a child (fork without `CLONE_FS`). ENOMEM.
    pub fn try_clone(&self) -> Result<Arc<Self>> {
        let places = {
            let places = self.places.lock();
            Places {
                root: places.root.clone(),
                cwd: places.cwd.clone(),
            }
        };
        try_arc(Self {
            places: SpinLock::new(&FS, places),
            umask: AtomicU32::new(self.umask()),
        })
    }

    /// The root directory.
    #[inline]
    pub fn root(&self) -> Path {
        self.places.lock().root.clone()
    }

    /// The working directory.
    #[inline]
    pub fn cwd(&self) -> Path {
        self.places.lock().cwd.clone()
    }

    /// Sets the root directory (chroot(2)).
    pub fn set_root(&self, root: Path) {
        let old = core::mem::replace(&mut self.places.lock().root, root);
        drop(old);
    }

    /// Sets the working directory.
    pub fn set_cwd(&self, cwd: Path) {
        let old = core::mem::replace(&mut self.places.lock().cwd, cwd);
        drop(old);
    }

    /// Follows a pivot_root(2): whoever stood at `old` stands at `new`.
    pub fn pivot(&self, old: &Path, new: &Path) {
        let mut places = self.places.lock();
        let mut dropped = [None, None];
        if places.root.same(old) {
            dropped[0] = Some(core::mem::replace(&mut places.root, new.clone()));
        }
        if places.cwd.same(old) {
            dropped[1] = Some(core::mem::replace(&mut places.cwd, new.clone()));
        }
        drop(places);
        drop(dropped);
    }

    /// Whether its root is not the top of the tree of `ns` (after chroot(2)). EINVAL: that has none.
    pub fn is_below(&self, ns: &MountNs) -> Result<bool> {
        let top = ns.root().ok_or(Errno::EINVAL)?.root_path().covered();
        Ok(!self.root().same(&top))
    }

    /// Stands at the top of the tree of `ns` (setns(2)). EINVAL: it has none.
    pub fn enter(&self, ns: &MountNs) -> Result<()> {
        let top = ns.root().ok_or(Errno::EINVAL)?.root_path().covered();
        self.set_root(top.clone());
        self.set_cwd(top);
        Ok(())
    }

    /// Stands on the mounts that `twin` gives for those it stood on (a copy of their namespace).
    pub(crate) fn move_mounts(&self, twin: impl Fn(&Arc<Mount>) -> Option<Arc<Mount>>) {
        let mut places = self.places.lock();
        let (root, cwd) = (twin(&places.root.mnt), twin(&places.cwd.mnt));
        let old = [
            root.map(|mnt| core::mem::replace(&mut places.root.mnt, mnt)),
            cwd.map(|mnt| core::mem::replace(&mut places.cwd.mnt, mnt)),
        ];
        drop(places);
        drop(old);
    }

    /// The file mode creation mask.
    #[inline]
    pub fn umask(&self) -> u32 {
        self.umask.load(Ordering::Relaxed)
    }

    /// Sets the mask and answers the old one.
    pub fn set_umask(&self, mask: u32) -> u32 {
        self.umask.swap(mask & 0o777, Ordering::Relaxed)
    }
}
