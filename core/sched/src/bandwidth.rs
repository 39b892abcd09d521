//! What real-time threads and those with deadlines may have together (sched(7), "Deadline scheduling"): deadlines are
//! granted as long as they fit into the part of all CPUs that real time has.
use crate::deadline::Deadline;
use crate::{rq, throttle};
use abi::{Errno, Result};
use core::sync::atomic::Ordering;
use sync::{LockClass, SpinIrqGuard, SpinLock, rank};

static CLASS: LockClass = LockClass::new("deadline-granted", rank::NONE);
/// What was granted, in [`runqueue::BANDWIDTH_UNIT`]s of one CPU. Who holds the lock decides who is of the class.
static GRANTED: SpinLock<u64> = SpinLock::new(&CLASS, 0);

/// See [`GRANTED`].
pub(crate) type Granted = SpinIrqGuard<'static, u64>;

pub(crate) fn lock() -> Granted {
    GRANTED.lock_irq()
}

fn of_all_cpus(runtime_us: i64, period_us: u64) -> Option<u64> {
    let runtime = u64::try_from(runtime_us).ok()?;
    Some(runqueue::bandwidth(runtime, period_us) * rq::ACTIVE.load().len() as u64)
}

/// Whether there is a limit at all (`sched_rt_runtime_us` is not -1).
pub(crate) fn is_limited() -> bool {
    throttle::runtime_us() >= 0
}

/// `own` gets `new` in place of what it had. `EBUSY`: then more would be granted than there is.
pub(crate) fn admit(granted: &mut Granted, own: &Deadline, new: u64) -> Result<()> {
    let had = own.granted.load(Ordering::Relaxed);
    let total = **granted - had + new;
    let most = of_all_cpus(throttle::runtime_us(), throttle::period_us());
    if new > had && most.is_some_and(|most| total > most) {
        return Err(Errno::EBUSY);
    }
    **granted = total;
    own.granted.store(new, Ordering::Relaxed);
    Ok(())
}

pub(crate) fn give_back(granted: &mut Granted, own: &Deadline) {
    **granted -= own.granted.swap(0, Ordering::Relaxed);
}

/// Sets what real-time threads get of a period, in microseconds; -1: all.
///
/// # Errors
/// `EINVAL`: less than -1, or more than the period. `EBUSY`: more was granted to threads with deadlines.
pub fn set_runtime_us(runtime: i64) -> Result<()> {
    throttle::check(runtime, throttle::period_us() as i64)?;
    limit(runtime, throttle::period_us())
}

/// Sets that period, in microseconds.
///
/// # Errors
/// `EINVAL`: 0, more than an `int` holds, or less than the runtime. `EBUSY`: as for the runtime.
pub fn set_period_us(period: i64) -> Result<()> {
    throttle::check(throttle::runtime_us(), period)?;
    limit(throttle::runtime_us(), period as u64)
}

fn limit(runtime: i64, period: u64) -> Result<()> {
    let granted = lock();
    if of_all_cpus(runtime, period).is_some_and(|most| most < *granted) {
        return Err(Errno::EBUSY);
    }
    throttle::set(runtime, period);
    Ok(())
}
