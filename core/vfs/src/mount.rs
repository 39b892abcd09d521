//! Mounts: which tree stands on which directory.
//!
//! A [`Mount`] shows a tree (from some dentry down) of a superblock. Its children stand in a list of its own, so that a
//! walk asks only where the dentry says that something is mounted on it. Who changes what is mounted where stands in
//! `mountns`.
use crate::notify;
use crate::objects::{Child, Dentry, Kind, Mount, MountNs, Path, SuperBlock};
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use bitflags::bitflags;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use kmem::{TryVec, try_arc};
use sync::{LockClass, Once, SpinLock, rank};

static TABLE: LockClass = LockClass::new("mount.children", rank::MOUNT_TABLE);
static KIND: LockClass = LockClass::new("mount.kind", rank::MOUNT_KIND);
static PLACE: LockClass = LockClass::new("mount.place", rank::MOUNT_PLACE);

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

impl MountFlags {
    /// How access times are kept: one choice.
    pub(crate) const ATIME: Self = Self::NOATIME
        .union(Self::NODIRATIME)
        .union(Self::RELATIME)
        .union(Self::STRICTATIME);
    /// What a mount that came from a mightier namespace keeps.
    const KEPT: Self = Self::RDONLY
        .union(Self::NOSUID)
        .union(Self::NODEV)
        .union(Self::NOEXEC);
}

/// In [`Mount::locked`]: it stays where it is. A bit that no mount has as a flag.
pub(crate) const LOCKED: u32 = 1 << 30;
/// In [`Mount::locked`]: how access times are kept may not change.
const ATIME_LOCKED: u32 = 1 << 29;

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
            arrival: AtomicU64::new(0),
            watched: AtomicBool::new(false),
            kind: SpinLock::new(&KIND, Kind::Private),
            mark: AtomicU32::new(0),
            locked: AtomicU32::new(0),
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

    pub(crate) fn has_children(&self) -> bool {
        !self.children.lock().is_empty()
    }

    /// The place on it of the one mount that stands on it; `None`: none, or several.
    pub(crate) fn only_child(&self) -> Option<Arc<Dentry>> {
        match &self.children.lock()[..] {
            [one] => Some(one.on.clone()),
            _ => None,
        }
    }

    pub(crate) fn any_child(&self, f: impl FnMut(&Child) -> bool) -> bool {
        self.children.lock().iter().any(f)
    }

    pub(crate) fn last_child(&self) -> Option<Arc<Mount>> {
        self.children.lock().last().map(|child| child.mount.clone())
    }

    pub(crate) fn for_each_child(&self, mut f: impl FnMut(&Arc<Mount>)) {
        self.children.lock().iter().for_each(|c| f(&c.mount));
    }

    /// All mounts below and itself: each is followed by those on it, in the order they were put there. ENOMEM.
    pub(crate) fn subtree(self: &Arc<Self>) -> Result<Vec<Arc<Mount>>> {
        let mut all = Vec::new();
        let mut next = Vec::new();
        next.try_push(self.clone())?;
        while let Some(mount) = next.pop() {
            let start = next.len();
            let mut result = Ok(());
            mount.for_each_child(|child| {
                if result.is_ok() {
                    result = next.try_push(child.clone());
                }
            });
            result?;
            next[start..].reverse();
            all.try_push(mount)?;
        }
        Ok(all)
    }

    /// Makes room for so many more mounts on it, so that [`attach`](Self::attach) does not fail. ENOMEM.
    pub(crate) fn make_room(&self, more: usize) -> Result<()> {
        let mut children = self.children.lock();
        children.try_reserve(more).map_err(|_| Errno::ENOMEM)
    }

    /// Puts it on `at`. ENOMEM, unless there is room.
    pub(crate) fn attach(self: &Arc<Self>, at: &Path) -> Result<()> {
        let child = Child {
            on: at.dentry.clone(),
            mount: self.clone(),
        };
        at.mnt.children.lock().try_push(child)?;
        at.dentry.inc_mounted();
        *self.place.lock() = Some(at.clone());
        Ok(())
    }

    /// Puts it on `at` under `cover`, which stands there and now stands on its root: whoever walks there meanwhile ends on
    /// `cover`. There is room on its root.
    pub(crate) fn slip_under(self: &Arc<Self>, cover: &Arc<Self>, at: &Path) -> Result<()> {
        cover.attach(&self.root_path())?;
        *self.place.lock() = Some(at.clone());
        let mut children = at.mnt.children.lock();
        let mut old = None;
        if let Some(nth) = children.iter().position(|c| Arc::ptr_eq(&c.mount, cover)) {
            old = Some(core::mem::replace(&mut children[nth].mount, self.clone()));
            children[nth..].rotate_left(1); // it is the latest that came
        }
        drop(children);
        drop(old);
        Ok(())
    }

    /// Puts it on `at` and takes it away from where it stood, in that order. ENOMEM, unless there is room.
    pub(crate) fn settle(self: &Arc<Self>, at: &Path) -> Result<()> {
        let old = self.place();
        self.attach(at)?;
        if let Some(old) = old {
            let removed = old.mnt.remove_child(self);
            old.dentry.dec_mounted();
            drop(removed);
        }
        Ok(())
    }

    fn remove_child(&self, child: &Arc<Self>) -> Option<Child> {
        let mut children = self.children.lock();
        let at = children.iter().position(|c| Arc::ptr_eq(&c.mount, child))?;
        Some(children.remove(at))
    }

    pub(crate) fn detach(self: &Arc<Self>) -> Option<Path> {
        let place = self.place.lock().take()?;
        let removed = place.mnt.remove_child(self);
        place.dentry.dec_mounted();
        drop(removed);
        Some(place)
    }
}

impl Mount {
    /// Another mount of the tree under `root` of the same file system. ENOMEM.
    pub(crate) fn twin(&self, root: &Arc<Dentry>) -> Result<Arc<Self>> {
        let twin = Self::new(self.sb.clone(), root.clone(), &self.source, self.flags())?;
        twin.locked
            .store(self.locked.load(Ordering::Relaxed), Ordering::Relaxed);
        Ok(twin)
    }

    /// The namespace it is in. EINVAL: none.
    pub fn ns(&self) -> Result<Arc<MountNs>> {
        self.ns.get().and_then(Weak::upgrade).ok_or(Errno::EINVAL)
    }

    /// Whether it is in a namespace that does not end.
    pub(crate) fn is_in_ns(&self) -> bool {
        self.ns.get().is_some_and(|ns| ns.strong_count() != 0)
    }

    /// Whether it is the kernel's own: no path leads there.
    pub fn is_internal(&self) -> bool {
        self.ns.get().is_none()
    }

    /// It is in that namespace from now on, and for ever.
    pub(crate) fn enter(&self, ns: &Arc<MountNs>) {
        static LATEST: AtomicU64 = AtomicU64::new(0);
        let arrival = LATEST.fetch_add(1, Ordering::Relaxed);
        self.arrival.store(arrival, Ordering::Relaxed);
        let _ = self.ns.set(Arc::downgrade(ns)); // each mount enters once
    }

    /// Whether it has to stay where it is.
    pub(crate) fn is_locked(&self) -> bool {
        self.locked.load(Ordering::Relaxed) & LOCKED != 0
    }

    /// Locks it in its place, or lets it go.
    pub(crate) fn set_locked(&self, on: bool) {
        if on {
            self.locked.fetch_or(LOCKED, Ordering::Relaxed);
        } else {
            self.locked.fetch_and(!LOCKED, Ordering::Relaxed);
        }
    }

    /// What it forbids stays forbidden: it goes to a namespace of less power.
    pub(crate) fn lock_flags(&self) {
        let kept = (self.flags() & MountFlags::KEPT).bits() | ATIME_LOCKED;
        self.locked.fetch_or(kept, Ordering::Relaxed);
    }

    /// EPERM: with these flags it would forbid less than it must.
    pub(crate) fn may_set_flags(&self, new: MountFlags) -> Result<()> {
        let locked = self.locked.load(Ordering::Relaxed);
        let old = self.flags();
        let atime = |flags: MountFlags| flags & MountFlags::ATIME;
        if MountFlags::from_bits_truncate(locked).intersects(MountFlags::KEPT.difference(new))
            || locked & ATIME_LOCKED != 0 && atime(old) != atime(new)
        {
            return Err(Errno::EPERM);
        }
        Ok(())
    }

    /// Leaves its place but goes on to cover it, for those who are still there.
    pub(crate) fn forget_place(&self) {
        let place = self.place.lock().take();
        drop(place);
    }
}

/// Changes the flags of the mount whose root is `at` (`MS_REMOUNT | MS_BIND`), and with `data` those of its file system
/// (`MS_REMOUNT`). EINVAL: not a mount's root; EBUSY: files are open for writing; EPERM:
/// it came from a mightier namespace and would forbid less.
pub fn remount(at: &Path, flags: MountFlags, data: Option<&[u8]>) -> Result<()> {
    if !Arc::ptr_eq(&at.dentry, &at.mnt.root) {
        return Err(Errno::EINVAL);
    }
    at.mnt.may_set_flags(flags)?;
    if let Some(data) = data {
        at.mnt.sb.ops().remount(&at.mnt.sb, data)?;
        at.mnt
            .sb
            .set_read_only(flags.contains(MountFlags::RDONLY))?;
    }
    at.mnt.flags.store(flags.bits(), Ordering::Relaxed);
    if let Ok(ns) = at.mnt.ns() {
        ns.changed();
    }
    Ok(())
}

impl Drop for Mount {
    fn drop(&mut self) {
        notify::mount_gone(self);
        self.make_private();
        // Those that were locked to it have nobody else.
        for child in core::mem::take(&mut *self.children.lock()) {
            child.on.dec_mounted();
        }
        self.sb.unmounted();
    }
}
