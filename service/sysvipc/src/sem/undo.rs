//! `SEM_UNDO`: what is taken back when a process ends (semop(2)).
use super::adjust::Undo;
use super::object::SemSet;
use abi::Result;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static LIST: LockClass = LockClass::new("sysvipc.undo", rank::SYSV_TABLE);

struct Entry {
    id: i32,
    set: Weak<SemSet>,
    undo: Arc<Undo>,
}

/// What is to be undone, set by set, sorted by id.
pub(crate) struct UndoList(SpinLock<Vec<Entry>>);

impl UndoList {
    /// `ENOMEM`.
    pub(crate) fn new() -> Result<Arc<Self>> {
        kmem::try_arc(Self(SpinLock::new(&LIST, Vec::new())))
    }

    /// What is to be undone of a set. `ENOMEM`; `EIDRM`: it is gone.
    pub(crate) fn of(&self, set: &Arc<SemSet>) -> Result<Arc<Undo>> {
        let is_its = |entry: &Entry| core::ptr::eq(entry.set.as_ptr(), Arc::as_ptr(set));
        let find = |entries: &Vec<Entry>| {
            let at = entries.binary_search_by_key(&set.id(), |entry| entry.id);
            at.map(|at| is_its(&entries[at]).then(|| entries[at].undo.clone()))
        };
        if let Ok(Some(undo)) = find(&self.0.lock()) {
            return Ok(undo);
        }
        let fresh = kmem::try_arc(Undo::new(set.count())?)?;
        // What the list does not take in the end the set forgets by itself.
        set.keep_undo(&fresh)?;
        let mut entries = self.0.lock();
        // Sets that are gone have left theirs behind.
        entries.retain(|entry| entry.set.strong_count() != 0);
        let at = match find(&entries) {
            Ok(Some(undo)) => return Ok(undo), // another thread of it was faster
            Ok(None) => {
                let gone = |entry: &Entry| entry.id == set.id();
                entries.retain(|entry| !gone(entry)); // of an older set that somebody still looks at
                entries.partition_point(|entry| entry.id < set.id())
            }
            Err(at) => at,
        };
        let entry = Entry {
            id: set.id(),
            set: Arc::downgrade(set),
            undo: fresh.clone(),
        };
        entries.try_insert(at, entry)?;
        Ok(fresh)
    }
}

impl Drop for UndoList {
    fn drop(&mut self) {
        let entries = core::mem::take(self.0.get_mut());
        for entry in entries {
            if let Some(set) = entry.set.upgrade() {
                set.undo(&entry.undo);
            }
        }
    }
}
