//! System calls: clocks, sleeping, timers.
use crate::Call;
use abi::pod::{Timespec, Timeval};
use abi::process::{Itimerspec, Itimerval, Sigevent};
use abi::raw::{
    __NR_adjtimex, __NR_alarm, __NR_clock_adjtime, __NR_clock_getres, __NR_clock_gettime,
    __NR_clock_nanosleep, __NR_clock_settime, __NR_getitimer, __NR_gettimeofday, __NR_nanosleep,
    __NR_setitimer, __NR_settimeofday, __NR_time, __NR_timer_create, __NR_timer_delete,
    __NR_timer_getoverrun, __NR_timer_gettime, __NR_timer_settime, TIMER_ABSTIME,
};
use abi::timex::Timex;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use cred::cap;
use hal::addr::UserAddr;
use kmem::user;
use pid::sigset::is_signal;
use sync::WaitMode;
use task::itimer::{self, Setting, Which};
use task::posix_timer::{self, CpuClock, Notify, TimerClock};
use task::{Cx, Process, Task};
use time::clock::{from_timespec, to_timespec};
use time::{ClockId, NSEC_PER_SEC, monotonic_ns, realtime_ns};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_time, "time", sys_time),
    (__NR_gettimeofday, "gettimeofday", sys_gettimeofday),
    (__NR_settimeofday, "settimeofday", sys_settimeofday),
    (__NR_clock_gettime, "clock_gettime", sys_clock_gettime),
    (__NR_clock_settime, "clock_settime", sys_clock_settime),
    (__NR_clock_getres, "clock_getres", sys_clock_getres),
    (__NR_nanosleep, "nanosleep", sys_nanosleep),
    (__NR_clock_nanosleep, "clock_nanosleep", sys_clock_nanosleep),
    (__NR_adjtimex, "adjtimex", sys_adjtimex),
    (__NR_clock_adjtime, "clock_adjtime", sys_clock_adjtime),
    (__NR_alarm, "alarm", sys_alarm),
    (__NR_getitimer, "getitimer", sys_getitimer),
    (__NR_setitimer, "setitimer", sys_setitimer),
    (__NR_timer_create, "timer_create", sys_timer_create),
    (__NR_timer_delete, "timer_delete", sys_timer_delete),
    (__NR_timer_settime, "timer_settime", sys_timer_settime),
    (__NR_timer_gettime, "timer_gettime", sys_timer_gettime),
    (
        __NR_timer_getoverrun,
        "timer_getoverrun",
        sys_timer_getoverrun,
    ),
];

/// Nanoseconds as a `timeval`.
pub(crate) const fn timeval(ns: u64) -> Timeval {
    Timeval {
        tv_sec: (ns / NSEC_PER_SEC) as i64,
        tv_usec: (ns % NSEC_PER_SEC / 1000) as i64,
    }
}

/// A `timeval` in nanoseconds. `EINVAL`: negative, or microseconds out of range.
fn from_timeval(tv: &Timeval) -> Result<u64> {
    if !(0..1_000_000).contains(&tv.tv_usec) {
        return Err(Errno::EINVAL);
    }
    from_timespec(&Timespec {
        tv_sec: tv.tv_sec,
        tv_nsec: tv.tv_usec * 1000,
    })
}

/// A span from now as a time of the monotonic clock.
pub(crate) fn deadline(span_ns: u64) -> u64 {
    monotonic_ns().saturating_add(span_ns)
}

fn sys_time(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let now = realtime_ns() / NSEC_PER_SEC;
    if a[0] != 0 {
        user::write(UserAddr(a[0]), &now)?;
    }
    Ok(now as usize)
}

fn sys_gettimeofday(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[0] != 0 {
        user::write(UserAddr(a[0]), &timeval(realtime_ns()))?;
    }
    if a[1] != 0 {
        user::write(UserAddr(a[1]), &[0u32; 2])?; // the kernel's time zone is UTC
    }
    Ok(0)
}

fn sys_settimeofday(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.cred.require(cap::SYS_TIME)?;
    if a[0] != 0 {
        let tv: Timeval = user::read(UserAddr(a[0]))?;
        time::adjust::set_realtime_ns(from_timeval(&tv)?)?;
    }
    Ok(0)
}

/// What a clock's number names.
enum Clock {
    System(ClockId),
    /// CPU time of a process.
    Process(i32),
    /// CPU time of a thread.
    Thread(i32),
}

fn clock(id: usize) -> Result<Clock> {
    const CLOCK_PROCESS_CPUTIME_ID: i32 = 2;
    const CLOCK_THREAD_CPUTIME_ID: i32 = 3;
    let id = id as i32;
    match id {
        CLOCK_PROCESS_CPUTIME_ID => Ok(Clock::Process(0)),
        CLOCK_THREAD_CPUTIME_ID => Ok(Clock::Thread(0)),
        // The inverted number of a process or thread, with the kind in three bits (clock_getcpuclockid(3)).
        id if id < 0 && id & 3 != 3 => {
            let nr = !(id >> 3);
            Ok(if id & 4 != 0 {
                Clock::Thread(nr)
            } else {
                Clock::Process(nr)
            })
        }
        id => ClockId::from_raw(id)
            .map(Clock::System)
            .ok_or(Errno::EINVAL),
    }
}

fn read_clock(cx: &Cx, clock: &Clock) -> Result<u64> {
    let sum = |(user, system): (u64, u64)| user + system;
    Ok(match *clock {
        Clock::System(id) => id.now_ns(),
        Clock::Process(0) => sum(cx.process().cpu_times()),
        Clock::Thread(0) => sum(cx.task.cpu_times()),
        Clock::Process(nr) => sum(cx.find_process(nr).map_err(|_| Errno::EINVAL)?.cpu_times()),
        Clock::Thread(nr) => sum(own_thread(cx, nr)?.cpu_times()),
    })
}

fn sys_clock_gettime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let now = read_clock(cx, &clock(a[0])?)?;
    user::write(UserAddr(a[1]), &to_timespec(now))?;
    Ok(0)
}

fn sys_clock_settime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let Clock::System(ClockId::Realtime) = clock(a[0])? else {
        return Err(Errno::EINVAL);
    };
    let new: Timespec = user::read(UserAddr(a[1]))?;
    let ns = from_timespec(&new)?;
    cx.cred.require(cap::SYS_TIME)?;
    time::adjust::set_realtime_ns(ns)?;
    Ok(0)
}

fn sys_clock_getres(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let resolution = match clock(a[0])? {
        Clock::System(id) => id.resolution_ns(),
        _ => 1,
    };
    if a[1] != 0 {
        user::write(UserAddr(a[1]), &to_timespec(resolution))?;
    }
    Ok(0)
}

fn sys_adjtimex(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut timex: Timex = user::read(UserAddr(a[0]))?;
    adjust(cx, &mut timex, a[0])
}

fn sys_clock_adjtime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut timex: Timex = user::read(UserAddr(a[1]))?;
    match clock(a[0])? {
        Clock::System(ClockId::Realtime) => adjust(cx, &mut timex, a[1]),
        _ => Err(Errno::EOPNOTSUPP),
    }
}

fn adjust(cx: &Cx, timex: &mut Timex, addr: usize) -> Result<usize> {
    let state = time::adjust::adjtimex(timex, cx.cred.capable(cap::SYS_TIME))?;
    user::write(UserAddr(addr), timex)?;
    Ok(state)
}

/// A sleep: when it ends by its clock, and where the rest goes if it is cut short.
#[derive(Clone, Copy)]
struct Sleep {
    clock: ClockId,
    until_ns: u64,
    remaining: usize,
}

fn sys_nanosleep(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let span: Timespec = user::read(UserAddr(a[0]))?;
    let until_ns = deadline(from_timespec(&span)?);
    sleep_relative(
        cx,
        Sleep {
            clock: ClockId::Monotonic,
            until_ns,
            remaining: a[1],
        },
    )
}

fn sys_clock_nanosleep(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let clock = match clock(a[0])? {
        Clock::System(id) => id,
        Clock::Thread(0) if (a[0] as i32) < 0 => return Err(Errno::EINVAL),
        _ => return Err(Errno::EOPNOTSUPP), // nobody measures CPU time by sleeping
    };
    if matches!(
        clock,
        ClockId::MonotonicRaw | ClockId::RealtimeCoarse | ClockId::MonotonicCoarse
    ) {
        return Err(Errno::EOPNOTSUPP);
    }
    let time: Timespec = user::read(UserAddr(a[2]))?;
    let ns = from_timespec(&time)?;
    if a[1] as u32 & TIMER_ABSTIME == 0 {
        let sleep = Sleep {
            clock: ClockId::Monotonic,
            until_ns: deadline(ns),
            remaining: a[3],
        };
        return sleep_relative(cx, sleep);
    }
    match sleep_until(clock, ns) {
        true => Ok(0),
        false => Err(Errno::ERESTARTNOHAND),
    }
}

fn sleep_relative(cx: &mut Cx, sleep: Sleep) -> Result<usize> {
    if sleep_until(sleep.clock, sleep.until_ns) {
        return Ok(0);
    }
    if sleep.remaining != 0 {
        let left = sleep.until_ns.saturating_sub(monotonic_ns());
        user::write(UserAddr(sleep.remaining), &to_timespec(left))?;
    }
    Err(cx.restart_with(move |cx| sleep_relative(cx, sleep)))
}

/// Sleeps until a clock shows a time; true when it does, false when a signal came first. A clock that is set meanwhile
/// is looked at anew.
fn sleep_until(clock: ClockId, until_ns: u64) -> bool {
    loop {
        let set = time::clock::sets();
        let moved = || (clock.is_settable() && time::clock::sets() != set).then_some(());
        let until = clock.to_monotonic_ns(until_ns);
        if until <= monotonic_ns() {
            return true;
        }
        match time::clock::was_set().wait(WaitMode::Interruptible, Some(until), moved) {
            Ok(()) => {}
            Err(sync::WaitError::TimedOut) => return true,
            Err(sync::WaitError::Interrupted) => return false,
        }
    }
}

fn sys_alarm(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let new = Setting {
        value_ns: u64::from(a[0] as u32) * NSEC_PER_SEC,
        interval_ns: 0,
    };
    let old = itimer::set(cx.process(), Which::Real, new)?;
    // Rounded, but never to "none" while there is one.
    let seconds = (old.value_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
    Ok(if old.value_ns != 0 {
        seconds.max(1) as usize
    } else {
        0
    })
}

fn encode(setting: Setting) -> Itimerval {
    Itimerval {
        interval: timeval(setting.interval_ns),
        value: timeval(setting.value_ns),
    }
}

fn sys_getitimer(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let setting = itimer::get(cx.process(), Which::from_raw(a[0] as u32)?);
    user::write(UserAddr(a[1]), &encode(setting))?;
    Ok(0)
}

fn sys_setitimer(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let which = Which::from_raw(a[0] as u32)?;
    let new = if a[1] == 0 {
        Itimerval::default()
    } else {
        user::read(UserAddr(a[1]))?
    };
    let new = Setting {
        value_ns: from_timeval(&new.value)?,
        interval_ns: from_timeval(&new.interval)?,
    };
    let old = itimer::set(cx.process(), which, new)?;
    if a[2] != 0 {
        user::write(UserAddr(a[2]), &encode(old))?;
    }
    Ok(0)
}

/// The clock of a timer. `EINVAL`: nobody's CPU time; `EOPNOTSUPP`: that of another process.
fn timer_clock(cx: &Cx, clock: &Clock) -> Result<TimerClock> {
    let who: Weak<dyn CpuClock> = match *clock {
        Clock::System(id) => return Ok(TimerClock::Machine(id)),
        Clock::Process(0) => Arc::<Process>::downgrade(cx.process()),
        Clock::Thread(0) => Arc::<Task>::downgrade(&cx.task),
        Clock::Process(nr) => {
            let process = cx.find_process(nr).map_err(|_| Errno::EINVAL)?;
            if !Arc::ptr_eq(&process, cx.process()) {
                return Err(Errno::EOPNOTSUPP);
            }
            Arc::<Process>::downgrade(&process)
        }
        Clock::Thread(nr) => Arc::<Task>::downgrade(&own_thread(cx, nr)?),
    };
    Ok(TimerClock::Cpu(who))
}

/// A thread of the caller's process. `EINVAL`: there is none of that number.
fn own_thread(cx: &Cx, nr: i32) -> Result<Arc<Task>> {
    let task = cx.find_task(nr).map_err(|_| Errno::EINVAL)?;
    if Arc::ptr_eq(task.process(), cx.process()) {
        Ok(task)
    } else {
        Err(Errno::EINVAL)
    }
}

fn sys_timer_create(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const SIGEV_SIGNAL: i32 = 0;
    const SIGEV_NONE: i32 = 1;
    /// A signal all the same: what the C library makes of it is its own affair.
    const SIGEV_THREAD: i32 = 2;
    const SIGEV_THREAD_ID: i32 = 4;
    let clock = timer_clock(cx, &clock(a[0])?)?;
    let (notify, value) = if a[1] == 0 {
        (Notify::Process(pid::signals::SIGALRM), None)
    } else {
        let event: Sigevent = user::read(UserAddr(a[1]))?;
        let valid = is_signal(event.signo);
        let notify = match event.notify {
            SIGEV_NONE => Notify::None,
            SIGEV_SIGNAL | SIGEV_THREAD if valid => Notify::Process(event.signo as u32),
            SIGEV_THREAD_ID if valid => {
                let thread: Weak<Task> = Arc::downgrade(&own_thread(cx, event.tid)?);
                Notify::Thread(event.signo as u32, thread)
            }
            _ => return Err(Errno::EINVAL),
        };
        (notify, Some(event.value))
    };
    let id = posix_timer::create(cx.process(), clock, notify, value)?;
    if let Err(error) = user::write(UserAddr(a[2]), &id) {
        posix_timer::delete(cx.process(), id)?;
        return Err(error);
    }
    Ok(0)
}

fn sys_timer_delete(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    posix_timer::delete(cx.process(), a[0] as i32)?;
    Ok(0)
}

fn encode_spec((left_ns, interval_ns): (u64, u64)) -> Itimerspec {
    Itimerspec {
        interval: to_timespec(interval_ns),
        value: to_timespec(left_ns),
    }
}

fn sys_timer_settime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[2] == 0 {
        return Err(Errno::EINVAL);
    }
    let new: Itimerspec = user::read(UserAddr(a[2]))?;
    let (value, interval) = (from_timespec(&new.value)?, from_timespec(&new.interval)?);
    let absolute = a[1] as u32 & TIMER_ABSTIME != 0;
    let old = posix_timer::set(cx.process(), a[0] as i32, value, interval, absolute)?;
    if a[3] != 0 {
        user::write(UserAddr(a[3]), &encode_spec(old))?;
    }
    Ok(0)
}

fn sys_timer_gettime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let now = posix_timer::get(cx.process(), a[0] as i32)?;
    user::write(UserAddr(a[1]), &encode_spec(now))?;
    Ok(0)
}

fn sys_timer_getoverrun(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    Ok(posix_timer::overrun(cx.process(), a[0] as i32)? as usize)
}
