//! What a set of semaphores does with operations, and with those who wait for theirs to become possible. All of it under the
//! set's lock; no task in sight.
//!
//! Who waits for one semaphore stands in that semaphore's own lists, so that a change looks only at those whom it may let
//! go on. Once somebody waits for several at once, everybody stands in one list in the order they came, until nobody does.
//! A sleeper's operations are done on its behalf, by the caller that made them possible.
use super::adjust::Undo;
use super::ops::{Ops, Sembuf};
use crate::who::Who;
use abi::ipc::IPC_NOWAIT;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicUsize};
use kmem::TryVec;
use pid::{List, Pid};
use sync::WaitQueue;

/// The largest value of a semaphore (`SEMVMX`).
pub(crate) const VALUE_MAX: i32 = 32767;

/// Where a sleeper stands.
const IN_OWN: u32 = 0;
const IN_SHARED: u32 = 1;

/// It still waits.
const PENDING: i32 = -1;

/// Somebody who waits for operations to become possible.
pub(crate) struct Sleeper {
    ops: Ops,
    undo: Option<Arc<Undo>>,
    process: Arc<Pid>,
    /// The operation that can't be done yet.
    blocking: AtomicUsize,
    place: AtomicU32,
    home: AtomicU32,
    outcome: AtomicI32,
    pub(crate) wait: WaitQueue,
}

impl Sleeper {
    /// `ENOMEM`.
    pub(crate) fn new(
        ops: &[Sembuf],
        undo: Option<Arc<Undo>>,
        process: &Arc<Pid>,
        blocking: usize,
    ) -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            ops: Ops::copy(ops)?,
            undo,
            process: process.clone(),
            blocking: AtomicUsize::new(blocking),
            place: AtomicU32::new(pid::list::NONE),
            home: AtomicU32::new(IN_OWN),
            outcome: AtomicI32::new(PENDING),
            wait: WaitQueue::new(),
        })
    }

    /// What became of it, if something did.
    #[inline]
    pub(crate) fn outcome(&self) -> Option<Result<()>> {
        match self.outcome.load(Acquire) {
            PENDING => None,
            0 => Some(Ok(())),
            errno => Some(Err(Errno::from_code(errno).unwrap_or(Errno::EINVAL))),
        }
    }

    fn wake(&self, outcome: Result<()>) {
        let word = outcome.err().map_or(0, Errno::code);
        self.outcome.store(word, Release);
        self.wait.wake_sync_one();
    }
}

/// A semaphore.
pub(crate) struct Sem {
    pub(crate) value: i32,
    /// The process that changed it last.
    pub(crate) process: Who,
    /// Who waits for it to grow, and to be 0.
    grow: List<Arc<Sleeper>>,
    zero: List<Arc<Sleeper>>,
}

/// How an attempt went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Attempt {
    Done,
    /// The operation at that place has to wait.
    Blocked(usize),
    Failed(Errno),
}

/// The semaphores of a set.
pub(crate) struct Set {
    pub(crate) sems: Vec<Sem>,
    shared: List<Arc<Sleeper>>,
    /// How many of those wait for several.
    several: usize,
    /// How many stand in the semaphores' own lists.
    alone: usize,
}

impl Set {
    /// `ENOMEM`.
    pub(crate) fn new(count: usize) -> Result<Self> {
        let sem = || Sem {
            value: 0,
            process: Who::NOBODY,
            grow: List::new(),
            zero: List::new(),
        };
        Ok(Self {
            sems: Vec::try_collect_from((0..count).map(|_| sem()))?,
            shared: List::new(),
            several: 0,
            alone: 0,
        })
    }

    /// Does all of them or none.
    pub(crate) fn attempt(
        &mut self,
        ops: &[Sembuf],
        undo: Option<&Undo>,
        process: &Arc<Pid>,
    ) -> Attempt {
        for (at, op) in ops.iter().enumerate() {
            let sem = &mut self.sems[op.num as usize];
            let value = sem.value + i32::from(op.op);
            let blocked = if op.op == 0 {
                sem.value != 0
            } else {
                value < 0
            };
            let failed = if blocked && u32::from(op.flags) & IPC_NOWAIT == 0 {
                Attempt::Blocked(at)
            } else if blocked {
                Attempt::Failed(Errno::EAGAIN)
            } else if value > VALUE_MAX || !note(undo, op) {
                Attempt::Failed(Errno::ERANGE)
            } else {
                sem.value = value;
                continue;
            };
            for op in ops[..at].iter().rev() {
                self.sems[op.num as usize].value -= i32::from(op.op);
                take_back(undo, op);
            }
            return failed;
        }
        for op in ops {
            self.sems[op.num as usize].process.note(process);
        }
        Attempt::Done
    }

    /// Lets everybody go on who can after `ops` have been done; whether somebody could.
    #[inline]
    pub(crate) fn settle(&mut self, ops: &[Sembuf]) -> bool {
        let mut any = !self.shared.is_empty() && self.settle_shared();
        // Without memory to move them some may stand alone beside those who wait for several.
        if self.alone == 0 {
            return any;
        }
        for op in ops {
            if op.op != 0 {
                any |= self.settle_one(op.num as usize);
            }
        }
        any
    }

    /// The same after any of them may have changed.
    pub(crate) fn settle_all(&mut self) -> bool {
        let mut any = !self.shared.is_empty() && self.settle_shared();
        for at in 0..self.sems.len() {
            any |= self.settle_one(at);
        }
        any
    }

    fn settle_one(&mut self, at: usize) -> bool {
        let mut any = false;
        loop {
            let sem = &self.sems[at];
            let zero = sem.value == 0;
            let list = if zero { &sem.zero } else { &sem.grow };
            if list.is_empty() {
                return any;
            }
            // At 0 nobody can take from it; above, nobody waits for what is there.
            let value = sem.value;
            let fits = |sleeper: &&Arc<Sleeper>| {
                let op = sleeper.ops.get()[0].op;
                value + i32::from(op) >= 0
            };
            let Some(sleeper) = list.iter().find(fits).cloned() else {
                return any;
            };
            any |= self.try_for(&sleeper);
        }
    }

    /// Tries a sleeper's operations; true if it goes on, with success or an error.
    fn try_for(&mut self, sleeper: &Arc<Sleeper>) -> bool {
        let outcome =
            match self.attempt(sleeper.ops.get(), sleeper.undo.as_deref(), &sleeper.process) {
                Attempt::Blocked(at) => {
                    sleeper.blocking.store(at, Relaxed);
                    return false;
                }
                Attempt::Done => Ok(()),
                Attempt::Failed(error) => Err(error),
            };
        self.take_out(sleeper);
        sleeper.wake(outcome);
        true
    }

    fn settle_shared(&mut self) -> bool {
        let mut any = false;
        // Whoever changes something may make room for one that stands before it.
        'again: loop {
            let mut next = self.shared.front().cloned();
            while let Some(sleeper) = next {
                next = self.shared.after(sleeper.place.load(Relaxed)).cloned();
                if self.try_for(&sleeper) {
                    any = true;
                    if sleeper.ops.get().iter().any(|op| op.op != 0) {
                        continue 'again;
                    }
                }
            }
            break;
        }
        self.part();
        any
    }

    fn own_list(&mut self, op: Sembuf) -> &mut List<Arc<Sleeper>> {
        let sem = &mut self.sems[op.num as usize];
        if op.op == 0 {
            &mut sem.zero
        } else {
            &mut sem.grow
        }
    }

    /// Lets a sleeper stand and wait. `ENOMEM`.
    pub(crate) fn put_in(&mut self, sleeper: &Arc<Sleeper>) -> Result<()> {
        let several = sleeper.ops.get().len() != 1;
        if several && self.several == 0 {
            self.join().inspect_err(|_| self.part())?;
        }
        let shared = several || self.several != 0;
        let list = if shared {
            &mut self.shared
        } else {
            self.own_list(sleeper.ops.get()[0])
        };
        let place = list.push_back(sleeper.clone())?;
        sleeper.place.store(place, Relaxed);
        sleeper
            .home
            .store(if shared { IN_SHARED } else { IN_OWN }, Relaxed);
        self.several += usize::from(several);
        self.alone += usize::from(!shared);
        Ok(())
    }

    fn take_out(&mut self, sleeper: &Sleeper) {
        let place = sleeper.place.load(Relaxed);
        if sleeper.home.load(Relaxed) == IN_SHARED {
            drop(self.shared.remove(place));
            self.several -= usize::from(sleeper.ops.get().len() != 1);
        } else {
            drop(self.own_list(sleeper.ops.get()[0]).remove(place));
            self.alone -= 1;
        }
    }

    /// A sleeper gives up; what became of it if something did already.
    pub(crate) fn give_up(&mut self, sleeper: &Sleeper) -> Option<Result<()>> {
        let outcome = sleeper.outcome();
        if outcome.is_none() {
            self.take_out(sleeper);
            self.part();
        }
        outcome
    }

    /// Everybody stands in the one list from now on. `ENOMEM`.
    fn join(&mut self) -> Result<()> {
        if self.alone == 0 {
            return Ok(());
        }
        for at in 0..self.sems.len() {
            for zero in [true, false] {
                loop {
                    self.shared.reserve_one()?;
                    let sem = &mut self.sems[at];
                    let list = if zero { &mut sem.zero } else { &mut sem.grow };
                    let Some(sleeper) = list.pop_front() else {
                        break;
                    };
                    sleeper.home.store(IN_SHARED, Relaxed);
                    let place = self.shared.push_back(sleeper.clone())?;
                    sleeper.place.store(place, Relaxed);
                    self.alone -= 1;
                }
            }
        }
        Ok(())
    }

    /// Everybody goes back to the own lists when nobody waits for several; without memory they stay.
    fn part(&mut self) {
        while self.several == 0
            && let Some(sleeper) = self.shared.front().cloned()
        {
            let list = self.own_list(sleeper.ops.get()[0]);
            let Ok(place) = list.push_back(sleeper.clone()) else {
                return;
            };
            drop(self.shared.pop_front());
            self.alone += 1;
            sleeper.place.store(place, Relaxed);
            sleeper.home.store(IN_OWN, Relaxed);
        }
    }

    /// The set goes: everybody learns of it.
    pub(crate) fn expel(&mut self, why: Errno) {
        while let Some(sleeper) = self.shared.pop_front() {
            sleeper.wake(Err(why));
        }
        for sem in &mut self.sems {
            while let Some(sleeper) = sem.zero.pop_front().or_else(|| sem.grow.pop_front()) {
                sleeper.wake(Err(why));
            }
        }
    }

    /// How many wait for a semaphore: to be 0, or to grow.
    pub(crate) fn waiting(&self, num: usize, zero: bool) -> usize {
        let sem = &self.sems[num];
        let own = if zero { sem.zero.len() } else { sem.grow.len() };
        let here = |sleeper: &&Arc<Sleeper>| {
            let op = sleeper.ops.get()[sleeper.blocking.load(Relaxed)];
            op.num as usize == num && if zero { op.op == 0 } else { op.op < 0 }
        };
        own + self.shared.iter().filter(here).count()
    }
}

/// Notes what an operation that is to be undone changes; false: that is too much.
fn note(undo: Option<&Undo>, op: &Sembuf) -> bool {
    match undo.filter(|_| op.undone()) {
        Some(undo) => undo.add(op.num as usize, -i32::from(op.op)),
        None => true,
    }
}

fn take_back(undo: Option<&Undo>, op: &Sembuf) {
    if let Some(undo) = undo.filter(|_| op.undone()) {
        undo.add(op.num as usize, i32::from(op.op));
    }
}

#[cfg(test)]
mod tests;
