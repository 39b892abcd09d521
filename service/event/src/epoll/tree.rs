//! Epoll sets that watch epoll sets: no circles, and at most five deep.
use super::Epoll;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, Mutex, MutexGuard, rank};

static TREE_CLASS: LockClass = LockClass::new("epoll.tree", rank::EPOLL_TREE);
static TREE: Mutex<()> = Mutex::new(&TREE_CLASS, ());

/// Deepest nesting (`EP_MAX_NESTS`).
const MAX_DEPTH: usize = 4;

/// Checks that `outer` may watch `inner`; holds other such changes off while the guard lives. ELOOP.
pub(super) fn check(outer: &Arc<Epoll>, inner: &Arc<Epoll>) -> Result<MutexGuard<'static, ()>> {
    if Arc::ptr_eq(outer, inner) {
        return Err(Errno::EINVAL);
    }
    let guard = TREE.lock();
    depth_below(inner, outer, 1)?;
    Ok(guard)
}

/// Walks what `set` watches; `depth` is how deep `set` lies. ELOOP: `outer` is among it, or it is too deep.
fn depth_below(set: &Arc<Epoll>, outer: &Arc<Epoll>, depth: usize) -> Result<()> {
    if depth > MAX_DEPTH || Arc::ptr_eq(set, outer) {
        return Err(Errno::ELOOP);
    }
    for inner in inner_sets(set)? {
        depth_below(&inner, outer, depth + 1)?;
    }
    Ok(())
}

/// The epoll sets that `set` watches. ENOMEM.
fn inner_sets(set: &Epoll) -> Result<Vec<Arc<Epoll>>> {
    let items = set.items.lock();
    let mut sets = Vec::new();
    if items.nested > 0 {
        for item in &items.table {
            if let Some(inner) = item.inner_set() {
                sets.try_push(inner)?;
            }
        }
    }
    Ok(sets)
}
