//! What a process has of System V objects beside the objects themselves: the segments it made, which may go with it
//! (`shm_rmid_forced`), and what is to be undone of its semaphores.
//!
//! A list of what is to be undone is its process', unless clone(2) was told otherwise: with `CLONE_SYSVSEM` another process
//! shares it, and without it a thread has its own. It is carried out when the last who has it ends or leaves it.
use crate::sem::UndoList;
use crate::shm::Segment;
use abi::Result;
use abi::raw::{CLONE_SYSVSEM, CLONE_THREAD};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use kmem::TryVec;
use sync::{LockClass, Once, SpinLock, rank};
use task::{CloneArgs, Cx, TaskHooks, TaskSlot};

static OWNED: LockClass = LockClass::new("sysvipc.owned", rank::SYSV_TABLE);

/// What the threads of a process share.
pub(crate) struct Owned {
    segments: SpinLock<Vec<Weak<Segment>>>,
    undo: SpinLock<Option<Arc<UndoList>>>,
}

impl Owned {
    fn new() -> Self {
        Self {
            segments: SpinLock::new(&OWNED, Vec::new()),
            undo: SpinLock::new(&OWNED, None),
        }
    }

    /// Notes a segment that the process makes. `ENOMEM`.
    pub(crate) fn add_segment(&self, segment: &Arc<Segment>) -> Result<()> {
        let mut segments = self.segments.lock();
        if segments.len() == segments.capacity() {
            segments.retain(|segment| segment.strong_count() != 0);
        }
        segments.try_push(Arc::downgrade(segment))
    }

    /// What is to be undone when it ends. `ENOMEM`.
    fn undo_list(&self) -> Result<Arc<UndoList>> {
        if let Some(list) = &*self.undo.lock() {
            return Ok(list.clone());
        }
        let fresh = UndoList::new()?;
        Ok(self.undo.lock().get_or_insert(fresh).clone())
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        for segment in self.segments.get_mut().drain(..) {
            if let Some(segment) = segment.upgrade() {
                segment.orphan();
            }
        }
    }
}

/// What the caller's process has. `ENOMEM`.
pub(crate) fn of_process(cx: &Cx) -> Result<Arc<Owned>> {
    let process = cx.process();
    let any = match process.sysv() {
        Some(any) => any,
        None => process.keep_sysv(kmem::try_arc(Owned::new())?),
    };
    any.downcast().map_err(|_| abi::Errno::ENOMEM)
}

/// The caller's process, which is one thread, has nothing to undo any more.
fn take_undo_list(cx: &Cx) -> Option<Arc<UndoList>> {
    let owned = cx.process().sysv()?.downcast::<Owned>().ok()?;
    owned.undo.lock().take()
}

static SLOT: Once<TaskSlot<Arc<UndoList>>> = Once::new();

/// The list that the caller's operations are noted in. `ENOMEM`.
pub(crate) fn undo_list(cx: &mut Cx) -> Result<Arc<UndoList>> {
    if let Some(own) = SLOT.get().and_then(|slot| slot.get(cx)) {
        return Ok(own.clone());
    }
    of_process(cx)?.undo_list()
}

/// The caller leaves its list, for another namespace or since unshare(2) says so. `ENOMEM`.
pub fn leave_undo_list(cx: &mut Cx) -> Result<()> {
    let Some(slot) = SLOT.get() else {
        return Ok(());
    };
    if cx.process().thread_count() == 1 {
        drop(slot.take(cx));
        drop(take_undo_list(cx));
        return Ok(());
    }
    slot.set(cx, UndoList::new()?)
}

struct Hooks;

impl TaskHooks for Hooks {
    fn fork(&self, parent: &mut Cx, args: &CloneArgs) -> Result<Option<Box<dyn Any + Send>>> {
        let own = SLOT
            .get()
            .and_then(|slot| slot.get(parent))
            .map(|own| own.clone());
        let list = match (args.has(CLONE_THREAD), args.has(CLONE_SYSVSEM), own) {
            // The process' own, as the parent.
            (true, true, None) | (false, false, _) => return Ok(None),
            (_, true, Some(own)) => own,
            (false, true, None) => of_process(parent)?.undo_list()?,
            (true, false, _) => UndoList::new()?,
        };
        let list: Box<dyn Any + Send> = kmem::try_box(list)?;
        Ok(Some(list))
    }

    fn exit(&self, cx: &mut Cx) {
        drop(SLOT.get().and_then(|slot| slot.take(cx)));
        if cx.process().is_ending() {
            drop(cx.process().take_sysv());
        }
    }
}

/// At boot. `ENFILE`.
pub(crate) fn init() -> Result<()> {
    let _ = SLOT.set(TaskSlot::register(&Hooks)?); // once
    Ok(())
}
