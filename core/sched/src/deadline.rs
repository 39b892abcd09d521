//! What a thread keeps of the deadline class, and the timer that ends its being held back.
//!
//! A thread that leaves the CPU with nothing left, or wakes up so, is put on no queue: the timer queues it when its next
//! runtime begins. What it used too much, since a tick finds that late, it pays for then.
use abi::{Errno, Result};
use alloc::sync::Weak;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use runqueue::Reservation;
use time::{Restart, TimerNode, TimerTarget};

/// Whose reservation it is.
pub(crate) trait Owner: Send + Sync {
    /// It is held back no longer: it goes on a queue.
    fn released(&self);
}

/// What a thread has, or had, of the deadline class.
pub(crate) struct Deadline {
    pub(crate) reservation: Reservation,
    /// It is of the class; else all this is a former one's. Written under the run queue's lock.
    active: AtomicBool,
    /// Its part of what is granted; written with that locked.
    pub(crate) granted: AtomicU64,
    /// It could run, but the timer queues it.
    waits: AtomicBool,
    /// It wants to hear of it when it has had its runtime (`SCHED_FLAG_DL_OVERRUN`).
    tells: AtomicBool,
    pub(crate) timer: TimerNode,
    owner: Weak<dyn Owner>,
}

/// What a thread asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// So much CPU time, ns.
    pub runtime_ns: u64,
    /// Within so much time from when it could begin, ns.
    pub deadline_ns: u64,
    /// Every so often, ns; 0: as often as the deadline says.
    pub period_ns: u64,
    /// SIGXCPU when the time is used up.
    pub tells: bool,
}

impl Wanted {
    /// With its period.
    ///
    /// # Errors
    /// `EINVAL` (sched_setattr(2)): not runtime <= deadline <= period, a runtime below 1024 ns, a period below 100 us or
    /// above 4194304 us.
    pub fn check(mut self) -> Result<Self> {
        const LEAST_NS: u64 = 1 << 10;
        const PERIODS_NS: core::ops::RangeInclusive<u64> = 100_000..=(1 << 22) * 1000;
        if self.period_ns == 0 {
            self.period_ns = self.deadline_ns;
        }
        let in_order = LEAST_NS <= self.runtime_ns
            && self.runtime_ns <= self.deadline_ns
            && self.deadline_ns <= self.period_ns;
        if in_order && PERIODS_NS.contains(&self.period_ns) {
            Ok(self)
        } else {
            Err(Errno::EINVAL)
        }
    }

    pub(crate) fn bandwidth(&self) -> u64 {
        runqueue::bandwidth(self.runtime_ns, self.period_ns)
    }
}

impl Deadline {
    /// Of nothing yet. `ENOMEM`.
    pub(crate) fn new(owner: Weak<dyn Owner>) -> Result<Self> {
        Ok(Self {
            reservation: Reservation::new(),
            active: AtomicBool::new(false),
            granted: AtomicU64::new(0),
            waits: AtomicBool::new(false),
            tells: AtomicBool::new(false),
            timer: TimerNode::new()?,
            owner,
        })
    }

    pub(crate) fn is_active(&self) -> bool {
        self.active.load(Ordering::SeqCst)
    }
    pub(crate) fn set_active(&self, active: bool) {
        self.active.store(active, Ordering::SeqCst);
    }

    /// Its owner runs by `wanted` from now on. The run queue is locked. Who has a reservation already gets no new runtime by
    /// that: the next period is as it asks.
    pub(crate) fn begin(&self, wanted: &Wanted, now_ns: u64) {
        self.tells.store(wanted.tells, Ordering::Relaxed);
        let numbers = (wanted.runtime_ns, wanted.deadline_ns, wanted.period_ns);
        self.reservation.ask(numbers);
        if !self.is_active() {
            self.reservation.start_at(now_ns);
            self.set_active(true);
        }
    }

    pub(crate) fn wanted(&self) -> Wanted {
        let (runtime_ns, deadline_ns, period_ns) = self.reservation.wanted();
        Wanted {
            runtime_ns,
            deadline_ns,
            period_ns,
            tells: self.tells.load(Ordering::Relaxed),
        }
    }

    /// Its owner is held back from here until [`Self::release`] answers true. A full barrier: what may release it is looked
    /// at afterwards.
    pub(crate) fn hold(&self) {
        self.waits.swap(true, Ordering::SeqCst);
    }

    /// Whether it was held back: who gets `true` puts it on a queue.
    pub(crate) fn release(&self) -> bool {
        self.waits.swap(false, Ordering::SeqCst)
    }
}

impl TimerTarget for Deadline {
    fn node(&self) -> &TimerNode {
        &self.timer
    }
    fn expired(&self, _due_ns: u64, _now_ns: u64) -> Restart {
        if self.release()
            && let Some(owner) = self.owner.upgrade()
        {
            owner.released();
        }
        Restart::No
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(runtime_ns: u64, deadline_ns: u64, period_ns: u64) -> Wanted {
        Wanted {
            runtime_ns,
            deadline_ns,
            period_ns,
            tells: false,
        }
    }

    #[test]
    fn what_may_be_asked_for() {
        const MS: u64 = 1_000_000;
        assert_eq!(
            wanted(MS, 10 * MS, 0).check(),
            Ok(wanted(MS, 10 * MS, 10 * MS))
        );
        for (runtime, deadline, period) in [
            (0, MS, MS),
            (1023, MS, MS),
            (2 * MS, MS, 4 * MS),
            (MS, 3 * MS, 2 * MS),
            (2000, 99_999, 99_999),
            (MS, 4_194_304_001, 4_194_304_001),
            (1 << 63, 1 << 63, 1 << 63),
        ] {
            let asked = wanted(runtime, deadline, period);
            assert_eq!(asked.check(), Err(Errno::EINVAL), "{asked:?}");
        }
        assert!(wanted(1024, 100_000, 100_000).check().is_ok());
        assert!(wanted(MS, 4_194_304_000, 4_194_304_000).check().is_ok());
    }
}
