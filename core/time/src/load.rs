//! Load averages: exponentially damped counts of runnable and uninterruptible threads, sampled every 5 s.
//! Fixed point with 11 bits as in Linux' kernel/sched/loadavg.c, so that the figures decay alike.
use crate::NSEC_PER_SEC;
use core::sync::atomic::{AtomicU64, Ordering};

/// Bits after the point.
pub const FSHIFT: u32 = 11;
/// 1.0.
pub const FIXED_1: u64 = 1 << FSHIFT;
/// Between samples: 5 s and a tick, so that it does not fall in step with things done every 5 s.
const PERIOD_NS: u64 = 5 * NSEC_PER_SEC + crate::TICK_NS;
/// 1/exp(5 s/1 min), /5 min, /15 min.
const DECAY: [u64; 3] = [1884, 2014, 2037];

static AVENRUN: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
static NEXT: AtomicU64 = AtomicU64::new(PERIOD_NS);

/// Averages over 1, 5 and 15 minutes, in units of 1/2048.
pub fn averages() -> [u64; 3] {
    core::array::from_fn(|i| AVENRUN[i].load(Ordering::Relaxed))
}

/// An average as /proc/loadavg shows it: whole part and hundredths, rounded as Linux does.
#[must_use]
pub const fn whole_and_hundredths(average: u64) -> (u64, u64) {
    let rounded = average + FIXED_1 / 200;
    (
        rounded >> FSHIFT,
        ((rounded & (FIXED_1 - 1)) * 100) >> FSHIFT,
    )
}

/// Samples if it is time: `active` counts runnable and uninterruptible threads. Called from ticks of any CPU.
#[inline]
pub fn update(now_ns: u64, active: impl FnOnce() -> u64) {
    let due = NEXT.load(Ordering::Relaxed);
    if now_ns >= due {
        sample(now_ns, due, active());
    }
}

#[cold]
fn sample(now_ns: u64, due: u64, active: u64) {
    let missed = (now_ns - due) / PERIOD_NS;
    let next = due + (missed + 1) * PERIOD_NS;
    if NEXT
        .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
        .is_err()
    {
        return; // another CPU samples
    }
    for (average, decay) in AVENRUN.iter().zip(DECAY) {
        let mut value = average.load(Ordering::Relaxed);
        // No tick came because every CPU was idle: those samples count nobody.
        for _ in 0..missed.min(1000) {
            value = damp(value, decay, 0);
        }
        average.store(damp(value, decay, active * FIXED_1), Ordering::Relaxed);
    }
}

/// `a1 = a0 * e + a * (1 - e)`, rounded towards `active`.
const fn damp(load: u64, decay: u64, active: u64) -> u64 {
    let mut sum = load * decay + active * (FIXED_1 - decay);
    if active >= load {
        sum += FIXED_1 - 1;
    }
    sum / FIXED_1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averages_go_as_on_linux() {
        let mut now = PERIOD_NS;
        for _ in 0..12 {
            update(now, || 1);
            now += PERIOD_NS;
        }
        let one_minute = averages()[0];
        assert!(
            (60..=66).contains(&whole_and_hundredths(one_minute).1),
            "1 - 1/e after a minute"
        );
        update(now + 200 * PERIOD_NS, || 0);
        assert_eq!(averages()[0], 0);
        assert_eq!(whole_and_hundredths(FIXED_1 / 2), (0, 50));
        assert_eq!(whole_and_hundredths(FIXED_1 * 3 - 1), (3, 0));
    }
}
