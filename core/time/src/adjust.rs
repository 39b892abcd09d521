//! Setting the time, at once or by and by: settimeofday(2), adjtimex(2). The discipline (`ntp`) is told of the seconds of
//! realtime when somebody asks; only while it has something to do second by second does a timer tell it at once.
//!
//! Specification: adjtimex(2), clock_settime(2).
use crate::ntp::Ntp;
use crate::{NSEC_PER_SEC, Restart, Timer, clock, machine, realtime_ns};
use abi::timex::{
    ADJ_ADJTIME, ADJ_FREQUENCY, ADJ_NANO, ADJ_OFFSET, ADJ_OFFSET_READONLY, ADJ_SETOFFSET, ADJ_TICK,
    Timex,
};
use abi::{Errno, Result};
use sync::{LockClass, Once, SpinLock, rank};

static CLASS: LockClass = LockClass::new("ntp", rank::TIMER_OWNER);
static NTP: SpinLock<Ntp> = SpinLock::new(&CLASS, Ntp::new());
/// Goes off when a second begins that the discipline has to know of at once.
static TIMER: Once<Timer> = Once::new();

/// Ticks (microseconds in a hundredth of a second) that may be set: a tenth more or less.
const TICKS: core::ops::RangeInclusive<i64> = 9_000..=11_000;
/// A scaled frequency has to fit 64 bits.
const MOST_FREQ: i64 = i64::MAX / (1000 << 16);

/// What adjtimex(2) needs to be allowed for.
///
/// # Errors
/// `EPERM`: it would change something and the caller `may_set` nothing; `EINVAL`: a mode or a value that there is not.
fn check(timex: &Timex, may_set: bool) -> Result<()> {
    let has = |mode| timex.modes & mode != 0;
    let changes = if has(ADJ_ADJTIME) {
        if !has(ADJ_OFFSET) {
            return Err(Errno::EINVAL);
        }
        !has(ADJ_OFFSET_READONLY)
    } else {
        timex.modes != 0
    };
    if (changes || has(ADJ_SETOFFSET)) && !may_set {
        return Err(Errno::EPERM);
    }
    let bad_tick = !has(ADJ_ADJTIME) && has(ADJ_TICK) && !TICKS.contains(&timex.tick);
    let unit = if has(ADJ_NANO) {
        NSEC_PER_SEC as i64
    } else {
        1_000_000
    };
    let bad_offset = has(ADJ_SETOFFSET) && !(0..unit).contains(&timex.time.tv_usec);
    let bad_freq = has(ADJ_FREQUENCY) && !(-MOST_FREQ..=MOST_FREQ).contains(&timex.freq);
    match bad_tick || bad_offset || bad_freq {
        true => Err(Errno::EINVAL),
        false => Ok(()),
    }
}

/// adjtimex(2): sets what `timex.modes` says, fills in how things stand, and gives the state of the clock. Who `may_set` has
/// the right to set the time.
///
/// # Errors
/// `EPERM`, `EINVAL`; `ENOMEM`.
pub fn adjtimex(timex: &mut Timex, may_set: bool) -> Result<usize> {
    check(timex, may_set)?;
    if timex.modes != 0 && TIMER.get().is_none() {
        let _ = TIMER.set(Timer::new(|_| on_second())?); // the first one stays
    }
    if timex.modes & ADJ_SETOFFSET != 0 {
        let nanos = match timex.modes & ADJ_NANO {
            0 => timex.time.tv_usec * 1000,
            _ => timex.time.tv_usec,
        };
        let by = i128::from(timex.time.tv_sec) * i128::from(NSEC_PER_SEC) + i128::from(nanos);
        let then = i128::from(realtime_ns()) + by;
        set_realtime_ns(u64::try_from(then).map_err(|_| Errno::EINVAL)?)?;
    }
    let mut ntp = NTP.lock_irq();
    let leapt = catch_up(&mut ntp);
    let state = ntp.adjust(timex, realtime_ns());
    let next = put_into_effect(&ntp);
    drop(ntp);
    if leapt {
        clock::tell_set();
    }
    if let (Some(at), Some(timer)) = (next, TIMER.get()) {
        timer.arm(at);
    }
    Ok(state as usize)
}

/// Sets the realtime clock and wakes who waits for that ([`clock::was_set`]). What slewed it ends.
///
/// # Errors
/// `EINVAL`: before the time of boot would be before the epoch.
pub fn set_realtime_ns(now_ns: u64) -> Result<()> {
    let mut ntp = NTP.lock_irq();
    clock::set_offset(now_ns)?;
    ntp.clear((now_ns / NSEC_PER_SEC) as i64);
    put_into_effect(&ntp);
    drop(ntp);
    clock::tell_set();
    Ok(())
}

/// A second begins.
fn on_second() -> Restart {
    let mut ntp = NTP.lock_irq();
    let leapt = catch_up(&mut ntp);
    let next = put_into_effect(&ntp);
    drop(ntp);
    if leapt {
        clock::tell_set();
    }
    next.map_or(Restart::No, Restart::At)
}

/// Tells the discipline of all seconds that have begun; whether the clock leapt.
fn catch_up(ntp: &mut Ntp) -> bool {
    let mut leapt = false;
    while let Some(leap) = ntp.next_second((realtime_ns() / NSEC_PER_SEC) as i64) {
        if leap != 0 {
            clock::leap(leap);
            leapt = true;
        }
    }
    leapt
}

/// Gives the clocks what the discipline has decided. When it has to hear of the next second, that is the monotonic time of it.
fn put_into_effect(ntp: &Ntp) -> Option<u64> {
    machine::steer(ntp.second_length());
    clock::set_tai(ntp.tai());
    let now = realtime_ns();
    let next = now - now % NSEC_PER_SEC + NSEC_PER_SEC;
    ntp.is_active()
        .then(|| clock::ClockId::Realtime.to_monotonic_ns(next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_is_checked() {
        let ask = |modes, may_set| {
            let mut timex = Timex {
                modes,
                tick: 10_000,
                ..Timex::default()
            };
            adjtimex(&mut timex, may_set)
        };
        assert_eq!(ask(0, false), Ok(5));
        assert_eq!(ask(ADJ_TICK, false), Err(Errno::EPERM));
        assert_eq!(ask(ADJ_TICK, true), Ok(5));
        assert_eq!(ask(ADJ_ADJTIME, true), Err(Errno::EINVAL));
        assert_eq!(ask(ADJ_ADJTIME | ADJ_OFFSET, false), Err(Errno::EPERM));
        let read = ADJ_ADJTIME | ADJ_OFFSET | ADJ_OFFSET_READONLY;
        assert_eq!(ask(read, false), Ok(5));
        let mut timex = Timex {
            modes: ADJ_TICK,
            tick: 8_999,
            ..Timex::default()
        };
        assert_eq!(adjtimex(&mut timex, true), Err(Errno::EINVAL));
    }
}
