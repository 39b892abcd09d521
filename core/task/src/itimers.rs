//! The state of a process' interval timers.
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use sync::{LockClass, SpinLock, rank};
use time::Timer;

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
pub(crate) struct Armed {
    /// When it expires, in the clock that it counts; 0 for never.
    pub(crate) at_ns: u64,
    pub(crate) interval_ns: u64,
}

impl Armed {
    pub(crate) fn setting(&self, now_ns: u64) -> Setting {
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
    pub(crate) fn arm(&mut self, new: Setting, now_ns: u64) {
        self.at_ns = if new.value_ns == 0 {
            0
        } else {
            now_ns.saturating_add(new.value_ns)
        };
        self.interval_ns = new.interval_ns;
    }
    /// Whether it has expired; a periodic one is armed for its next period.
    pub(crate) fn expire(&mut self, now_ns: u64) -> bool {
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
pub(crate) struct Real {
    pub(crate) armed: Armed,
    pub(crate) timer: Option<Arc<Timer>>,
}

/// The interval timers of a process.
pub(crate) struct Itimers {
    pub(crate) real: SpinLock<Real>,
    pub(crate) cpu: SpinLock<[Armed; 2]>,
    pub(crate) cpu_armed: AtomicBool,
    /// CPU seconds from which the next SIGXCPU is due.
    pub(crate) xcpu_told: AtomicU64,
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
