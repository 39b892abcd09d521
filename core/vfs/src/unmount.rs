//! umount(2), and what goes with an unmount elsewhere (mount_namespaces(7), "Shared subtrees"; Linux
//! Documentation/filesystems/sharedsubtree).
//!
//! A mount that stands where an unmount reaches goes too, unless something stays on it; what covers its root whole does not
//! hold it back but comes to its place. One that is locked goes only with what it is locked to.
use crate::mountns::CHANGE;
use crate::mounttree::unmark;
use crate::objects::{Mount, MountNs, Path};
use crate::spread::{HELD, Held, is_busy_elsewhere, twins_of_place, unlock_twins};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use kmem::TryVec;

/// How to unmount (umount2(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmount {
    /// Only if nobody uses it.
    IfIdle,
    /// Out of the tree at once; it ends when nobody uses it any more.
    Detach,
}

/// Takes the mount whose root is `at` away, with those that propagation names. EINVAL: not a mount's root, or the root of all;
/// EBUSY: in use, here or there; ENOMEM.
pub fn unmount(at: Path, how: Unmount) -> Result<()> {
    let Path { mnt, dentry } = at;
    if !Arc::ptr_eq(&dentry, &mnt.root) {
        return Err(Errno::EINVAL);
    }
    drop(dentry);
    let (tree, unlocked, others); // dropped after the lock
    let mut held = Held::default();
    let _change = CHANGE.lock();
    let place = mnt.place().ok_or(Errno::EINVAL)?;
    if mnt.is_locked() {
        return Err(Errno::EINVAL);
    }
    if how == Unmount::IfIdle {
        // Counted on an idle mount: the list it stands in, and the caller.
        if mnt.has_children() || Arc::strong_count(&mnt) > 2 {
            return Err(Errno::EBUSY);
        }
        if is_busy_elsewhere(&place, &mut held)? {
            return Err(Errno::EBUSY);
        }
    }
    tree = mnt.subtree()?;
    unlocked = unlock_twins(&place, &mut held)?;
    others = Departure::new(&tree, &mut held)
        .inspect_err(|_| unlocked.iter().for_each(|twin| twin.set_locked(true)))?;
    for below in tree.iter().skip(1).rev() {
        if below.is_locked() {
            below.forget_place();
        } else {
            below.detach();
        }
        below.make_private();
    }
    mnt.detach();
    mnt.make_private();
    // Before what they stand on goes, so that what they hide is not seen meanwhile.
    for (mount, place) in &others.settle {
        mount.settle(place)?; // there is room
    }
    for mount in others.gone.iter().rev() {
        mount.detach();
        mount.make_private();
    }
    others.spaces.iter().for_each(|ns| ns.lose_one());
    Ok(())
}

/// In a mount's mark, while it is found out what goes: it goes.
const GOES: u32 = 1;
/// It is one of those that are unmounted, and was met where another's unmount reaches: what its own reaches is known.
const MET: u32 = 2;
/// It goes unless something stays on it.
const MAY_GO: u32 = 3;
const VERDICT: u32 = 3;
/// How many settle on it, times this. The highest bit is [`HELD`].
const SETTLES: u32 = 4;

fn verdict(mount: &Mount) -> u32 {
    mount.mark.load(Relaxed) & VERDICT
}

fn judge(mount: &Mount, verdict: u32) {
    mount.mark.fetch_and(!VERDICT, Relaxed);
    mount.mark.fetch_or(verdict, Relaxed);
}

fn goes(mount: &Mount) -> bool {
    matches!(verdict(mount), GOES | MET)
}

/// What is unmounted elsewhere with `tree` (parents first), and what stands on its roots and stays, each with the place it
/// comes to.
#[derive(Default)]
struct Departure {
    gone: Vec<Arc<Mount>>,
    /// The namespaces of all, once for each mount.
    spaces: Vec<Arc<MountNs>>,
    settle: Vec<(Arc<Mount>, Path)>,
}

impl Departure {
    /// ENOMEM.
    fn new(tree: &[Arc<Mount>], held: &mut Held) -> Result<Self> {
        let mut departure = Self::default();
        let mut twins = Vec::new();
        let found = departure.find(tree, &mut twins, held);
        unmark(tree);
        unmark(&twins);
        unmark(held.mounts());
        for (_, place) in &departure.settle {
            place.mnt.mark.store(0, Relaxed);
        }
        found.map(|()| departure)
    }

    fn find(
        &mut self,
        tree: &[Arc<Mount>],
        twins: &mut Vec<Arc<Mount>>,
        held: &mut Held,
    ) -> Result<()> {
        tree.iter().for_each(|mount| judge(mount, GOES));
        for mount in tree.iter() {
            let Some(place) = mount.place().filter(|_| verdict(mount) != MET) else {
                continue;
            };
            let start = held.mounts().len();
            let found = twins_of_place(&place, held);
            held.keep_once(start);
            for twin in found? {
                match verdict(&twin) {
                    0 => {
                        twins.try_push(twin.clone())?;
                        judge(&twin, MAY_GO);
                    }
                    GOES => judge(&twin, MET),
                    _ => {}
                }
            }
        }
        choose(twins);
        for mount in twins.iter().filter(|mount| goes(mount)) {
            self.gone.try_push(mount.clone())?;
            if let Some(top) = mount.child_on(&mount.root).filter(|top| !goes(top)) {
                self.settle(mount, top)?;
            }
        }
        for mount in tree.iter().chain(&self.gone) {
            if let Some(ns) = held.space(mount)? {
                self.spaces.try_push(ns)?;
            }
        }
        Ok(())
    }

    /// `top`, which stays, comes to where `mount` stands, or what goes below that. ENOMEM.
    fn settle(&mut self, mount: &Mount, top: Arc<Mount>) -> Result<()> {
        let mut place = mount.place();
        while let Some(up) = place.as_ref().filter(|up| goes(&up.mnt)) {
            place = up.mnt.place();
        }
        let Some(place) = place else { return Ok(()) };
        let mnt = place.mnt.clone();
        self.settle.try_push((top, place))?;
        let before = mnt.mark.fetch_add(SETTLES, Relaxed) & !HELD;
        mnt.make_room((before / SETTLES) as usize + 1)
    }
}

/// Of the mounts that may go, says which do, and that the others stay.
fn choose(twins: &[Arc<Mount>]) {
    for twin in twins {
        let stays = |child: &Mount| verdict(child) == 0;
        if verdict(twin) == MAY_GO
            && twin.any_child(|child| stays(&child.mount) && !Arc::ptr_eq(&child.on, &twin.root))
        {
            judge(twin, 0);
            for_those_below(twin, |below| {
                let may = verdict(below) == MAY_GO;
                if may {
                    judge(below, 0);
                }
                may
            });
        }
    }
    for twin in twins {
        if verdict(twin) == MAY_GO && !twin.is_locked() {
            judge(twin, GOES);
        }
    }
    // What is left is locked: it does as the first below it that is not.
    for twin in twins.iter().filter(|twin| verdict(twin) == MAY_GO) {
        let mut last = 0;
        for_those_below(twin, |below| {
            last = verdict(below);
            last == MAY_GO
        });
        let last = if last == GOES { GOES } else { 0 };
        judge(twin, last);
        for_those_below(twin, |below| {
            let left = verdict(below) == MAY_GO;
            if left {
                judge(below, last);
            }
            left
        });
    }
}

/// Calls `f` for what `mount` stands on, but not on its root, and so on while it says so.
fn for_those_below(mount: &Arc<Mount>, mut f: impl FnMut(&Mount) -> bool) {
    let mut place = mount.place();
    while let Some(below) = place.filter(|p| !Arc::ptr_eq(&p.dentry, &p.mnt.root)) {
        if !f(&below.mnt) {
            return;
        }
        place = below.mnt.place();
    }
}
