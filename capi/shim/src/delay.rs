//! `linux/delay.h` and `linux/jiffies.h`.
use crate::enter::{landing_is_alive, misuse, must_sleep};
use crate::export::exports;
use crate::park;
use sync::WaitMode;

/// A place where nobody is ever woken but by time and by the end of the module.
static NOWHERE: u32 = 0;

/// Sleeps; the nanoseconds that were left when a signal came.
fn sleep(ns: u64, mode: WaitMode) -> u64 {
    must_sleep("a sleep");
    let until = time::monotonic_ns().saturating_add(ns);
    let waited = park::wait((&raw const NOWHERE) as usize, mode, Some(until), || {
        (!landing_is_alive()).then_some(())
    });
    if waited.is_ok() {
        misuse("it slept while it crashed elsewhere");
    }
    until.saturating_sub(time::monotonic_ns())
}

extern "C" fn msleep(ms: u32) {
    sleep(u64::from(ms) * 1_000_000, WaitMode::Uninterruptible);
}

/// The milliseconds that were left.
extern "C" fn msleep_interruptible(ms: u32) -> u64 {
    sleep(u64::from(ms) * 1_000_000, WaitMode::Interruptible).div_ceil(1_000_000)
}

extern "C" fn usleep_range_state(least: u64, _most: u64, state: u32) {
    let mode = match state {
        1 => WaitMode::Interruptible,
        _ => WaitMode::Uninterruptible,
    };
    sleep(least.saturating_mul(1000), mode);
}

fn spin(ns: u64) {
    let until = hal::clock::now_ns().saturating_add(ns);
    crate::watch::spin_until(|| hal::clock::now_ns() >= until);
}

extern "C" fn __udelay(us: u64) {
    spin(us.saturating_mul(1000));
}

extern "C" fn __ndelay(ns: u64) {
    spin(ns);
}

extern "C" fn get_jiffies_64() -> u64 {
    time::jiffies()
}

extern "C" fn ktime_get() -> i64 {
    time::monotonic_ns() as i64
}

extern "C" fn ktime_get_real() -> i64 {
    time::realtime_ns() as i64
}

extern "C" fn ktime_get_boottime() -> i64 {
    time::boottime_ns() as i64
}

exports![
    msleep,
    msleep_interruptible,
    usleep_range_state,
    __udelay,
    __ndelay,
    get_jiffies_64,
    ktime_get,
    ktime_get_real,
    ktime_get_boottime,
];
