//! A reservation of the deadline class: so much run time by a deadline in every period, and no more (sched(7); "Integrating
//! Multimedia Applications in Hard Real-Time Systems", Abeni and Buttazzo 1998: a constant bandwidth server).
use core::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// The level of who has a deadline: above all levels of real time.
pub const DEADLINE_LEVEL: u8 = 100;

/// One CPU, whole.
pub const BANDWIDTH_UNIT: u64 = 1 << 20;

/// What `runtime` in every `period` is of a CPU, in [`BANDWIDTH_UNIT`]s.
#[must_use]
pub const fn bandwidth(runtime: u64, period: u64) -> u64 {
    if period == 0 {
        return 0;
    }
    (runtime as u128 * BANDWIDTH_UNIT as u128 / period as u128) as u64
}

/// It has nothing left until its next period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held;

/// The reservation. Its fields are atomics only so that it can be shared: whoever holds the run queue's lock writes them.
#[derive(Debug, Default)]
pub struct Reservation {
    runtime: AtomicU64,
    deadline: AtomicU64,
    period: AtomicU64,
    /// What is left of the runtime; below 0 is a debt.
    left: AtomicI64,
    /// When that has to be had, on the clock.
    due: AtomicU64,
}

impl Reservation {
    /// Of nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            runtime: AtomicU64::new(0),
            deadline: AtomicU64::new(0),
            period: AtomicU64::new(0),
            left: AtomicI64::new(0),
            due: AtomicU64::new(0),
        }
    }

    /// Runtime, relative deadline and period, ns.
    pub fn wanted(&self) -> (u64, u64, u64) {
        (
            self.runtime.load(Relaxed),
            self.deadline.load(Relaxed),
            self.period.load(Relaxed),
        )
    }

    /// What is asked for from the next period on.
    pub fn ask(&self, (runtime, deadline, period): (u64, u64, u64)) {
        self.runtime.store(runtime, Relaxed);
        self.deadline.store(deadline, Relaxed);
        self.period.store(period, Relaxed);
    }

    /// What is left of the runtime, below 0 if it is a debt, and when that has to be had.
    pub fn left_until(&self) -> (i64, u64) {
        (self.left.load(Relaxed), self.due.load(Relaxed))
    }

    /// A period begins now.
    pub fn start_at(&self, now: u64) {
        let (runtime, deadline, _) = self.wanted();
        self.left.store(runtime as i64, Relaxed);
        self.due.store(now + deadline, Relaxed);
    }

    /// When the next period begins.
    pub fn next_period_ns(&self) -> u64 {
        let (_, deadline, period) = self.wanted();
        (self.due.load(Relaxed) + period).saturating_sub(deadline)
    }

    /// The thread wakes up. It goes on with what it had if it then keeps to its share, and begins anew if it does not: with a
    /// deadline shorter than the period, when the next one begins. It pays a debt first.
    pub fn wake(&self, now: u64) {
        let (runtime, deadline, period) = self.wanted();
        let (left, due) = (self.left.load(Relaxed), self.due.load(Relaxed));
        if due <= now {
            if deadline < period && now < self.next_period_ns() {
                self.give_up();
            } else if left < 0 {
                self.replenish(now);
            } else {
                self.start_at(now);
            }
            return;
        }
        // left / (due - now) > runtime / deadline
        let fast =
            i128::from(left) * i128::from(deadline) > i128::from(due - now) * i128::from(runtime);
        if fast && deadline == period {
            self.start_at(now);
        } else if fast {
            // So much as its share is until the deadline.
            let most = u128::from(due - now) * u128::from(runtime) / u128::from(deadline);
            self.left.store(most as i64, Relaxed);
        }
    }

    /// A new period's runtime, less what is owed; of periods that passed meanwhile nothing is left.
    pub fn replenish(&self, now: u64) {
        let (runtime, _, period) = self.wanted();
        if period == 0 {
            return;
        }
        let (mut left, mut due) = (self.left.load(Relaxed), self.due.load(Relaxed));
        while left <= 0 {
            left += runtime.max(1) as i64;
            due += period;
        }
        self.left.store(left, Relaxed);
        self.due.store(due, Relaxed);
        if due <= now {
            self.start_at(now);
        }
    }

    /// It ran for so long.
    pub fn charge(&self, delta: u64) {
        self.left.store(
            self.left.load(Relaxed).saturating_sub(delta as i64),
            Relaxed,
        );
    }

    /// It needs no more of this period (sched_yield(2)).
    pub fn give_up(&self) {
        self.left.store(self.left.load(Relaxed).min(0), Relaxed);
    }

    /// Whether nothing is left.
    pub fn is_used_up(&self) -> bool {
        self.left.load(Relaxed) <= 0
    }

    /// By when it has to be done, if it may run. Held back is who has nothing left; but if its next period has begun already,
    /// that is what it gets.
    pub fn due(&self, now: u64) -> Result<u64, Held> {
        if self.is_used_up() {
            if self.next_period_ns() > now {
                return Err(Held);
            }
            self.replenish(now);
        }
        Ok(self.due.load(Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    const MS: u64 = 1_000_000;

    fn server() -> Reservation {
        let server = Reservation::new();
        server.ask((2 * MS, 10 * MS, 10 * MS));
        server.start_at(0);
        server
    }

    #[test]
    fn never_has_more_than_its_share() {
        let server = server();
        assert_eq!(server.due(0), Ok(10 * MS));
        server.charge(2 * MS);
        assert_eq!(server.due(2 * MS), Err(Held));
        assert_eq!(server.next_period_ns(), 10 * MS);
        server.replenish(10 * MS);
        assert_eq!(server.due(10 * MS), Ok(20 * MS));
        // A tick found it late: the next period pays.
        server.charge(5 * MS);
        assert_eq!(server.due(15 * MS), Err(Held));
        server.replenish(20 * MS);
        assert_eq!(
            server.due(20 * MS),
            Ok(40 * MS),
            "two periods on, 1 ms of 4 left"
        );
        server.charge(MS);
        assert_eq!(server.due(21 * MS), Err(Held));
    }

    #[test]
    fn who_slept_gets_no_more_than_its_share() {
        let server = server();
        server.charge(MS);
        server.wake(2 * MS);
        assert_eq!(
            server.due(2 * MS),
            Ok(10 * MS),
            "1 of 8 ms is less than a fifth"
        );
        server.wake(9 * MS);
        assert_eq!(server.due(9 * MS), Ok(19 * MS), "1 of 1 ms is more");
        server.wake(50 * MS);
        assert_eq!(server.due(50 * MS), Ok(60 * MS));
        server.give_up();
        assert_eq!(server.due(51 * MS), Err(Held));
        server.wake(52 * MS);
        assert_eq!(server.due(52 * MS), Err(Held), "sleeping does not help");
        assert_eq!(server.due(60 * MS), Ok(70 * MS));
    }

    #[test]
    fn a_deadline_before_the_period_ends() {
        let server = Reservation::new();
        server.ask((MS, 2 * MS, 10 * MS));
        server.start_at(0);
        server.wake(5 * MS);
        assert_eq!(
            server.due(5 * MS),
            Err(Held),
            "its time in this period is over"
        );
        assert_eq!(server.next_period_ns(), 10 * MS);
        server.replenish(10 * MS);
        assert_eq!(server.due(10 * MS), Ok(12 * MS));
    }

    #[test]
    fn shares_of_a_cpu() {
        assert_eq!(bandwidth(950_000, 1_000_000), 996_147);
        assert_eq!(bandwidth(7, 7), BANDWIDTH_UNIT);
        assert_eq!(bandwidth(1, 0), 0);
    }
}
