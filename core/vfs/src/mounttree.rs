//! Trees of mounts that are not in their place yet: what a bind, a new namespace and propagation put somewhere.
//!
//! Marks at the mounts say which of them are in a set; they belong to who holds the lock of changes and are 0 between changes.
use crate::objects::{Dentry, Kind, Mount, Path};
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use kmem::TryVec;

/// Mounts that stand on each other, parents first. They come apart again unless they were [kept](Self::keep).
pub(crate) struct Tree(Vec<Arc<Mount>>);

impl Drop for Tree {
    fn drop(&mut self) {
        for mount in self.0.iter().skip(1).rev() {
            mount.detach();
        }
    }
}

pub(crate) fn unmark(mounts: &[Arc<Mount>]) {
    mounts.iter().for_each(|mount| mount.mark.store(0, Relaxed));
}

/// The mounts that stand on `root` of `top` and below, and `top`: parents first, without those that `keep` does not want and
/// what stands on them. ENOMEM, what `keep` says.
pub(crate) fn select(
    top: &Arc<Mount>,
    root: &Arc<Dentry>,
    keep: impl Fn(&Arc<Mount>) -> Result<bool>,
) -> Result<Vec<Arc<Mount>>> {
    let mut chosen = top.subtree()?;
    top.mark.store(1, Relaxed);
    let mut result = Ok(());
    let mut nth = 0;
    chosen.retain(|mount| {
        nth += 1;
        if nth == 1 || result.is_err() {
            return true;
        }
        let stands = mount.place().is_some_and(|place| {
            place.mnt.mark.load(Relaxed) != 0
                && (!Arc::ptr_eq(&place.mnt, top) || root.is_ancestor_of(&place.dentry))
        });
        let kept = stands
            && keep(mount).unwrap_or_else(|e| {
                result = Err(e);
                false
            });
        mount.mark.store(u32::from(kept), Relaxed);
        kept
    });
    unmark(&chosen);
    result.map(|()| chosen)
}

impl Tree {
    /// One mount.
    pub(crate) fn of(mount: Arc<Mount>) -> Result<Self> {
        let mut one = Vec::new();
        one.try_push(mount)?;
        Ok(Self(one))
    }

    /// Copies of `from`, which stand on each other as those do; the first shows the tree under `root`. `kind` says of what
    /// kind the copy of the nth is. ENOMEM.
    pub(crate) fn copy(
        from: &[Arc<Mount>],
        root: &Arc<Dentry>,
        kind: impl Fn(usize, &Mount) -> Kind,
    ) -> Result<Self> {
        for (n, mount) in from.iter().enumerate() {
            mount.mark.store(n as u32 + 1, Relaxed);
        }
        let made = Self::copy_marked(from, root, kind);
        unmark(from);
        made
    }

    fn copy_marked(
        from: &[Arc<Mount>],
        root: &Arc<Dentry>,
        kind: impl Fn(usize, &Mount) -> Kind,
    ) -> Result<Self> {
        let mut copies = Self(Vec::try_with_capacity(from.len())?);
        for (n, mount) in from.iter().enumerate() {
            let twin = mount.twin(if n == 0 { root } else { &mount.root })?;
            twin.join(kind(n, mount))?;
            let place = mount.place().filter(|_| n != 0);
            if let Some(place) = place {
                let above = place.mnt.mark.load(Relaxed) as usize;
                let Some(mnt) = copies.0.get(above.wrapping_sub(1)).cloned() else {
                    continue;
                };
                let dentry = place.dentry;
                twin.attach(&Path { mnt, dentry })?;
            }
            copies.0.try_push(twin)?;
        }
        Ok(copies)
    }

    pub(crate) fn mounts(&self) -> &[Arc<Mount>] {
        &self.0
    }

    pub(crate) fn top(&self) -> &Arc<Mount> {
        &self.0[0]
    }

    /// It has its place, and stays.
    pub(crate) fn keep(mut self) {
        self.0.clear();
    }
}
