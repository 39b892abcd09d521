//! Mounts: which tree stands on which directory.
//!
//! A [`Mount`] shows a tree (from some dentry down) of a superblock. Its children stand in a list of its own, so that a
//! walk asks only where the dentry says that something is mounted on it. Changes hold the namespace's mutex.
use crate::objects::{Child, Dentry, Mount, MountNs, Path, SuperBlock};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bitflags::bitflags;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use cred::UserNamespace;
use kmem::{TryVec, try_arc};
use sync::{LockClass, Mutex, MutexGuard, Once, SpinLock, WaitQueue, rank};

static TABLE: LockClass = LockClass::new("mount.children", rank::MOUNT_TABLE);
static PLACE: LockClass = LockClass::new("mount.place", rank::MOUNT_PLACE);
static CHANGE: LockClass = LockClass::new("mount.change", rank::MOUNT);

bitflags! {
    /// What a mount forbids; the numbers are those of mount(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct MountFlags: u32 {
        const RDONLY = raw::MS_RDONLY;
        const NOSUID = raw::MS_NOSUID;
        const NODEV = raw::MS_NODEV;
        const NOEXEC = raw::MS_NOEXEC;
        const NOATIME = raw::MS_NOATIME;
        const NODIRATIME = raw::MS_NODIRATIME;
        const RELATIME = raw::MS_RELATIME;
        const STRICTATIME = raw::MS_STRICTATIME;
        const NOSYMFOLLOW = raw::MS_NOSYMFOLLOW;
    }
}

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

impl Mount {
    /// A mount of the tree under `root`, in no place yet. ENOMEM.
    pub fn new(
        sb: Arc<SuperBlock>,
        root: Arc<Dentry>,
        source: &[u8],
        flags: MountFlags,
    ) -> Result<Arc<Self>> {
        // Counted first: what fails from here on is dropped, and takes the count back.
        sb.mounted();
        let source = Vec::try_from_slice(source).inspect_err(|_| sb.unmounted())?;
        try_arc(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            sb,
            root,
            flags: AtomicU32::new(flags.bits()),
            source,
            place: SpinLock::new(&PLACE, None),
            children: SpinLock::new(&TABLE, Vec::new()),
            ns: Once::new(),
        })
    }

    /// A mount of the whole of `sb`, for the kernel's own use or as the first of a namespace. ENOMEM; EINVAL: shut down.
    pub fn kernel(sb: &Arc<SuperBlock>) -> Result<Arc<Self>> {
        let root = sb.root().ok_or(Errno::EINVAL)?;
        Self::new(sb.clone(), root, sb.kind().as_bytes(), MountFlags::empty())
    }

    /// Its number; `/proc/PID/mountinfo`, statx(2).
    pub const fn id(&self) -> u32 {
        self.id
    }
    /// The file system.
    pub fn sb(&self) -> &Arc<SuperBlock> {
        &self.sb
    }
    /// The root of what it shows.
    pub fn root(&self) -> &Arc<Dentry> {
        &self.root
    }
    /// Its root as a path.
    pub fn root_path(self: &Arc<Self>) -> Path {
        Path {
            mnt: self.clone(),
            dentry: self.root.clone(),
        }
    }
    /// What was mounted.
    pub fn source(&self) -> &[u8] {
        &self.source
    }
    /// What it forbids.
    #[inline]
    pub fn flags(&self) -> MountFlags {
        MountFlags::from_bits_truncate(self.flags.load(Ordering::Relaxed))
    }
    /// Where it stands; `None` for a root, the kernel's own, and what was unmounted.
    pub fn place(&self) -> Option<Path> {
        self.place.lock().clone()
    }

    /// EROFS unless things may change through it.
    #[inline]
    pub fn require_write(&self) -> Result<()> {
        if self.flags().contains(MountFlags::RDONLY) || self.sb.is_read_only() {
            return Err(Errno::EROFS);
        }
        Ok(())
    }

    /// The mount that stands on `dentry` of this mount.
    pub(crate) fn child_on(&self, dentry: &Arc<Dentry>) -> Option<Arc<Mount>> {
        let children = self.children.lock();
        // The latest first: it covers the others.
        let child = children.iter().rev().find(|c| Arc::ptr_eq(&c.on, dentry));
        child.map(|c| c.mount.clone())
    }

    fn has_children(&self) -> bool {
        !self.children.lock().is_empty()
    }

    fn for_each_child(&self, mut f: impl FnMut(&Arc<Mount>)) {
        self.children.lock().iter().for_each(|c| f(&c.mount));
    }

    /// All mounts below and itself, parents first. ENOMEM.
    fn subtree(self: &Arc<Self>) -> Result<Vec<Arc<Mount>>> {
        let mut all = Vec::new();
        all.try_push(self.clone())?;
        let mut next = 0;
        while next < all.len() {
            let mut result = Ok(());
            let at = all[next].clone();
            at.for_each_child(|child| {
                if result.is_ok() {
                    result = all.try_push(child.clone());
                }
            });
            result?;
            next += 1;
        }
        Ok(all)
    }

    fn attach(self: &Arc<Self>, at: &Path) -> Result<()> {
        let child = Child {
            on: at.dentry.clone(),
            mount: self.clone(),
        };
        at.mnt.children.lock().try_push(child)?;
        at.dentry.inc_mounted();
        *self.place.lock() = Some(at.clone());
        Ok(())
    }

    fn detach(self: &Arc<Self>) -> Option<Path> {
        let place = self.place.lock().take()?;
        let removed = {
            let mut children = place.mnt.children.lock();
            let at = children.iter().position(|c| Arc::ptr_eq(&c.mount, self));
            at.map(|at| children.remove(at))
        };
        place.dentry.dec_mounted();
        drop(removed);
        Some(place)
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        self.sb.unmounted();
    }
}

/// How to unmount (umount2(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmount {
    /// Only if nobody uses it.
    IfIdle,
    /// Out of the tree at once; it ends when nobody uses it any more.
    Detach,
}

impl MountNs {
    /// A namespace whose root is `sb`'s. ENOMEM.
    pub fn new(sb: &Arc<SuperBlock>) -> Result<Arc<Self>> {
        let ns = try_arc(Self {
            number: cred::number::next()?,
            owner: UserNamespace::init()?,
            root: Once::new(),
            change: Mutex::new(&CHANGE, ()),
            event: AtomicU64::new(0),
            changed: WaitQueue::new(),
        })?;
        let root = Mount::kernel(sb)?;
        let _ = root.ns.set(ns.clone());
        let _ = ns.root.set(root);
        Ok(ns)
    }

    /// The number of its file.
    pub fn number(&self) -> u32 {
        self.number
    }
    /// Whose capabilities count for what is mounted here.
    pub fn owner(&self) -> &Arc<UserNamespace> {
        &self.owner
    }
    /// Its root mount.
    pub fn root(&self) -> Option<&Arc<Mount>> {
        self.root.get()
    }

    /// How often it has changed.
    pub fn event(&self) -> u64 {
        self.event.load(Ordering::Acquire)
    }

    /// All mounts, parents first. ENOMEM. Without the lock that changes take, since it is asked for under locks of open
    /// files (/proc/mounts): a mount that comes or goes meanwhile may be missed, none is seen twice.
    pub fn mounts(&self) -> Result<Vec<Arc<Mount>>> {
        self.root.get().map_or(Ok(Vec::new()), Mount::subtree)
    }

    fn changed(&self) {
        self.event.fetch_add(1, Ordering::Release);
        self.changed.wake_all();
    }
}

impl Mount {
    /// The namespace it is in. EINVAL: none.
    pub fn ns(&self) -> Result<&Arc<MountNs>> {
        self.ns.get().ok_or(Errno::EINVAL)
    }
}

fn change(ns: &MountNs) -> MutexGuard<'_, ()> {
    ns.change.lock()
}

fn same_kind(a: &Dentry, b: &Dentry) -> Result<()> {
    let is_dir = |d: &Dentry| d.inode().is_some_and(|i| i.is_dir());
    match (is_dir(a), is_dir(b)) {
        (true, false) | (false, true) => Err(Errno::ENOTDIR),
        _ => Ok(()),
    }
}

/// Puts `mount` on `at`. ENOENT: the directory was removed; EBUSY: the same file system is there already.
fn put(mount: &Arc<Mount>, at: &Path) -> Result<()> {
    let ns = at.mnt.ns()?;
    let _change = change(ns);
    if at.dentry.is_deleted() {
        return Err(Errno::ENOENT);
    }
    same_kind(&at.dentry, &mount.root)?;
    if Arc::ptr_eq(&at.mnt.root, &at.dentry)
        && Arc::ptr_eq(&at.mnt.sb, &mount.sb)
        && Arc::ptr_eq(&mount.root, &at.mnt.root)
    {
        return Err(Errno::EBUSY);
    }
    mount.attach(at)?;
    let _ = mount.ns.set(ns.clone());
    ns.changed();
    Ok(())
}

/// Mounts `sb` on `at`. Errors as `put`.
pub fn mount_on(
    sb: &Arc<SuperBlock>,
    source: &[u8],
    flags: MountFlags,
    at: &Path,
) -> Result<Arc<Mount>> {
    let root = sb.root().ok_or(Errno::EINVAL)?;
    let mount = Mount::new(sb.clone(), root, source, flags)?;
    put(&mount, at)?;
    Ok(mount)
}

/// Shows the tree under `from` at `at` as well (`MS_BIND`), with the mounts below if `recursive`.
pub fn bind(from: &Path, at: &Path, recursive: bool) -> Result<()> {
    let copy = |of: &Arc<Mount>, root: &Arc<Dentry>| {
        Mount::new(of.sb.clone(), root.clone(), &of.source, of.flags())
    };
    let top = copy(&from.mnt, &from.dentry)?;
    let mut copies: Vec<(Arc<Mount>, Path)> = Vec::new();
    if recursive {
        let mut pairs: Vec<(Arc<Mount>, Arc<Mount>)> = Vec::new();
        pairs.try_push((from.mnt.clone(), top.clone()))?;
        for mount in from.mnt.subtree()?.into_iter().skip(1) {
            let Some(place) = mount.place() else { continue };
            if Arc::ptr_eq(&place.mnt, &from.mnt) && !from.dentry.is_ancestor_of(&place.dentry) {
                continue;
            }
            let Some(above) = pairs.iter().find(|p| Arc::ptr_eq(&p.0, &place.mnt)) else {
                continue;
            };
            let above = above.1.clone();
            let twin = copy(&mount, &mount.root)?;
            copies.try_push((
                twin.clone(),
                Path {
                    mnt: above,
                    dentry: place.dentry,
                },
            ))?;
            pairs.try_push((mount, twin))?;
        }
    }
    put(&top, at)?;
    let ns = at.mnt.ns()?;
    for (twin, place) in copies {
        twin.attach(&place)?;
        let _ = twin.ns.set(ns.clone());
    }
    Ok(())
}

/// Moves the mount whose root is `from` to `at` (`MS_MOVE`). EINVAL: not a mount's root, or the root of all; ELOOP: into
/// itself.
pub fn move_mount(from: &Path, at: &Path) -> Result<()> {
    let ns = at.mnt.ns()?;
    if !Arc::ptr_eq(&from.dentry, &from.mnt.root) || from.mnt.place().is_none() {
        return Err(Errno::EINVAL);
    }
    let _change = change(ns);
    same_kind(&from.dentry, &at.dentry)?;
    let mut above = Some(at.clone());
    while let Some(path) = above {
        if Arc::ptr_eq(&path.mnt, &from.mnt) {
            return Err(Errno::ELOOP);
        }
        above = path.mnt.place();
    }
    let old = from.mnt.detach();
    if let Err(e) = from.mnt.attach(at) {
        if let Some(old) = old {
            let _ = from.mnt.attach(&old);
        }
        return Err(e);
    }
    ns.changed();
    Ok(())
}

/// Takes the mount whose root is `at` away. EINVAL: not a mount's root, or the root of all; EBUSY: in use.
pub fn unmount(at: Path, how: Unmount) -> Result<()> {
    let Path { mnt, dentry } = at;
    if !Arc::ptr_eq(&dentry, &mnt.root) {
        return Err(Errno::EINVAL);
    }
    drop(dentry);
    let ns = mnt.ns()?.clone();
    let _change = change(&ns);
    if mnt.place().is_none() {
        return Err(Errno::EINVAL);
    }
    if how == Unmount::IfIdle {
        // Counted on an idle mount: the list it stands in, and the caller.
        if mnt.has_children() || Arc::strong_count(&mnt) > 2 {
            return Err(Errno::EBUSY);
        }
    } else {
        for below in mnt.subtree()?.into_iter().skip(1).rev() {
            below.detach();
        }
    }
    mnt.detach();
    ns.changed();
    Ok(())
}

/// Changes the flags of the mount whose root is `at` (`MS_REMOUNT | MS_BIND`), and with `data` those of its file system
/// (`MS_REMOUNT`). EINVAL: not a mount's root; EBUSY: files are open for writing.
pub fn remount(at: &Path, flags: MountFlags, data: Option<&[u8]>) -> Result<()> {
    if !Arc::ptr_eq(&at.dentry, &at.mnt.root) {
        return Err(Errno::EINVAL);
    }
    if let Some(data) = data {
        at.mnt.sb.ops().remount(&at.mnt.sb, data)?;
        at.mnt
            .sb
            .set_read_only(flags.contains(MountFlags::RDONLY))?;
    }
    at.mnt.flags.store(flags.bits(), Ordering::Relaxed);
    if let Some(ns) = at.mnt.ns.get() {
        ns.changed();
    }
    Ok(())
}

/// Makes `new_root` the root of the namespace and puts the old root on `put_old` (pivot_root(2)). `root` is the caller's
/// root; the caller moves the roots of processes. EINVAL, EBUSY as the man page says.
pub fn pivot_root(root: &Path, new_root: &Path, put_old: &Path) -> Result<()> {
    let is_mount_root = |p: &Path| Arc::ptr_eq(&p.dentry, &p.mnt.root);
    // The very first root cannot become another's.
    if new_root.mnt.place().is_none() {
        return Err(Errno::EINVAL);
    }
    if Arc::ptr_eq(&new_root.mnt, &root.mnt) || Arc::ptr_eq(&put_old.mnt, &root.mnt) {
        return Err(Errno::EBUSY);
    }
    // The very first root has no place to be put back to.
    let root_place = root.mnt.place().ok_or(Errno::EINVAL)?;
    if !is_mount_root(root) || !is_mount_root(new_root) {
        return Err(Errno::EINVAL);
    }
    if !Arc::ptr_eq(&put_old.mnt, &new_root.mnt) || !new_root.dentry.is_ancestor_of(&put_old.dentry)
    {
        return Err(Errno::EINVAL);
    }
    let ns = root.mnt.ns()?;
    let _change = change(ns);
    new_root.mnt.detach();
    root.mnt.detach();
    new_root.mnt.attach(&root_place)?;
    root.mnt.attach(put_old)?;
    ns.changed();
    Ok(())
}
