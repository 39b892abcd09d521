//! The timers of timer_create(2), by process.
use crate::objects::{Process, Task};
pub use crate::posix_timers::{CpuClock, Notify, TimerClock};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use cred::Resource;

impl CpuClock for Process {
    fn cpu_ns(&self) -> u64 {
        let (user, system) = self.cpu_times();
        user + system
    }
}

impl CpuClock for Task {
    fn cpu_ns(&self) -> u64 {
        let (user, system) = self.cpu_times();
        user + system
    }
}

/// timer_create(2): answers the timer's number.
///
/// # Errors
/// `EAGAIN`: too many, or as many signals as `RLIMIT_SIGPENDING` allows the user, of which each timer may queue one.
/// `ENOMEM`.
pub fn create(
    process: &Arc<Process>,
    clock: TimerClock,
    notify: Notify,
    value: Option<u64>,
) -> Result<i32> {
    let owner: Weak<Process> = Arc::downgrade(process);
    let limit = process.limits().cur(Resource::Sigpending);
    let place = process.user().place(limit).ok_or(Errno::EAGAIN)?;
    process.timers.create(owner, place, clock, notify, value)
}

/// timer_delete(2). `EINVAL`: no such timer.
pub fn delete(process: &Process, id: i32) -> Result<()> {
    process.timers.delete(id)
}

/// timer_settime(2): time left and period before. `EINVAL`: no such timer.
pub fn set(
    process: &Process,
    id: i32,
    value_ns: u64,
    interval_ns: u64,
    absolute: bool,
) -> Result<(u64, u64)> {
    process.timers.set(id, value_ns, interval_ns, absolute)
}

/// timer_gettime(2): time left and period. `EINVAL`: no such timer.
pub fn get(process: &Process, id: i32) -> Result<(u64, u64)> {
    process.timers.get(id)
}

/// timer_getoverrun(2). `EINVAL`: no such timer.
pub fn overrun(process: &Process, id: i32) -> Result<i32> {
    process.timers.overrun(id)
}
