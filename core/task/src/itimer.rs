//! Interval timers (setitimer(2), alarm(2)) and the limit on CPU time (`RLIMIT_CPU`).
//!
//! `ITIMER_REAL` is a timer of the machine; the two that count CPU time are compared with the process' times whenever
//! one of its threads comes back from an interrupt, which a busy thread does at every tick.
use crate::process::Process;
use crate::signal::send_to_process;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use cred::{RLIM_INFINITY, Resource};
use pid::signals::{SIGALRM, SIGKILL, SIGPROF, SIGVTALRM, SIGXCPU};
use pid::{SigInfo, Signal};
use sync::{LockClass, SpinLock, rank};
use time::{Restart, Timer, monotonic_ns};

static REAL: LockClass = LockClass::new("itimer_real", rank::TASK_LEAF);
static CPU: LockClass = LockClass::new("itimer_cpu", rank::TASK_LEAF);

/// Which timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Wall time, SIGALRM.
    Real,
    /// User CPU time, SIGVTALRM.
    Virtual,
    /// CPU time, SIGPROF.
    Prof,
}

impl Which {
    /// From the number of setitimer(2). `EINVAL`.
    pub const fn from_raw(raw: u32) -> Result<Self> {
        match raw {
            0 => Ok(Self::Real),
            1 => Ok(Self::Virtual),
            2 => Ok(Self::Prof),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// A timer's setting in nanoseconds; a value of 0 is "not armed".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Time left.
    pub value_ns: u64,
    /// Period.
    pub interval_ns: u64,
}

#[derive(Default)]
struct Armed {
    /// When it expires, in the clock that it counts; 0 for never.
    at_ns: u64,
    interval_ns: u64,
}

impl Armed {
    fn setting(&self, now_ns: u64) -> Setting {
        // One that is due shows as about to expire, never as disarmed.
        let left = if self.at_ns == 0 {
            0
        } else {
            self.at_ns.saturating_sub(now_ns).max(1000)
        };
        Setting {
            value_ns: left,
            interval_ns: self.interval_ns,
        }
    }
    fn arm(&mut self, new: Setting, now_ns: u64) {
        self.at_ns = if new.value_ns == 0 {
            0
        } else {
            now_ns.saturating_add(new.value_ns)
        };
        self.interval_ns = new.interval_ns;
    }
    /// Whether it has expired; a periodic one is armed for its next period.
    fn expire(&mut self, now_ns: u64) -> bool {
        if self.at_ns == 0 || now_ns < self.at_ns {
            return false;
        }
        self.at_ns = match self.interval_ns {
            0 => 0,
            period => self.at_ns + ((now_ns - self.at_ns) / period + 1) * period,
        };
        true
    }
}

#[derive(Default)]
struct Real {
    armed: Armed,
    timer: Option<Arc<Timer>>,
}

/// The interval timers of a process.
pub(crate) struct Itimers {
    real: SpinLock<Real>,
    cpu: SpinLock<[Armed; 2]>,
    cpu_armed: AtomicBool,
    /// CPU seconds from which the next SIGXCPU is due.
    xcpu_told: AtomicU64,
}

impl Itimers {
    pub(crate) fn new() -> Self {
        Self {
            real: SpinLock::new(&REAL, Real::default()),
            cpu: SpinLock::new(&CPU, Default::default()),
            cpu_armed: AtomicBool::new(false),
            xcpu_told: AtomicU64::new(0),
        }
    }

    pub(crate) fn cancel_all(&self) {
        let timer = {
            let mut real = self.real.lock_irq();
            real.armed = Armed::default();
            real.timer.take()
        };
        drop(timer); // waits for a running callback
        *self.cpu.lock_irq() = Default::default();
        self.cpu_armed.store(false, Relaxed);
    }
}

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
