//! How mounts and unmounts reach peers and slaves (mount_namespaces(7), "Shared subtrees"; Documentation/filesystems/
//! sharedsubtree.rst).
//!
//! Everything is found out, made and given room first; then nothing can fail any more. The lock of changes is held, and what is
//! met on the way is kept in [`Held`] until it is free again: a mount or a namespace may have its end here.
use crate::mounttree::{Tree, unmark};
use crate::objects::{Kind, Mount, MountNs, Path, PeerGroup};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::ops::Range;
use core::sync::atomic::Ordering::Relaxed;
use cred::UserNamespace;
use kmem::TryVec;

/// What was met. Declared before the lock of changes is taken, so that it is dropped after it.
#[derive(Default)]
pub(crate) struct Held {
    mounts: Vec<Arc<Mount>>,
    spaces: Vec<Arc<MountNs>>,
}

impl Held {
    /// Keeps the mounts of a list that are still in a namespace; answers which they are. ENOMEM.
    fn take(&mut self, list: &[Weak<Mount>]) -> Result<Range<usize>> {
        let start = self.mounts.len();
        let no_room = |_| Errno::ENOMEM;
        self.mounts.try_reserve(list.len()).map_err(no_room)?;
        for mount in list.iter().filter_map(Weak::upgrade) {
            self.mounts.try_push(mount)?;
        }
        Ok(start..self.mounts.len())
    }

    /// The namespace of a mount; `None`: it is in none, or that one ends. ENOMEM.
    pub(crate) fn space(&mut self, mount: &Mount) -> Result<Option<Arc<MountNs>>> {
        self.spaces.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let Ok(ns) = mount.ns() else { return Ok(None) };
        self.spaces.try_push(ns.clone())?;
        Ok(Some(ns))
    }

    /// Of the mounts from `start` on, lets go of those that are marked as held already, and marks the others.
    pub(crate) fn keep_once(&mut self, start: usize) {
        let mut kept = start;
        for nth in start..self.mounts.len() {
            if self.mounts[nth].mark.fetch_or(HELD, Relaxed) & HELD == 0 {
                self.mounts.swap(kept, nth);
                kept += 1;
            }
        }
        self.mounts.truncate(kept);
    }

    pub(crate) fn mounts(&self) -> &[Arc<Mount>] {
        &self.mounts
    }
}

/// In the mark of a mount that [`Held::keep_once`] has kept.
pub(crate) const HELD: u32 = 1 << 31;

/// A group that something reaches; the mounts are those of [`Held`].
struct Level {
    group: Arc<PeerGroup>,
    /// The level of its master.
    above: usize,
    members: Range<usize>,
    slaves: Range<usize>,
}

/// The groups that what happens to a member of `group` reaches, masters first. ENOMEM.
fn levels(group: Arc<PeerGroup>, held: &mut Held) -> Result<Vec<Level>> {
    let level = |group, above| Level {
        group,
        above,
        members: 0..0,
        slaves: 0..0,
    };
    let mut levels = Vec::new();
    levels.try_push(level(group, 0))?;
    let mut nth = 0;
    while let Some(this) = levels.get_mut(nth) {
        let group = this.group.clone();
        let below = group.below.lock();
        this.members = held.take(&below.members)?;
        this.slaves = held.take(&below.slaves)?;
        // Room first: a group that has its end here would take this lock once more.
        let no_room = |_| Errno::ENOMEM;
        levels.try_reserve(below.groups.len()).map_err(no_room)?;
        for group in below.groups.iter().filter_map(Weak::upgrade) {
            levels.try_push(level(group, nth))?;
        }
        nth += 1;
    }
    Ok(levels)
}

/// A copy that propagation makes, and its place.
struct Copy {
    tree: Tree,
    at: Path,
    ns: Arc<MountNs>,
}

/// What putting a tree somewhere brings about elsewhere.
#[derive(Default)]
pub(crate) struct Plan {
    /// Which of its mounts become members of which new group.
    groups: Vec<(Arc<Mount>, Arc<PeerGroup>)>,
    copies: Vec<Copy>,
}

/// The groups of a tree's mounts, or of one of its copies'.
type Groups = Vec<Arc<PeerGroup>>;

impl Plan {
    /// What comes of putting the tree of the mounts `source` (parents first) on `at`. ENOMEM.
    pub(crate) fn new(source: &[Arc<Mount>], at: &Path, held: &mut Held) -> Result<Self> {
        let mut plan = Self::default();
        let Kind::Shared(group) = at.mnt.kind() else {
            return Ok(plan);
        };
        // Before the source has groups of its own, which may be slaves of these.
        let levels = levels(group, held)?;
        let mut first = Groups::new();
        for mount in source {
            let group = match (mount.group_to_be()?, mount.kind()) {
                (None, Kind::Shared(group)) => group,
                (None, _) => return Err(Errno::EINVAL), // not without the lock
                (Some(group), _) => {
                    plan.groups.try_push((mount.clone(), group.clone()))?;
                    group
                }
            };
            first.try_push(group)?;
        }
        // Of each level, the groups that its copies belong to; without a copy they are those above.
        let mut of_levels: Vec<usize> = Vec::new();
        let mut all: Vec<Groups> = Vec::new();
        all.try_push(first)?;
        for (nth, level) in levels.iter().enumerate() {
            let above = of_levels.get(level.above).copied().unwrap_or(0);
            let members = reached(held, &level.members, at)?;
            let own = if nth == 0 || members.is_empty() {
                above
            } else {
                let mut below = Groups::new();
                for group in &all[above] {
                    below.try_push(PeerGroup::new(Some(group.clone()))?)?;
                }
                all.try_push(below)?;
                all.len() - 1
            };
            of_levels.try_push(own)?;
            for to in members {
                plan.copy(source, to, at, |n| Kind::Shared(all[own][n].clone()))?;
            }
            for to in reached(held, &level.slaves, at)? {
                plan.copy(source, to, at, |n| Kind::Slave(all[own][n].clone()))?;
            }
        }
        Ok(plan)
    }

    fn copy(
        &mut self,
        source: &[Arc<Mount>],
        (mnt, ns): (Arc<Mount>, Arc<MountNs>),
        at: &Path,
        kind: impl Fn(usize) -> Kind,
    ) -> Result<()> {
        let tree = Tree::copy(source, &source[0].root, |n, _| kind(n))?;
        let dentry = at.dentry.clone();
        let at = Path { mnt, dentry };
        at.mnt.make_room(1)?;
        tree.top().make_room(1)?;
        self.copies.try_push(Copy { tree, at, ns })
    }

    /// Whether every namespace has room for what comes to it, and for the `more` mounts that `ns` gets. ENOSPC.
    pub(crate) fn check_room(&self, ns: &Arc<MountNs>, more: usize) -> Result<()> {
        let coming = || self.copies.iter().map(|c| (&c.ns, c.tree.mounts().len()));
        ns.pending.store(more as u32, Relaxed);
        coming().for_each(|(ns, len)| {
            ns.pending.fetch_add(len as u32, Relaxed);
        });
        let all = || coming().map(|(ns, _)| ns).chain([ns]);
        let result = all().try_for_each(|ns| ns.has_room());
        all().for_each(|ns| ns.pending.store(0, Relaxed));
        result
    }

    /// The tree's mounts become members of groups.
    pub(crate) fn share(&mut self) {
        for (mount, group) in self.groups.drain(..) {
            mount.make_shared(group);
        }
    }

    /// Puts the copies in their places. What comes to a namespace of other users than `owner` is locked together.
    pub(crate) fn put(self, owner: &Arc<UserNamespace>) {
        // The order is seen in /proc/PID/mountinfo: Linux begins with the last copy.
        for Copy { tree, at, ns } in self.copies.into_iter().rev() {
            let top = tree.top();
            if !Arc::ptr_eq(ns.owner(), owner) {
                for mount in tree.mounts() {
                    mount.lock_flags();
                    mount.set_locked(true);
                }
            }
            top.set_locked(false);
            let done = match at.mnt.child_on(&at.dentry) {
                Some(cover) => top.slip_under(&cover, &at),
                None => top.attach(&at),
            };
            if done.is_ok() {
                ns.take(tree.mounts());
                tree.keep();
            }
        }
    }
}

/// Those of the mounts that show the place `at` and are not the one it is on, with their namespaces. ENOMEM.
fn reached(
    held: &mut Held,
    which: &Range<usize>,
    at: &Path,
) -> Result<Vec<(Arc<Mount>, Arc<MountNs>)>> {
    let mut found = Vec::new();
    for nth in which.clone() {
        let mount = held.mounts[nth].clone();
        let other = !Arc::ptr_eq(&mount, &at.mnt) && mount.root.is_ancestor_of(&at.dentry);
        if other && let Some(ns) = held.space(&mount)? {
            found.try_push((mount, ns))?;
        }
    }
    Ok(found)
}

/// The mounts that stand where an unmount of what is on `at` reaches. ENOMEM.
pub(crate) fn twins_of_place(at: &Path, held: &mut Held) -> Result<Vec<Arc<Mount>>> {
    let mut found = Vec::new();
    let Kind::Shared(group) = at.mnt.kind() else {
        return Ok(found);
    };
    for level in levels(group, held)? {
        for nth in level.members.chain(level.slaves) {
            let mount = &held.mounts[nth];
            if Arc::ptr_eq(mount, &at.mnt) || !mount.is_in_ns() {
                continue;
            }
            if let Some(child) = mount.child_on(&at.dentry) {
                found.try_push(child)?;
            }
        }
    }
    Ok(found)
}

/// Whether a mount on `at` is used where it would be unmounted with `mnt`. ENOMEM.
pub(crate) fn is_busy_elsewhere(at: &Path, held: &mut Held) -> Result<bool> {
    let twins = twins_of_place(at, held)?;
    // How many of the counts of a mount are in `held`.
    held.mounts.iter().for_each(|mount| {
        mount.mark.fetch_add(1, Relaxed);
    });
    let busy = twins.iter().any(|twin| {
        // Counted: the list it stands in, this one, and what covers it whole.
        let idle = 2 + twin.mark.load(Relaxed) as usize;
        match twin.only_child() {
            None if twin.has_children() => false,
            None => Arc::strong_count(twin) > idle,
            Some(on) if Arc::ptr_eq(&on, &twin.root) => Arc::strong_count(twin) > idle + 1,
            Some(_) => false,
        }
    });
    unmark(&held.mounts);
    Ok(busy)
}

/// What stands where an unmount of what is on `at` reaches is not locked there any more; answers what was. ENOMEM.
pub(crate) fn unlock_twins(at: &Path, held: &mut Held) -> Result<Vec<Arc<Mount>>> {
    let mut twins = twins_of_place(at, held)?;
    twins.retain(|twin| twin.is_locked());
    twins.iter().for_each(|twin| twin.set_locked(false));
    Ok(twins)
}
