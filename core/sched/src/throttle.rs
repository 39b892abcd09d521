//! The limit on real-time threads (sched(7), "Limiting the CPU usage of real-time and deadline processes"): on each CPU
//! they get `sched_rt_runtime_us` of every `sched_rt_period_us` while others wait. Unlike Linux' a CPU that has nothing
//! else to run goes on with them.
use abi::{Errno, Result};
use core::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

const NS_PER_US: u64 = 1000;
/// No limit, for the runtime.
const UNLIMITED: i64 = -1;

static PERIOD_US: AtomicU64 = AtomicU64::new(1_000_000);
static RUNTIME_US: AtomicI64 = AtomicI64::new(950_000);
static TOLD: AtomicBool = AtomicBool::new(false);

/// The period, in microseconds.
pub fn period_us() -> u64 {
    PERIOD_US.load(Ordering::Relaxed)
}

/// What real-time threads get of a period, in microseconds; -1: all.
pub fn runtime_us() -> i64 {
    RUNTIME_US.load(Ordering::Relaxed)
}

/// `EINVAL`: a period of 0 or more than an `int` holds, a runtime less than -1 or more than the period.
pub(crate) fn check(runtime: i64, period: i64) -> Result<()> {
    let periods = 1..=i64::from(i32::MAX);
    if periods.contains(&period) && (UNLIMITED..=period).contains(&runtime) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Sets runtime and period, which were checked.
pub(crate) fn set(runtime: i64, period: u64) {
    PERIOD_US.store(period, Ordering::Relaxed);
    RUNTIME_US.store(runtime, Ordering::Relaxed);
}

/// What the real-time threads of one CPU have had of the current period.
pub(crate) struct Budget {
    began_ns: u64,
    used_ns: u64,
    /// It is used up: others come first.
    spent: bool,
}

impl Budget {
    pub(crate) const fn new() -> Self {
        Self {
            began_ns: 0,
            used_ns: 0,
            spent: false,
        }
    }

    /// A real-time thread ran for `delta_ns` until now.
    #[cold]
    pub(crate) fn charge(&mut self, now_ns: u64, delta_ns: u64) {
        self.begin_period(now_ns);
        // What was used without a limit is no debt for the time after one is set.
        let Ok(limit) = u64::try_from(runtime_us()) else {
            return;
        };
        self.used_ns += delta_ns;
        if self.used_ns >= limit * NS_PER_US && !self.spent {
            self.spent = true;
            if !TOLD.swap(true, Ordering::Relaxed) {
                trace::pr_info!("sched: RT throttling activated");
            }
        }
    }

    /// Whether others come first.
    #[inline]
    pub(crate) fn is_spent(&mut self, now_ns: u64) -> bool {
        if self.spent {
            self.begin_period(now_ns);
        }
        self.spent
    }

    /// Starts the period that now lies in; each one that began pays for what was used before.
    fn begin_period(&mut self, now_ns: u64) {
        let period = period_us() * NS_PER_US;
        let begun = now_ns.saturating_sub(self.began_ns) / period;
        if begun != 0 {
            self.began_ns += begun * period;
            let each = u64::try_from(runtime_us()).map_or(u64::MAX, |us| us * NS_PER_US);
            self.used_ns = self.used_ns.saturating_sub(each.saturating_mul(begun));
            self.spent = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_pays_for_what_was_used() {
        const MS: u64 = 1_000_000;
        let mut budget = Budget::new();
        budget.charge(900 * MS, 900 * MS);
        assert!(!budget.is_spent(900 * MS));
        budget.charge(960 * MS, 60 * MS);
        assert!(budget.is_spent(960 * MS) && budget.is_spent(999 * MS));
        assert!(!budget.is_spent(1000 * MS));
        budget.charge(1940 * MS, 939 * MS);
        assert!(
            !budget.is_spent(1940 * MS),
            "10 ms of the last period's use were left"
        );
        budget.charge(1941 * MS, 2 * MS);
        assert!(budget.is_spent(1941 * MS));
        assert!(!budget.is_spent(60_000 * MS));
    }

    #[test]
    fn settings() {
        assert_eq!((period_us(), runtime_us()), (1_000_000, 950_000));
        for (runtime, period) in [
            (1_000_001, 1_000_000),
            (-2, 1_000_000),
            (0, 0),
            (950_000, 900_000),
            (1, 1 << 31),
        ] {
            assert_eq!(check(runtime, period), Err(Errno::EINVAL));
        }
        assert_eq!(check(-1, 1), Ok(()));
    }
}
