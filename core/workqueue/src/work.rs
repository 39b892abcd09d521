//! One piece of work.
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use sync::{LockClass, SpinLock, WaitQueue, rank};

static LINK: LockClass = LockClass::new("work-link", rank::NONE);

/// What a queue has on its pools' lists and running; its works hold it, so that the last one can say that it was the last.
#[derive(Default)]
pub(crate) struct Account {
    /// Works queued or running.
    in_flight: AtomicUsize,
    drained: WaitQueue,
}

impl Account {
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

/// A function to be run by a worker.
pub struct Work {
    call: Box<dyn Fn() + Send + Sync>,
    /// It is queued.
    pending: AtomicBool,
    running: AtomicBool,
    /// It was queued again while it ran: its worker queues it anew.
    again: AtomicBool,
    /// Whose it is while it is queued, and what is queued behind it.
    pub(crate) home: SpinLock<Option<Arc<Account>>>,
    pub(crate) next: SpinLock<Option<Arc<Work>>>,
    done: WaitQueue,
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
            pending: AtomicBool::new(false),
            running: AtomicBool::new(false),
            again: AtomicBool::new(false),
            home: SpinLock::new(&LINK, None),
            next: SpinLock::new(&LINK, None),
            done: WaitQueue::new(),
        })
    }

    /// Whether it is queued or runs, at this moment.
    pub fn is_busy(&self) -> bool {
        self.pending.load(Ordering::Acquire) || self.running.load(Ordering::Acquire)
    }
    /// Whether it is queued, at this moment.
    pub fn is_queued(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }
    /// Whether it runs, at this moment.
    pub fn is_running(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }
    /// Waits until it is neither queued nor runs. Not from itself. Sleeps.
    pub fn flush(&self) {
        self.done.wait_event(|| !self.is_busy());
    }

    /// Claims it for queueing; false if it is queued already.
    pub(crate) fn claim(&self) -> bool {
        !self.pending.swap(true, Ordering::AcqRel)
    }

    /// Runs it. Gives it back if it must be queued again: it was queued while it ran.
    pub(crate) fn run(self: Arc<Self>) -> Option<Arc<Self>> {
        if self.running.swap(true, Ordering::AcqRel) {
            self.again.store(true, Ordering::Release);
            // The worker that runs it may have missed the mark by now.
            if self.running.swap(true, Ordering::AcqRel) {
                return None;
            }
            self.again.store(false, Ordering::Relaxed);
        }
        self.pending.store(false, Ordering::Release);
        (self.call)();
        self.running.store(false, Ordering::Release);
        if self.again.swap(false, Ordering::AcqRel) {
            return Some(self);
        }
        self.done.wake_all();
        None
    }
}
