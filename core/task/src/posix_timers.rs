//! A process' POSIX timers (timer_create(2)): clocks of the machine, notification by signal to the process or to one thread.
use crate::user::Place;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicI32};
use kmem::TryVec;
use pid::siginfo::code::SI_TIMER;
use pid::{SigData, SigInfo, Signal, SignalTarget};
use sync::{LockClass, SpinLock, rank};
use time::timer::{TimerNode, TimerTarget, arm};
use time::{ClockId, Restart, monotonic_ns};

static TABLE: LockClass = LockClass::new("posix_timers", rank::TASK_LEAF);
static STATE: LockClass = LockClass::new("posix_timer", rank::TASK_LEAF);
/// Most timers of one process.
const MOST: usize = 4096;

/// Whom a timer tells.
#[derive(Clone)]
pub enum Notify {
    /// Nobody: it is read by timer_gettime(2).
    None,
    /// The process.
    Process(Signal),
    /// One of its threads (`SIGEV_THREAD_ID`).
    Thread(Signal, Weak<dyn SignalTarget>),
}

#[derive(Clone, Copy, Default)]
struct Armed {
    /// When it expires, monotonic; 0 for never.
    at_ns: u64,
    interval_ns: u64,
}

struct PosixTimer {
    id: i32,
    process: Weak<dyn SignalTarget>,
    clock: ClockId,
    notify: Notify,
    value: u64,
    node: TimerNode,
    /// That of its signal among those queued.
    _place: Place,
    armed: SpinLock<Armed>,
    /// A signal of this timer is pending.
    queued: AtomicBool,
    /// Expirations since that signal was sent.
    missed: AtomicI32,
    /// The overrun of the signal taken last.
    overrun: AtomicI32,
}

impl TimerTarget for PosixTimer {
    fn node(&self) -> &TimerNode {
        &self.node
    }
    fn expired(&self, due_ns: u64, now_ns: u64) -> Restart {
        let mut armed = self.armed.lock_irq();
        if armed.at_ns == 0 || armed.at_ns > now_ns {
            return Restart::No;
        }
        let mut periods = 1;
        armed.at_ns = match armed.interval_ns {
            0 => 0,
            period => {
                periods += (now_ns - due_ns) / period;
                due_ns + periods * period
            }
        };
        let next = armed.at_ns;
        drop(armed);
        self.tell(i32::try_from(periods).unwrap_or(i32::MAX));
        if next == 0 {
            Restart::No
        } else {
            Restart::At(next)
        }
    }
}

impl PosixTimer {
    fn tell(&self, periods: i32) {
        let (sig, thread) = match &self.notify {
            Notify::None => return,
            Notify::Process(sig) => (*sig, None),
            Notify::Thread(sig, task) => match task.upgrade() {
                Some(task) => (*sig, Some(task)),
                None => return,
            },
        };
        if self.queued.swap(true, SeqCst) {
            self.missed.fetch_add(periods, Relaxed);
            return;
        }
        self.missed.store(periods - 1, Relaxed);
        let data = SigData::Timer {
            id: self.id,
            overrun: 0,
            value: self.value,
        };
        let info = SigInfo {
            signo: sig,
            errno: 0,
            code: SI_TIMER,
            data,
        };
        let sent = match (thread, self.process.upgrade()) {
            (Some(task), _) => task.signal(&info),
            (None, Some(process)) => process.signal(&info),
            (None, None) => return,
        };
        if sent.is_err() {
            self.queued.store(false, SeqCst);
        }
    }
}

/// The timers of a process, by number.
pub(crate) struct PosixTimers(SpinLock<Vec<Option<Arc<PosixTimer>>>>);

impl PosixTimers {
    pub(crate) const fn new() -> Self {
        Self(SpinLock::new(&TABLE, Vec::new()))
    }

    fn find(&self, id: i32) -> Result<Arc<PosixTimer>> {
        let table = self.0.lock_irq();
        usize::try_from(id)
            .ok()
            .and_then(|id| table.get(id)?.clone())
            .ok_or(Errno::EINVAL)
    }

    /// All of them go: exec and exit.
    pub(crate) fn delete_all(&self) {
        let all = core::mem::take(&mut *self.0.lock_irq());
        for timer in all.iter().flatten() {
            timer.node.cancel_and_wait();
        }
    }

    /// timer_create(2): answers the timer's number.
    ///
    /// # Errors
    /// `EAGAIN`: too many. `ENOMEM`.
    pub(crate) fn create(
        &self,
        owner: Weak<dyn SignalTarget>,
        place: Place,
        clock: ClockId,
        notify: Notify,
        value: Option<u64>,
    ) -> Result<i32> {
        let node = TimerNode::new()?;
        // The number is known only when a place is found; the table has room before the timer is made.
        let id = {
            let mut table = self.0.lock_irq();
            match table.iter().position(Option::is_none) {
                Some(id) => id,
                None if table.len() >= MOST => return Err(Errno::EAGAIN),
                None => {
                    table.try_push(None)?;
                    table.len() - 1
                }
            }
        };
        let timer = kmem::try_arc(PosixTimer {
            id: id as i32,
            process: owner,
            clock,
            notify,
            value: value.unwrap_or(id as u64),
            node,
            _place: place,
            armed: SpinLock::new(&STATE, Armed::default()),
            queued: AtomicBool::new(false),
            missed: AtomicI32::new(0),
            overrun: AtomicI32::new(0),
        })?;
        let mut table = self.0.lock_irq();
        match table.get_mut(id) {
            Some(place @ None) => *place = Some(timer),
            _ => return Err(Errno::EAGAIN), // another thread took the place meanwhile
        }
        Ok(id as i32)
    }

    /// timer_delete(2). `EINVAL`: no such timer.
    pub(crate) fn delete(&self, id: i32) -> Result<()> {
        let timer = self.find(id)?;
        if let Some(place) = self.0.lock_irq().get_mut(id as usize) {
            *place = None;
        }
        *timer.armed.lock_irq() = Armed::default();
        timer.node.cancel_and_wait();
        Ok(())
    }

    /// timer_settime(2): time left and period before. `EINVAL`: no such timer.
    pub(crate) fn set(
        &self,
        id: i32,
        value_ns: u64,
        interval_ns: u64,
        absolute: bool,
    ) -> Result<(u64, u64)> {
        let timer = self.find(id)?;
        let old = left(&timer);
        timer.node.cancel();
        let at_ns = match value_ns {
            0 => 0,
            at if absolute => timer.clock.to_monotonic_ns(at).max(1),
            after => monotonic_ns().saturating_add(after),
        };
        *timer.armed.lock_irq() = Armed { at_ns, interval_ns };
        timer.missed.store(0, Relaxed);
        if at_ns != 0 {
            arm(timer, at_ns);
        }
        Ok(old)
    }

    /// timer_gettime(2): time left and period. `EINVAL`: no such timer.
    pub(crate) fn get(&self, id: i32) -> Result<(u64, u64)> {
        self.find(id).map(|timer| left(&timer))
    }

    /// timer_getoverrun(2). `EINVAL`: no such timer.
    pub(crate) fn overrun(&self, id: i32) -> Result<i32> {
        self.find(id)
            .map(|timer| timer.overrun.load(Relaxed))
    }

    /// A timer's signal is being taken, under the signal lock: fills the overrun in.
    pub(crate) fn signal_taken(&self, mut info: SigInfo) -> SigInfo {
        if let SigData::Timer { id, overrun, .. } = &mut info.data
            && let Some(Some(timer)) = self.0.lock_irq().get(*id as usize)
        {
            *overrun = timer.missed.swap(0, Relaxed);
            timer.overrun.store(*overrun, Relaxed);
            timer.queued.store(false, SeqCst);
        }
        info
    }
}

fn left(timer: &PosixTimer) -> (u64, u64) {
    let armed = *timer.armed.lock_irq();
    let left = if armed.at_ns == 0 {
        0
    } else {
        armed.at_ns.saturating_sub(monotonic_ns()).max(1)
    };
    (left, armed.interval_ns)
}
