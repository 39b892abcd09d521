//! What is mounted where, by namespace (mount_namespaces(7)): mount(2), umount(2), pivot_root(2) and copies of a whole
//! namespace.
//!
//! A namespace ends with its last user: a task, or an open file that stands for it. Its mounts know it only weakly, and are
//! taken apart then; who still stands on one keeps that alone. One lock orders all changes, since they are rare and some
//! concern several namespaces.
use crate::mount::MountFlags;
use crate::objects::{Dentry, Mount, MountNs, Path, SuperBlock};
use crate::path::FsStruct;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use cred::{Charge, Counted, Cred, UserNamespace};
use kmem::{TryVec, try_arc};
use sync::{LockClass, Mutex, Once, WaitQueue, rank};

static CHANGE_CLASS: LockClass = LockClass::new("mount.change", rank::MOUNT);
/// Held by whoever changes what is mounted. What it takes away is dropped after it.
static CHANGE: Mutex<()> = Mutex::new(&CHANGE_CLASS, ());

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
        Self::of_root(Mount::kernel(sb)?, UserNamespace::init()?, None)
    }

    fn of_root(
        root: Arc<Mount>,
        owner: Arc<UserNamespace>,
        counted: Option<Charge>,
    ) -> Result<Arc<Self>> {
        let ns = try_arc(Self {
            number: cred::number::next()?,
            owner,
            _counted: counted,
            root: Once::new(),
            event: AtomicU64::new(0),
            changed: WaitQueue::new(),
        })?;
        root.enter(&ns);
        let _ = ns.root.set(root); // new
        Ok(ns)
    }

    /// A copy of `cred`'s making, for the users of its namespace (`CLONE_NEWNS`); `fs` stands in it then where it stood in this one. ENOMEM, ENOSPC.
    pub fn copy(&self, cred: &Cred, fs: &FsStruct) -> Result<Arc<Self>> {
        let owner = &cred.user_ns;
        let counted = Charge::of(cred, Counted::MntNamespaces)?;
        let _change = CHANGE.lock();
        let from = self.mounts()?;
        let first = from.first().ok_or(Errno::EINVAL)?;
        let mut pairs: Vec<(&Arc<Mount>, Arc<Mount>)> = Vec::try_with_capacity(from.len())?;
        let mightier = !Arc::ptr_eq(owner, &self.owner);
        pairs.try_push((first, first.twin(&first.root)?))?;
        let ns = Self::of_root(pairs[0].1.clone(), owner.clone(), Some(counted))?;
        for mount in &from[1..] {
            let of_mounts = |d: &Dentry| d.inode().is_some_and(|i| i.ops().mount_ns().is_some());
            let Some(place) = mount.place().filter(|_| !of_mounts(&mount.root)) else {
                continue;
            };
            let Some(mnt) = twin_of(&pairs, &place.mnt) else {
                continue;
            };
            let twin = mount.twin(&mount.root)?;
            twin.set_locked(mightier || mount.is_locked());
            let dentry = place.dentry.clone();
            twin.attach(&Path { mnt, dentry })?;
            twin.enter(&ns);
            pairs.try_push((mount, twin))?;
        }
        if mightier {
            pairs.iter().for_each(|(_, twin)| twin.lock_flags());
        }
        fs.move_mounts(|mount| twin_of(&pairs, mount));
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

    /// Whom each change wakes.
    pub fn changes(&self) -> &WaitQueue {
        &self.changed
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

fn twin_of(pairs: &[(&Arc<Mount>, Arc<Mount>)], of: &Arc<Mount>) -> Option<Arc<Mount>> {
    let pair = pairs.iter().find(|pair| Arc::ptr_eq(pair.0, of));
    pair.map(|pair| pair.1.clone())
}

impl Drop for MountNs {
    fn drop(&mut self) {
        let Some(root) = self.root.get() else { return };
        // One after the other, so that none is dropped under the lock.
        loop {
            let change = CHANGE.lock();
            let mut leaf = root.clone();
            while let Some(below) = leaf.last_child() {
                leaf = below;
            }
            let place = leaf.detach();
            drop(change);
            if place.is_none() {
                return; // the root, or one that was locked to what is gone
            }
        }
    }
}

fn same_kind(a: &Dentry, b: &Dentry) -> Result<()> {
    let is_dir = |d: &Dentry| d.inode().is_some_and(|i| i.is_dir());
    match (is_dir(a), is_dir(b)) {
        (true, false) | (false, true) => Err(Errno::ENOTDIR),
        _ => Ok(()),
    }
}

/// What is put somewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    /// A file system, which makes no sense on itself.
    New,
    /// A tree that stands elsewhere too, or in the same place.
    Again,
}

/// Puts `mount` on `at`. ENOENT: the directory was removed; EBUSY: the same file system is there already.
fn put(mount: &Arc<Mount>, at: &Path, how: Put) -> Result<()> {
    let ns = at.mnt.ns()?;
    let _change = CHANGE.lock();
    let at = &at.covered();
    if at.dentry.is_deleted() {
        return Err(Errno::ENOENT);
    }
    same_kind(&at.dentry, &mount.root)?;
    let same = |there: &Mount| Arc::ptr_eq(&there.root, &mount.root);
    if how == Put::New && Arc::ptr_eq(&at.mnt.root, &at.dentry) && same(&at.mnt) {
        return Err(Errno::EBUSY);
    }
    mount.attach(at)?;
    mount.enter(&ns);
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
    put(&mount, at, Put::New)?;
    Ok(mount)
}

/// Shows the tree under `from` at `at` as well (`MS_BIND`), with the mounts below if `recursive`.
pub fn bind(from: &Path, at: &Path, recursive: bool) -> Result<()> {
    let covers = |d: &Arc<Dentry>| from.dentry.is_ancestor_of(d);
    if !recursive
        && from
            .mnt
            .any_child(|child| child.mount.is_locked() && covers(&child.on))
    {
        return Err(Errno::EINVAL); // it hides something, and would not in the copy
    }
    let top = from.mnt.twin(&from.dentry)?;
    top.set_locked(false);
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
            let twin = mount.twin(&mount.root)?;
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
    put(&top, at, Put::Again)?;
    let ns = at.mnt.ns()?;
    for (twin, place) in copies {
        twin.attach(&place)?;
        twin.enter(&ns);
    }
    Ok(())
}

/// Moves the mount whose root is `from` to `at` (`MS_MOVE`). EINVAL: not a mount's root, or the root of all; ELOOP: into
/// itself.
pub fn move_mount(from: &Path, at: &Path) -> Result<()> {
    let ns = at.mnt.ns()?;
    let _change = CHANGE.lock();
    let at = &at.covered();
    let is_root = Arc::ptr_eq(&from.dentry, &from.mnt.root);
    if !is_root || from.mnt.place().is_none() || from.mnt.is_locked() {
        return Err(Errno::EINVAL);
    }
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
    let ns = mnt.ns()?;
    let gone; // dropped after the lock
    let _change = CHANGE.lock();
    if mnt.place().is_none() || mnt.is_locked() {
        return Err(Errno::EINVAL);
    }
    if how == Unmount::IfIdle {
        // Counted on an idle mount: the list it stands in, and the caller.
        if mnt.has_children() || Arc::strong_count(&mnt) > 2 {
            return Err(Errno::EBUSY);
        }
    } else {
        gone = mnt.subtree()?;
        for below in gone.iter().skip(1).rev() {
            if below.is_locked() {
                below.forget_place();
            } else {
                below.detach();
            }
        }
    }
    mnt.detach();
    ns.changed();
    Ok(())
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

/// Makes `new_root` the root of the namespace and puts the old root on `put_old` (pivot_root(2)). `root` is the caller's
/// root; the caller moves the roots of processes. EINVAL, EBUSY as the man page says.
pub fn pivot_root(root: &Path, new_root: &Path, put_old: &Path) -> Result<()> {
    let is_mount_root = |p: &Path| Arc::ptr_eq(&p.dentry, &p.mnt.root);
    // The very first root cannot become another's.
    if new_root.mnt.place().is_none() || new_root.mnt.is_locked() {
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
    let _change = CHANGE.lock();
    new_root.mnt.set_locked(root.mnt.is_locked());
    root.mnt.set_locked(false);
    new_root.mnt.detach();
    root.mnt.detach();
    new_root.mnt.attach(&root_place)?;
    root.mnt.attach(put_old)?;
    ns.changed();
    Ok(())
}
