//! The objects of a namespace.
use crate::limits::Limits;
use crate::msg::MsgQueue;
use crate::sem::SemSet;
use crate::shm::{Home, Segment};
use crate::table::Table;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use cred::UserNamespace;
use sync::Once;
use task::Cx;
use task::ipcns::{self, AnyPart, IpcPart, IpcSlot};

/// All System V objects of a namespace.
pub(crate) struct Objects {
    /// Whose capabilities count.
    pub(crate) owner: Arc<UserNamespace>,
    /// See [`Limits`].
    pub(crate) limits: Limits,
    pub(crate) segments: Table<Segment>,
    pub(crate) sets: Table<SemSet>,
    pub(crate) queues: Table<MsgQueue>,
}

impl Home for Objects {
    fn removes_orphans(&self) -> bool {
        self.limits.shm_rmid_forced.load(Relaxed)
    }
    fn forget_key(&self, segment: &Segment, key: i32) {
        self.segments.forget_key(key, segment.id());
    }
    fn remove(&self, segment: &Segment, key: i32) {
        self.segments.remove(segment, key, segment.pages());
    }
}

impl Objects {
    /// Removes segments that nobody has and whose makers are gone.
    pub(crate) fn remove_orphans(&self) {
        let mut from = 0;
        while let Some((index, segment)) = self.segments.next(from) {
            segment.remove_unused();
            from = index + 1;
        }
    }
}

struct Part;
static SLOT: Once<IpcSlot<Arc<Objects>>> = Once::new();

impl IpcPart for Part {
    fn create(&self, owner: &Arc<UserNamespace>) -> Result<AnyPart> {
        let objects = kmem::try_arc(Objects {
            owner: owner.clone(),
            limits: Limits::new(),
            segments: Table::new()?,
            sets: Table::new()?,
            queues: Table::new()?,
        })?;
        Ok(kmem::try_arc(objects)?)
    }
}

/// Makes them a part of every namespace; at boot, before `task::ipcns::init`. `ENFILE`, `ENOMEM`.
pub(crate) fn init() -> Result<()> {
    let _ = SLOT.set(IpcSlot::register(&Part)?); // once
    Ok(())
}

fn in_set(set: &task::Namespaces) -> Result<&Arc<Objects>> {
    let ns = ipcns::of(set)?;
    SLOT.get().and_then(|slot| slot.of(ns)).ok_or(Errno::ENOSYS)
}

/// Those of the caller's namespace.
#[inline]
pub(crate) fn of(cx: &Cx) -> Result<&Arc<Objects>> {
    in_set(&cx.ns)
}

/// Those of the namespace of whoever reads or writes a file. `ESRCH`: it is no task.
pub(crate) fn of_current() -> Result<Arc<Objects>> {
    let set = task::current().and_then(|me| me.ns()).ok_or(Errno::ESRCH)?;
    in_set(&set).cloned()
}
