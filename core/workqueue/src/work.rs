//! One piece of work.
use crate::name::Name;
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use sync::{LockClass, SpinLock, WaitQueue, rank};

static LINK: LockClass = LockClass::new("work-link", rank::NONE);

/// What a queue has on its pools' lists and running; its works hold it, so that the last one can say that it was the last.
pub(crate) struct Account {
    pub(crate) name: Name,
    /// Works queued or running.
    in_flight: AtomicUsize,
    drained: WaitQueue,
}

impl Account {
    pub(crate) fn new(name: Name) -> Self {
        Self {
            name,
            in_flight: AtomicUsize::new(0),
            drained: WaitQueue::new(),
        }
    }

    pub(crate) fn one_more(&self) {
        self.in_flight.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn one_done(&self) {
        if self.in_flight.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.drained.wake_all();
        }
    }

    /// Waits until nothing is queued or runs. Sleeps.
    pub(crate) fn wait(&self) {
        self.drained
            .wait_event(|| self.in_flight.load(Ordering::SeqCst) == 0);
    }
}

/// It is queued: on a list, or set aside until the worker that runs it is done.
const PENDING: u8 = 1;
/// A worker runs it.
const RUNNING: u8 = 2;
/// It was taken off a list while it ran: its worker queues it anew.
const AGAIN: u8 = 4;

/// A function to be run by a worker.
pub struct Work {
    call: Box<dyn Fn() + Send + Sync>,
    /// One word, so that no two workers ever both think that it is theirs.
    state: AtomicU8,
    /// Whose it is while it is queued, and what is queued behind it.
    pub(crate) home: SpinLock<Option<Arc<Account>>>,
    pub(crate) next: SpinLock<Option<Arc<Work>>>,
    done: WaitQueue,
}

/// What became of a work that was taken off a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    /// It ran.
    Done,
    /// It ran, and was taken off a list meanwhile: that queueing is to be pushed.
    Again,
    /// It runs elsewhere, so this queueing waits for that worker, which pushes it.
    SetAside,
}

impl Work {
    /// Work that calls `call`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new<F: Fn() + Send + Sync + 'static>(call: F) -> Result<Arc<Self>> {
        let call = kmem::try_box(call)? as Box<dyn Fn() + Send + Sync>;
        kmem::try_arc(Self {
            call,
            state: AtomicU8::new(0),
            home: SpinLock::new(&LINK, None),
            next: SpinLock::new(&LINK, None),
            done: WaitQueue::new(),
        })
    }

    /// Whether it was queued on the queue of that account last.
    pub(crate) fn is_of(&self, queue: &Arc<Account>) -> bool {
        let home = self.home.lock_irq();
        home.as_ref().is_some_and(|home| Arc::ptr_eq(home, queue))
    }

    fn is(&self, bits: u8) -> bool {
        self.state.load(Ordering::Acquire) & bits != 0
    }

    /// Whether it is queued or runs, at this moment.
    pub fn is_busy(&self) -> bool {
        self.is(PENDING | RUNNING)
    }
    /// Whether it is queued, at this moment.
    pub fn is_queued(&self) -> bool {
        self.is(PENDING)
    }
    /// Whether it runs, at this moment.
    pub fn is_running(&self) -> bool {
        self.is(RUNNING)
    }
    /// Waits until it is neither queued nor runs. Not from itself. Sleeps.
    pub fn flush(&self) {
        self.done.wait_event(|| !self.is_busy());
    }

    /// Claims it for queueing; false if it is queued already.
    pub(crate) fn claim(&self) -> bool {
        self.state.fetch_or(PENDING, Ordering::AcqRel) & PENDING == 0
    }

    /// Changes the state in one step; what it was before.
    fn change(&self, step: impl Fn(u8) -> u8) -> u8 {
        let step = |state| Some(step(state));
        let changed = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, step);
        changed.unwrap_or_else(|same| same)
    }

    /// Runs it, taken off a list.
    pub(crate) fn run(&self) -> Ran {
        let before = self.change(|state| match state & RUNNING {
            0 => state & !PENDING | RUNNING,
            _ => state | AGAIN,
        });
        if before & RUNNING != 0 {
            return Ran::SetAside;
        }
        (self.call)();
        let before = self.change(|state| state & !(RUNNING | AGAIN));
        if before & AGAIN != 0 {
            return Ran::Again;
        }
        self.done.wake_all();
        Ran::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicU32;

    /// A work that is queued elsewhere while it runs: the second queueing is neither lost nor run beside the first.
    #[test]
    fn a_work_that_runs_is_set_aside() {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        static THIS: sync::Once<Arc<Work>> = sync::Once::new();
        let work = Work::new(|| {
            if RUNS.fetch_add(1, Ordering::Relaxed) == 0 {
                let work = THIS.get().expect("set below");
                assert!(work.claim() && !work.claim());
                assert_eq!(work.run(), Ran::SetAside);
                assert!(work.is_queued() && work.is_running());
            }
        })
        .expect("memory");
        assert!(THIS.set(work.clone()).is_ok());
        assert!(work.claim());
        assert_eq!(work.run(), Ran::Again);
        assert!(work.is_queued() && !work.is_running() && !work.claim());
        assert_eq!(work.run(), Ran::Done);
        assert!(!work.is_busy());
        assert_eq!(RUNS.load(Ordering::Relaxed), 2);
    }
}
