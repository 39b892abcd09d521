//! Threads with deadlines: how they enter and leave the class, and what the scheduler asks of them.
//!
//! Lock order: what is granted (`bandwidth`) → run queue.
use crate::bandwidth;
use crate::deadline::{Deadline, Owner, Wanted};
use crate::rq;
use crate::thread::Thread;
use crate::wake::activate;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering;
use runqueue::{DEADLINE_LEVEL, Enqueue, Held, Policy, Share};

impl Owner for Thread {
    fn released(&self) {
        if let Some(me) = self.named.get() {
            activate(me, false, Enqueue::Moved);
        }
    }
}

impl Thread {
    fn deadline(&self) -> Option<&Arc<Deadline>> {
        self.deadline.get().filter(|own| own.is_active())
    }

    /// What it asked for, if it is of the deadline class.
    pub fn wanted(&self) -> Option<Wanted> {
        self.deadline().map(|own| own.wanted())
    }

    /// What is left to it of its runtime, and when it has to have had that, on the monotonic clock; if it is of the class.
    pub fn left_until(&self) -> Option<(i64, u64)> {
        self.deadline().map(|own| own.reservation.left_until())
    }

    /// It becomes one of the deadline class, or changes what it asks for. Permissions are the caller's business.
    ///
    /// # Errors
    /// `EPERM`: it may not run on every CPU. `EBUSY`: there is not so much left. `ENOMEM`. `ESRCH`: it ends. `EINVAL`: see
    /// [`Wanted::check`].
    pub fn set_deadline(&self, wanted: Wanted) -> Result<()> {
        let wanted = wanted.check()?;
        let active = rq::ACTIVE.load();
        if bandwidth::is_limited() && self.allowed().and(active) != active {
            return Err(Errno::EPERM);
        }
        if self.deadline.get().is_none() {
            let owner: Weak<dyn Owner> = self.this.clone();
            let _ = self.deadline.set(kmem::try_arc(Deadline::new(owner)?)?); // another was as fast
        }
        let own = self.deadline.get().ok_or(Errno::ENOMEM)?;
        let mut granted = bandwidth::lock();
        if self.ending.load(Ordering::SeqCst) {
            return Err(Errno::ESRCH);
        }
        bandwidth::admit(&mut granted, own, wanted.bandwidth())?;
        self.change_share(|thread| {
            own.begin(&wanted, time::monotonic_ns());
            thread.boost.give(Share {
                policy: Policy::Deadline,
                rt_level: DEADLINE_LEVEL,
                ..thread.boost.own(thread.entity.share())
            })
        });
        drop(granted);
        Ok(())
    }

    /// Its nice value changes, and it stays of the class if it is.
    pub(crate) fn set_nice_only(&self, nice: i8) {
        self.change_share(|thread| {
            let own = thread.boost.own(thread.entity.share());
            thread.boost.give(Share { nice, ..own })
        });
    }

    /// It is given another policy. The run queue is locked; [`Self::settle_deadline`] has to follow.
    pub(crate) fn deactivate(&self) {
        if let Some(own) = self.deadline.get() {
            own.set_active(false);
        }
    }

    /// It may be of the class no more: then what it had is free, and nothing holds it back.
    #[cold]
    pub(crate) fn settle_deadline(&self) {
        let Some(own) = self.deadline.get() else {
            return;
        };
        let mut granted = bandwidth::lock();
        if own.is_active() {
            return;
        }
        bandwidth::give_back(&mut granted, own);
        drop(granted);
        self.release();
    }

    /// It ends.
    #[cold]
    pub(crate) fn end_deadline(&self) {
        self.deactivate();
        self.settle_deadline();
    }

    /// If it is held back, it is no longer.
    #[cold]
    pub(crate) fn release(&self) {
        if let Some(own) = self.deadline.get()
            && own.release()
        {
            own.timer.cancel();
            self.released();
        }
    }

    /// Whether one with a deadline waits for it: nothing holds it back meanwhile.
    fn is_urged(&self) -> bool {
        self.boost.level() >= DEADLINE_LEVEL
    }

    /// It can run and has nothing left: the timer queues it when its next runtime begins. No lock is held.
    #[cold]
    pub(crate) fn hold_back(&self) {
        let Some(own) = self.deadline.get() else {
            return self.released();
        };
        own.hold();
        time::timer::arm(own.clone(), own.reservation.next_period_ns());
        if !own.is_active() || self.is_urged() {
            self.release();
        }
    }

    /// When it has to be done, if it may run now. The lock of the queue that it is put into is held.
    #[cold]
    pub(crate) fn due(&self, how: Enqueue) -> core::result::Result<u64, Held> {
        // One without a reservation has inherited its level.
        let Some(own) = self.deadline() else {
            return Ok(0);
        };
        let now = time::monotonic_ns();
        match how {
            Enqueue::Wakeup | Enqueue::New => own.reservation.wake(now),
            Enqueue::Yield => own.reservation.give_up(),
            Enqueue::Preempted | Enqueue::Expired | Enqueue::Moved => {}
        }
        if self.is_urged() && own.reservation.is_used_up() {
            own.reservation.replenish(now);
        }
        own.reservation.due(now)
    }

    /// It ran for so long.
    pub(crate) fn charge_deadline(&self, delta_ns: u64) {
        if let Some(own) = self.deadline() {
            own.reservation.charge(delta_ns);
        }
    }

    /// Whether it runs and has nothing left.
    #[cold]
    pub(crate) fn has_used_up(&self) -> bool {
        self.deadline()
            .is_some_and(|own| own.reservation.is_used_up())
    }

    /// It is told that it has used its time up, if it asked for that. From the tick, no lock held.
    #[cold]
    pub(crate) fn tell_overrun(&self) {
        if self.wanted().is_some_and(|wanted| wanted.tells)
            && let Some(data) = self.data()
        {
            data.overran();
        }
    }

    /// Whether it may have children: not with a deadline that these could not have too (sched(7)).
    pub fn may_fork(&self) -> bool {
        self.deadline.get().is_none()
            || self.deadline().is_none()
            || self.reset_on_fork.load(Ordering::Relaxed)
    }
}
