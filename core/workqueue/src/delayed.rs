//! Work that a timer queues.
use crate::queue::Workqueue;
use crate::work::Work;
use abi::Result;
use alloc::sync::Arc;
use time::{Restart, Timer};

/// Work with a timer. Dropping it disarms the timer; work that is queued still runs.
pub struct DelayedWork {
    work: Arc<Work>,
    queue: Arc<Workqueue>,
    timer: Timer,
}

impl DelayedWork {
    /// Work that calls `call`, to be queued on `queue`.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn new<F>(queue: &Arc<Workqueue>, call: F) -> Result<Self>
    where
        F: Fn() + Send + Sync + 'static,
    {
        let work = Work::new(call)?;
        let (on_work, on_queue) = (Arc::clone(&work), Arc::clone(queue));
        let timer = Timer::new(move |_now| {
            on_queue.queue(&on_work);
            Restart::No
        })?;
        Ok(Self {
            work,
            queue: Arc::clone(queue),
            timer,
        })
    }

    /// Queues it in `ns`, from now; one that waits already is not put off: false.
    pub fn queue_in(&self, ns: u64) -> bool {
        if self.timer.is_armed() || self.work.is_busy() && ns == 0 {
            return false;
        }
        self.modify(ns);
        true
    }
    /// Queues it in `ns`, from now, instead of when it was to be (`mod_delayed_work`).
    pub fn modify(&self, ns: u64) {
        if ns == 0 {
            self.timer.try_cancel();
            self.queue.queue(&self.work);
        } else {
            self.timer.arm_in(ns);
        }
    }
    /// Disarms the timer; true if it was armed. Work that is queued or runs is not waited for.
    pub fn cancel(&self) -> bool {
        self.timer.cancel()
    }
    /// Disarms the timer and waits until the work neither waits nor runs. Sleeps.
    pub fn cancel_and_flush(&self) {
        self.timer.cancel();
        self.work.flush();
    }
    /// The work itself.
    pub fn work(&self) -> &Arc<Work> {
        &self.work
    }
}
