//! A set as an object: its lock, its owner, what its users want undone.
use super::adjust::Undo;
use super::set::{Set, VALUE_MAX};
use crate::caller::{caller, now};
use crate::perm::Perm;
use crate::table::{Head, Object};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static STATE: LockClass = LockClass::new("sysvipc.sem", rank::SYSV_OBJECT);

/// What a set's lock protects.
pub(crate) struct State {
    pub(crate) perm: Perm,
    pub(crate) set: Set,
    pub(crate) gone: bool,
    undos: Vec<Arc<Undo>>,
    /// Nanoseconds since 1970.
    pub(crate) operated: u64,
    /// Seconds.
    pub(crate) changed: u64,
}

/// A set of semaphores.
pub(crate) struct SemSet {
    head: Head,
    count: usize,
    pub(crate) state: SpinLock<State>,
}

impl Object for SemSet {
    fn head(&self) -> &Head {
        &self.head
    }
}

impl State {
    /// The values were set: nothing of before is undone. `num`: of one semaphore only.
    pub(crate) fn forget_undo(&mut self, num: Option<usize>) {
        self.undos.retain(|undo| Arc::strong_count(undo) > 1);
        let nums = num.map_or(0..self.set.sems.len(), |num| num..num + 1);
        for undo in &self.undos {
            nums.clone().for_each(|num| undo.forget(num));
        }
    }

    /// As [`Set::settle_all`], after values were set.
    pub(crate) fn settle_all(&mut self) {
        if self.set.settle_all() {
            self.operated = time::clock::realtime_coarse_ns();
        }
    }
}

impl SemSet {
    /// `ENOMEM`.
    pub(crate) fn new(perm: Perm, count: usize) -> Result<Arc<Self>> {
        let state = State {
            perm,
            set: Set::new(count)?,
            gone: false,
            undos: Vec::new(),
            operated: 0,
            changed: now(),
        };
        kmem::try_arc(Self {
            head: Head::new()?,
            count,
            state: SpinLock::new(&STATE, state),
        })
    }

    pub(crate) fn id(&self) -> i32 {
        self.head.id()
    }

    /// How many semaphores it has.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Keeps what somebody wants undone, so that setting values reaches it. `EIDRM`, `ENOMEM`.
    pub(crate) fn keep_undo(&self, undo: &Arc<Undo>) -> Result<()> {
        let mut state = self.state.lock();
        if state.gone {
            return Err(Errno::EIDRM);
        }
        if state.undos.len() == state.undos.capacity() {
            state.undos.retain(|undo| Arc::strong_count(undo) > 1);
        }
        state.undos.try_push(undo.clone())
    }

    /// Carries out what is to be undone; a value stays in its range.
    pub(crate) fn undo(&self, undo: &Arc<Undo>) {
        let process = caller();
        let mut state = self.state.lock();
        if state.gone {
            return;
        }
        state.undos.retain(|kept| !Arc::ptr_eq(kept, undo));
        let mut any = false;
        for (num, sem) in state.set.sems.iter_mut().enumerate() {
            let change = undo.get(num);
            if change != 0 {
                sem.value = (sem.value + change).clamp(0, VALUE_MAX);
                if let Some(process) = &process {
                    sem.process.note(process);
                }
                any = true;
            }
        }
        if any {
            state.set.settle_all();
            state.operated = time::clock::realtime_coarse_ns();
        }
    }

    /// It goes: who waits learns of it. False: it was gone already. The content is dropped here, since the object itself may
    /// still be looked at.
    pub(crate) fn expel(&self) -> bool {
        let mut state = self.state.lock();
        if state.gone {
            return false;
        }
        state.gone = true;
        state.set.expel(Errno::EIDRM);
        let undos = core::mem::take(&mut state.undos);
        let set = Set::new(0).map(|empty| core::mem::replace(&mut state.set, empty));
        drop(state);
        drop((undos, set));
        true
    }
}
