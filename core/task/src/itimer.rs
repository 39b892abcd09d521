//! Interval timers (setitimer(2), alarm(2)) and the limit on CPU time (`RLIMIT_CPU`).
//!
//! `ITIMER_REAL` is a timer of the machine; the two that count CPU time are compared with the process' times whenever
//! one of its threads goes back to user mode from an interrupt, or after a tick in the kernel.
pub use crate::itimers::{Setting, Which};
use crate::objects::Process;
use crate::signal::send_to_process;
use abi::Result;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::Ordering::Relaxed;
use cred::{RLIM_INFINITY, Resource};
use pid::signals::{SIGALRM, SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU};
use pid::{SigInfo, Signal};
use time::{Restart, Timer, monotonic_ns};

/// setitimer(2): answers the setting before. `ENOMEM`.
pub fn set(process: &Arc<Process>, which: Which, new: Setting) -> Result<Setting> {
    match which {
        Which::Real => set_real(process, new),
        Which::Virtual => Ok(set_cpu(process, 0, new)),
        Which::Prof => Ok(set_cpu(process, 1, new)),
    }
}

/// getitimer(2).
pub fn get(process: &Process, which: Which) -> Setting {
    match which {
        Which::Real => process
            .itimers
            .real
            .lock_irq()
            .armed
            .setting(monotonic_ns()),
        Which::Virtual => get_cpu(process, 0),
        Which::Prof => get_cpu(process, 1),
    }
}

fn set_real(process: &Arc<Process>, new: Setting) -> Result<Setting> {
    let spare = if process.itimers.real.lock_irq().timer.is_none() && new.value_ns != 0 {
        Some(real_timer(process)?)
    } else {
        None
    };
    let mut real = process.itimers.real.lock_irq();
    let now = monotonic_ns();
    let old = real.armed.setting(now);
    real.armed.arm(new, now);
    let at = real.armed.at_ns;
    if real.timer.is_none() {
        real.timer = spare;
    }
    let timer = real.timer.clone();
    drop(real);
    match timer {
        Some(timer) if at != 0 => timer.arm(at),
        Some(timer) => drop(timer.try_cancel()),
        None => {}
    }
    Ok(old)
}

fn real_timer(process: &Arc<Process>) -> Result<Arc<Timer>> {
    let process: Weak<Process> = Arc::downgrade(process);
    kmem::try_arc(Timer::new(move |now| real_expired(&process, now))?)
}

fn real_expired(process: &Weak<Process>, now_ns: u64) -> Restart {
    let Some(process) = process.upgrade() else {
        return Restart::No;
    };
    let next = {
        let mut real = process.itimers.real.lock_irq();
        if !real.armed.expire(now_ns) {
            return Restart::No; // it was set anew meanwhile
        }
        real.armed.at_ns
    };
    let _ = send_to_process(&process, &SigInfo::kernel(SIGALRM));
    if next == 0 {
        Restart::No
    } else {
        Restart::At(next)
    }
}

/// User time, and user and system time.
fn cpu_now(process: &Process) -> [u64; 2] {
    let (user, system) = process.cpu_times();
    [user, user + system]
}

/// The times are read first: that takes locks of lower rank.
fn get_cpu(process: &Process, which: usize) -> Setting {
    let now = cpu_now(process)[which];
    process.itimers.cpu.lock_irq()[which].setting(now)
}

fn set_cpu(process: &Process, which: usize, new: Setting) -> Setting {
    let now = cpu_now(process)[which];
    let mut timers = process.itimers.cpu.lock_irq();
    let old = timers[which].setting(now);
    timers[which].arm(new, now);
    let armed = timers.iter().any(|timer| timer.at_ns != 0);
    process.itimers.cpu_armed.store(armed, Relaxed);
    old
}

/// A thread of the process comes back from an interrupt: looks at the timers that count CPU time, and at the limit.
#[inline]
pub(crate) fn on_tick(process: &Process) {
    if process.itimers.cpu_armed.load(Relaxed) {
        expire_cpu(process);
    }
    if process.timers.count_cpu_time() {
        process.timers.expire_cpu();
    }
    if process.limits().cur(Resource::Cpu) != RLIM_INFINITY {
        check_limit(process);
    }
}

/// `RLIMIT_CPU`: SIGXCPU at the soft limit and every second after, SIGKILL at the hard one.
#[cold]
fn check_limit(process: &Process) {
    let limit = process.limits().get(Resource::Cpu);
    let used = cpu_now(process)[1] / time::NSEC_PER_SEC;
    if limit.max != RLIM_INFINITY && used >= limit.max {
        let _ = send_to_process(process, &SigInfo::kernel(SIGKILL));
        return;
    }
    let told = process.itimers.xcpu_told.load(Relaxed);
    let first_or_next = used >= limit.cur && used >= told;
    if first_or_next && process.itimers.xcpu_told.swap(used + 1, Relaxed) == told {
        let _ = send_to_process(process, &SigInfo::kernel(SIGXCPU));
    }
}

#[cold]
fn expire_cpu(process: &Process) {
    let now = cpu_now(process);
    let expired = {
        let mut timers = process.itimers.cpu.lock_irq();
        let [virt, prof] = &mut *timers;
        [virt.expire(now[0]), prof.expire(now[1])]
    };
    let signals: [Signal; 2] = [SIGVTALRM, SIGPROF];
    for (expired, sig) in expired.into_iter().zip(signals) {
        if expired {
            let _ = send_to_process(process, &SigInfo::kernel(sig));
        }
    }
}
