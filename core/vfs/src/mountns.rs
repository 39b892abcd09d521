//! What is mounted where, by namespace (mount_namespaces(7)): mount(2), umount(2), pivot_root(2) and copies of a whole
//! namespace.
//!
//! A namespace ends with its last user: a task, or an open file that stands for it. Its mounts know it only weakly, and are
//! taken apart then; who still stands on one keeps that alone. One lock orders all changes, since they are rare and some
//! concern several namespaces.
use crate::mount::MountFlags;
use crate::mounttree::{Tree, select};
use crate::objects::{Dentry, Kind, Mount, MountNs, Path, PeerGroup, SuperBlock};
use crate::path::FsStruct;
use crate::spread::{Held, Plan};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use cred::{Charge, Counted, Cred, UserNamespace};
use kmem::{TryVec, try_arc};
use sync::{LockClass, Mutex, Once, WaitQueue, rank};

static CHANGE_CLASS: LockClass = LockClass::new("mount.change", rank::MOUNT);
/// Held by whoever changes what is mounted. What it takes away is dropped after it.
pub(crate) static CHANGE: Mutex<()> = Mutex::new(&CHANGE_CLASS, ());

/// Whom mounts on a mount are to reach (mount(2), "Changing the propagation type of an existing mount").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spread {
    /// Its peers and their slaves.
    Shared,
    /// Nobody.
    Private,
    /// Nobody; those on what were its peers reach it.
    Slave,
    /// Nobody, and it can't be bound.
    Unbindable,
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
            count: AtomicU32::new(1),
            pending: AtomicU32::new(0),
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
        let first = self.root.get().ok_or(Errno::EINVAL)?;
        let of_mounts = |d: &Dentry| d.inode().is_some_and(|i| i.ops().mount_ns().is_some());
        let from = select(first, &first.root, |mount| Ok(!of_mounts(&mount.root)))?;
        let mightier = !Arc::ptr_eq(owner, &self.owner);
        let tree = Tree::copy(&from, &first.root, |_, mount| match mount.kind() {
            Kind::Shared(group) if mightier => Kind::Slave(group),
            kind => kind,
        })?;
        let ns = Self::of_root(tree.top().clone(), owner.clone(), Some(counted))?;
        for (mount, twin) in from.iter().zip(tree.mounts()).skip(1) {
            twin.set_locked(mightier || mount.is_locked());
        }
        if mightier {
            tree.mounts().iter().for_each(|twin| twin.lock_flags());
        }
        ns.take(&tree.mounts()[1..]);
        fs.move_mounts(|mount| {
            let nth = from.iter().position(|one| Arc::ptr_eq(one, mount))?;
            tree.mounts().get(nth).cloned()
        });
        tree.keep();
        Ok(ns)
    }

    /// Whether those that are to come may be in it too. ENOSPC.
    pub(crate) fn has_room(&self) -> Result<()> {
        let count = self.count.load(Ordering::Relaxed);
        if count.saturating_add(self.pending.load(Ordering::Relaxed)) > max_mounts() {
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    /// EINVAL: the mount was unmounted meanwhile.
    fn require_mounted(&self, mount: &Arc<Mount>) -> Result<()> {
        let is_root = self.root.get().is_some_and(|root| Arc::ptr_eq(root, mount));
        if is_root || mount.place().is_some() {
            Ok(())
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// These mounts are in it from now on.
    pub(crate) fn take(self: &Arc<Self>, mounts: &[Arc<Mount>]) {
        mounts.iter().for_each(|mount| mount.enter(self));
        self.count.fetch_add(mounts.len() as u32, Ordering::Relaxed);
        self.changed();
    }

    /// A mount is out of it.
    pub(crate) fn lose_one(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
        self.changed();
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

    /// All mounts, in the order they came. ENOMEM. Without the lock that changes take, since it is asked for under locks of open
    /// files (/proc/mounts): a mount that comes or goes meanwhile may be missed, none is seen twice.
    pub fn mounts(&self) -> Result<Vec<Arc<Mount>>> {
        let mut all = self.root.get().map_or(Ok(Vec::new()), Mount::subtree)?;
        all.sort_unstable_by_key(|mount| mount.arrival.load(Ordering::Relaxed));
        Ok(all)
    }

    pub(crate) fn changed(&self) {
        self.event.fetch_add(1, Ordering::Release);
        self.changed.wake_all();
    }
}

/// Most mounts of a namespace (`/proc/sys/fs/mount-max`).
static MAX_MOUNTS: AtomicU32 = AtomicU32::new(100_000);

/// Most mounts of a namespace.
pub fn max_mounts() -> u32 {
    MAX_MOUNTS.load(Ordering::Relaxed)
}

/// Sets how many mounts a namespace may have at most.
pub fn set_max_mounts(max: u32) {
    MAX_MOUNTS.store(max, Ordering::Relaxed);
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
            leaf.make_private();
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

/// Puts a tree on `at`, and its copies where propagation says. ENOENT: the directory was removed; EBUSY: the same file system
/// is there already; ENOSPC: too many mounts; ENOTDIR, ENOMEM. The lock of changes is held.
fn put(tree: Tree, at: &Path, how: Put, ns: &Arc<MountNs>, held: &mut Held) -> Result<()> {
    let at = &at.covered();
    let top = tree.top();
    ns.require_mounted(&at.mnt)?;
    if at.dentry.is_deleted() {
        return Err(Errno::ENOENT);
    }
    same_kind(&at.dentry, &top.root)?;
    let same = |there: &Mount| Arc::ptr_eq(&there.root, &top.root);
    if how == Put::New && Arc::ptr_eq(&at.mnt.root, &at.dentry) && same(&at.mnt) {
        return Err(Errno::EBUSY);
    }
    let mut plan = Plan::new(tree.mounts(), at, held)?;
    plan.check_room(ns, tree.mounts().len())?;
    at.mnt.make_room(1)?;
    plan.share();
    top.attach(at)?; // there is room
    ns.take(tree.mounts());
    tree.keep();
    plan.put(ns.owner());
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
    let ns = at.mnt.ns()?;
    let mut held = Held::default();
    let _change = CHANGE.lock();
    put(Tree::of(mount.clone())?, at, Put::New, &ns, &mut held)?;
    Ok(mount)
}

/// Shows the tree under `from` at `at` as well (`MS_BIND`), with the mounts below if `recursive`. EINVAL: it is unbindable, or
/// something below is locked to it; EPERM: something below is both; else as a new mount.
pub fn bind(from: &Path, at: &Path, recursive: bool) -> Result<()> {
    let ns = at.mnt.ns()?;
    let mut held = Held::default();
    let _change = CHANGE.lock();
    if from.mnt.is_unbindable() {
        return Err(Errno::EINVAL);
    }
    let covers = |d: &Arc<Dentry>| from.dentry.is_ancestor_of(d);
    if !recursive
        && from
            .mnt
            .any_child(|child| child.mount.is_locked() && covers(&child.on))
    {
        return Err(Errno::EINVAL); // it hides something, and would not in the copy
    }
    let tree = if recursive {
        let chosen = select(&from.mnt, &from.dentry, |mount| {
            match mount.is_unbindable() {
                true if mount.is_locked() => Err(Errno::EPERM),
                unbindable => Ok(!unbindable),
            }
        })?;
        Tree::copy(&chosen, &from.dentry, |_, mount| mount.kind())?
    } else {
        let one = core::slice::from_ref(&from.mnt);
        Tree::copy(one, &from.dentry, |_, mount| mount.kind())?
    };
    tree.top().set_locked(false);
    put(tree, at, Put::Again, &ns, &mut held)
}

/// Changes how what is mounted on the mount whose root is `at` propagates, and on those below if `recursive`. EINVAL: not a
/// mount's root; ENOMEM.
pub fn set_propagation(at: &Path, how: Spread, recursive: bool) -> Result<()> {
    let ns = at.mnt.ns()?;
    let all; // dropped after the lock
    let mut groups: Vec<Option<Arc<PeerGroup>>> = Vec::new();
    let _change = CHANGE.lock();
    ns.require_mounted(&at.mnt)?;
    if !Arc::ptr_eq(&at.dentry, &at.mnt.root) {
        return Err(Errno::EINVAL);
    }
    all = at.mnt.subtree()?;
    let all = &all[..if recursive { all.len() } else { 1 }];
    if how == Spread::Shared {
        for mount in all {
            groups.try_push(mount.group_to_be()?)?;
        }
    }
    if how == Spread::Slave {
        for (n, mount) in all.iter().enumerate() {
            mount
                .announce_slave()
                .inspect_err(|_| all[..n].iter().for_each(|mount| mount.withdraw_slave()))?;
        }
    }
    let mut groups = groups.into_iter();
    for mount in all {
        match how {
            Spread::Shared => {
                if let Some(group) = groups.next().flatten() {
                    mount.make_shared(group);
                }
            }
            Spread::Private => mount.make_private(),
            Spread::Slave => mount.make_slave(),
            Spread::Unbindable => mount.make_unbindable(),
        }
    }
    Ok(())
}

/// Moves the mount whose root is `from` to `at` (`MS_MOVE`). EINVAL: not a mount's root, or the root of all, or under a shared
/// mount, or with something unbindable to a shared one; ELOOP: into itself; ENOSPC, ENOMEM.
pub fn move_mount(from: &Path, at: &Path) -> Result<()> {
    let ns = at.mnt.ns()?;
    let all;
    let mut held = Held::default();
    let _change = CHANGE.lock();
    let at = &at.covered();
    let is_root = Arc::ptr_eq(&from.dentry, &from.mnt.root);
    let old = from.mnt.place().ok_or(Errno::EINVAL)?;
    ns.require_mounted(&at.mnt)?;
    if !is_root || from.mnt.is_locked() {
        return Err(Errno::EINVAL);
    }
    same_kind(&from.dentry, &at.dentry).map_err(|_| Errno::EINVAL)?;
    all = from.mnt.subtree()?;
    let unbindable = at.mnt.is_shared() && all.iter().any(|mount| mount.is_unbindable());
    if old.mnt.is_shared() || unbindable {
        return Err(Errno::EINVAL);
    }
    let mut above = Some(at.clone());
    while let Some(path) = above {
        if Arc::ptr_eq(&path.mnt, &from.mnt) {
            return Err(Errno::ELOOP);
        }
        above = path.mnt.place();
    }
    let mut plan = Plan::new(&all, at, &mut held)?;
    plan.check_room(&ns, 0)?;
    at.mnt.make_room(1)?;
    plan.share();
    from.mnt.detach();
    from.mnt.attach(at)?; // there is room
    ns.changed();
    plan.put(ns.owner());
    Ok(())
}

/// Makes `new_root` the root of the namespace and puts the old root on `put_old` (pivot_root(2)). `root` is the caller's
/// root; the caller moves the roots of processes. EINVAL, EBUSY as the man page says; ENOMEM.
pub fn pivot_root(root: &Path, new_root: &Path, put_old: &Path) -> Result<()> {
    let is_mount_root = |p: &Path| Arc::ptr_eq(&p.dentry, &p.mnt.root);
    let ns = root.mnt.ns()?; // dropped after the lock
    let _change = CHANGE.lock();
    // The very first root cannot become another's.
    if new_root.mnt.place().is_none() || new_root.mnt.is_locked() {
        return Err(Errno::EINVAL);
    }
    if Arc::ptr_eq(&new_root.mnt, &root.mnt) || Arc::ptr_eq(&put_old.mnt, &root.mnt) {
        return Err(Errno::EBUSY);
    }
    // The very first root has no place to be put back to.
    let root_place = root.mnt.place().ok_or(Errno::EINVAL)?;
    let new_place = new_root.mnt.place().ok_or(Errno::EINVAL)?;
    if put_old.mnt.is_shared() || root_place.mnt.is_shared() || new_place.mnt.is_shared() {
        return Err(Errno::EINVAL);
    }
    if !is_mount_root(root) || !is_mount_root(new_root) {
        return Err(Errno::EINVAL);
    }
    if !Arc::ptr_eq(&put_old.mnt, &new_root.mnt) || !new_root.dentry.is_ancestor_of(&put_old.dentry)
    {
        return Err(Errno::EINVAL);
    }
    put_old.mnt.make_room(1)?;
    root_place.mnt.make_room(1)?;
    new_root.mnt.set_locked(root.mnt.is_locked());
    root.mnt.set_locked(false);
    new_root.mnt.detach();
    root.mnt.detach();
    new_root.mnt.attach(&root_place)?; // there is room
    root.mnt.attach(put_old)?;
    ns.changed();
    Ok(())
}
