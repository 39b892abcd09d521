//! Changing a thread's claim to CPUs.
use crate::bandwidth;
use crate::claim::SchedAttr;
use crate::mask::CpuSet;
use crate::rq::{self, Rq};
use crate::thread::Thread;
use crate::wake::{activate, resched_cpu};
use abi::{Errno, Result};
use core::sync::atomic::Ordering;
use runqueue::{DEADLINE_LEVEL, Enqueue, Policy, Share};
use sync::SpinGuard;
use sync::irq_disable;

impl Thread {
    /// Its claim as it is.
    pub fn attr(&self) -> SchedAttr {
        SchedAttr {
            share: self.boost.own(self.entity.share()),
            allowed: self.allowed.load(),
            reset_on_fork: self.reset_on_fork.load(Ordering::Relaxed),
        }
    }

    /// Sets policy, nice value and level; it takes effect at once. Permissions are the caller's business. With the policy
    /// `Deadline` only the nice value is set, whatever its policy is: [`Self::set_deadline`] gives that policy.
    ///
    /// # Errors
    /// `EINVAL`: a level that does not fit the policy, or a nice value out of range.
    pub fn set_share(&self, share: Share) -> Result<()> {
        let level_fits = match share.policy {
            Policy::Fifo | Policy::Rr => (1..=99).contains(&share.rt_level),
            Policy::Deadline => share.rt_level == DEADLINE_LEVEL,
            _ => share.rt_level == 0,
        };
        if !level_fits || !(-20..=19).contains(&share.nice) {
            return Err(Errno::EINVAL);
        }
        if share.policy == Policy::Deadline {
            self.set_nice_only(share.nice);
            return Ok(());
        }
        self.change_share(|thread| {
            thread.deactivate();
            thread.boost.give(share)
        });
        self.settle_deadline();
        Ok(())
    }

    /// Runs from now on by what `share` answers, which is asked with the run queue locked.
    pub(crate) fn change_share(&self, share: impl FnOnce(&Self) -> Share) {
        let irqs_off = irq_disable();
        let (cpu, mut rq) = self.lock_queue();
        rq.charge(time::monotonic_ns());
        let share = share(self);
        let queued = rq.queue.take_where(|other| core::ptr::eq(*other, self));
        if self.entity.rt_level() >= DEADLINE_LEVEL && share.rt_level < DEADLINE_LEVEL {
            // What it has as its virtual time was a deadline.
            self.entity
                .rebase(self.entity.vruntime(), rq.queue.min_vruntime());
        }
        self.entity.set_share(share);
        let held = queued.filter(|me| !rq.put(cpu, me, Enqueue::Moved));
        rq.publish(cpu);
        let runs = rq
            .running
            .is_some_and(|running| core::ptr::eq(running, self));
        if runs {
            rq::shared(cpu)
                .rt_level
                .store(share.rt_level, Ordering::Relaxed);
        }
        drop(rq);
        if let Some(me) = held {
            me.hold_back();
        }
        resched_cpu(cpu);
        drop(irqs_off);
    }

    /// The claim by which it runs: its own, or what it inherits.
    pub fn effective_share(&self) -> Share {
        self.entity.share()
    }

    /// Lets it inherit a level (1 to 99 of real time, 100 from one with a deadline), or nothing more (0); it takes effect
    /// at once. With the last it is not held back, and has to keep to no reservation.
    pub fn inherit(&self, level: u8) {
        if self.boost.level() != level {
            self.change_share(|thread| thread.boost.inherit(thread.entity.share(), level));
            if level >= DEADLINE_LEVEL {
                self.release();
            }
        }
    }

    /// Whether it takes over nothing more that others wait for, since it is ending.
    pub fn is_closed(&self) -> bool {
        self.boost.is_closed()
    }

    /// It ends, or (`false`) goes on with another program.
    pub fn set_closed(&self, closed: bool) {
        self.boost.close(closed);
    }

    /// Sets whether children start with the default claim.
    pub fn set_reset_on_fork(&self, reset: bool) {
        self.reset_on_fork.store(reset, Ordering::Relaxed);
    }

    /// The CPUs it may run on.
    pub fn allowed(&self) -> CpuSet {
        self.allowed.load()
    }

    /// Sets the CPUs it may run on; if it is elsewhere it moves.
    ///
    /// # Errors
    /// `EINVAL`: none of them is active. `EBUSY`: it has a deadline, and was admitted for all of them.
    pub fn set_allowed(&self, allowed: CpuSet) -> Result<()> {
        let allowed = allowed.and(CpuSet::ALL);
        let active = rq::ACTIVE.load();
        if self.wanted().is_some() && bandwidth::is_limited() && allowed.and(active) != active {
            return Err(Errno::EBUSY);
        }
        if allowed.and(active).is_empty() {
            return Err(Errno::EINVAL);
        }
        self.allowed.store(allowed);
        let irqs_off = irq_disable();
        let (cpu, mut rq) = self.lock_queue();
        if allowed.has(cpu) {
            return Ok(());
        }
        let queued = rq.queue.take_where(|other| core::ptr::eq(*other, self));
        let stands = self.on_cpu.load(Ordering::Relaxed);
        match queued {
            // Queued while it still leaves this CPU's stack: back, and the CPU will see to it when it picks it.
            Some(me) if stands => {
                let queued = rq.put(cpu, me, Enqueue::Moved);
                debug_assert!(queued, "who waits in a queue is not held back");
            }
            _ => {}
        }
        rq.publish(cpu);
        drop(rq);
        match queued {
            Some(me) if !stands => activate(me, false, Enqueue::Moved),
            _ => resched_cpu(cpu),
        }
        drop(irqs_off);
        Ok(())
    }

    /// How long its turn is now: sched_rr_get_interval(2).
    pub fn turn_ns(&self) -> u64 {
        let _irqs_off = irq_disable();
        self.lock_queue().1.queue.turn_ns(&self.entity)
    }

    /// Locks the queue of the CPU it belongs to; interrupts are off.
    fn lock_queue(&self) -> (usize, SpinGuard<'static, Rq>) {
        loop {
            let cpu = self.cpu.load(Ordering::Relaxed);
            let rq = rq::of(cpu).lock();
            if self.cpu.load(Ordering::Relaxed) == cpu {
                return (cpu, rq);
            }
        }
    }
}
