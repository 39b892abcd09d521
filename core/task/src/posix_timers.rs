//! A process' POSIX timers (timer_create(2)), with notification by signal to the process or to one thread.
//!
//! Those on clocks of the machine are timers of the machine. Those on CPU time are compared with it whenever a thread of the
//! process comes back from an interrupt, as the interval timers of CPU time are (`itimer.rs`).
use crate::user::Place;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Relaxed, SeqCst};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicUsize};
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

/// Whoever uses up CPU time: a process, a thread.
pub trait CpuClock: Send + Sync {
    /// How much it has used, in nanoseconds.
    fn cpu_ns(&self) -> u64;
}

/// What a timer counts by.
#[derive(Clone)]
pub enum TimerClock {
    /// A clock of the machine.
    Machine(ClockId),
    /// The CPU time of its process, or of a thread of it; it stands still when that has ended.
    Cpu(Weak<dyn CpuClock>),
}

impl TimerClock {
    /// Now, by the clock that [`Armed`] is written in: CPU time, or the monotonic clock.
    fn now_ns(&self) -> u64 {
        match self {
            Self::Machine(_) => monotonic_ns(),
            Self::Cpu(who) => who.upgrade().map_or(0, |who| who.cpu_ns()),
        }
    }

    fn is_cpu(&self) -> bool {
        matches!(self, Self::Cpu(_))
    }
}

#[derive(Clone, Copy, Default)]
struct Armed {
    /// When it expires, monotonic or in CPU time; 0 for never.
    at_ns: u64,
    /// How much earlier it was to expire, where that lies before the machine's start.
    before_ns: u64,
    interval_ns: u64,
}

struct PosixTimer {
    id: i32,
    process: Weak<dyn SignalTarget>,
    clock: TimerClock,
    notify: Notify,
    value: u64,
    node: TimerNode,
    /// That of its signal among those queued.
    _place: Place,
    armed: SpinLock<Armed>,
    /// A signal of this timer is pending.
    queued: AtomicBool,
    /// Expirations since that signal was sent.
    missed: AtomicI64,
    /// The overrun of the signal taken last.
    overrun: AtomicI32,
}

impl TimerTarget for PosixTimer {
    fn node(&self) -> &TimerNode {
        &self.node
    }
    fn expired(&self, _due_ns: u64, now_ns: u64) -> Restart {
        match self.expire(now_ns) {
            0 => Restart::No,
            next => Restart::At(next),
        }
    }
}

impl PosixTimer {
    /// Tells whoever is to be told if it is due; answers when it is due next, 0 for never.
    fn expire(&self, now_ns: u64) -> u64 {
        let mut armed = self.armed.lock_irq();
        if armed.at_ns == 0 || armed.at_ns > now_ns {
            return armed.at_ns;
        }
        let mut periods = 1;
        armed.at_ns = match armed.interval_ns {
            0 => 0,
            period => {
                let late = (now_ns - armed.at_ns).saturating_add(armed.before_ns);
                periods += late / period;
                now_ns - late % period + period
            }
        };
        armed.before_ns = 0;
        let next = armed.at_ns;
        drop(armed);
        self.tell(i64::try_from(periods).unwrap_or(i64::MAX));
        next
    }

    fn tell(&self, periods: i64) {
        let (sig, thread) = match &self.notify {
            Notify::None => return,
            Notify::Process(sig) => (*sig, None),
            Notify::Thread(sig, task) => match task.upgrade() {
                Some(task) => (*sig, Some(task)),
                None => return,
            },
        };
        if self.queued.swap(true, SeqCst) {
            let more = |missed: i64| Some(missed.saturating_add(periods));
            let _ = self.missed.fetch_update(Relaxed, Relaxed, more);
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

/// The timers of a process.
pub(crate) struct PosixTimers {
    /// By number.
    table: SpinLock<Vec<Option<Arc<PosixTimer>>>>,
    /// How many count CPU time.
    on_cpu_time: AtomicUsize,
}

impl PosixTimers {
    pub(crate) const fn new() -> Self {
        Self {
            table: SpinLock::new(&TABLE, Vec::new()),
            on_cpu_time: AtomicUsize::new(0),
        }
    }

    fn find(&self, id: i32) -> Result<Arc<PosixTimer>> {
        let table = self.table.lock_irq();
        usize::try_from(id)
            .ok()
            .and_then(|id| table.get(id)?.clone())
            .ok_or(Errno::EINVAL)
    }

    /// All of them go: exec and exit.
    pub(crate) fn delete_all(&self) {
        let all = core::mem::take(&mut *self.table.lock_irq());
        for timer in all.iter().flatten() {
            timer.node.cancel_and_wait();
        }
        self.on_cpu_time.store(0, Relaxed);
    }

    /// Whether any timer counts CPU time.
    #[inline]
    pub(crate) fn count_cpu_time(&self) -> bool {
        self.on_cpu_time.load(Relaxed) != 0
    }

    /// Looks at the timers that count CPU time.
    pub(crate) fn expire_cpu(&self) {
        let mut id = 0;
        loop {
            // The times are read, and signals sent, without the table: that takes locks of lower rank.
            let timer = match self.table.lock_irq().get(id) {
                None => return,
                Some(timer) => timer.clone(),
            };
            if let Some(timer) = timer.filter(|timer| timer.clock.is_cpu()) {
                timer.expire(timer.clock.now_ns());
            }
            id += 1;
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
        clock: TimerClock,
        notify: Notify,
        value: Option<u64>,
    ) -> Result<i32> {
        let node = TimerNode::new()?;
        // The number is known only when a place is found; the table has room before the timer is made.
        let id = {
            let mut table = self.table.lock_irq();
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
            missed: AtomicI64::new(0),
            overrun: AtomicI32::new(0),
        })?;
        let mut table = self.table.lock_irq();
        let is_cpu = timer.clock.is_cpu();
        match table.get_mut(id) {
            Some(place @ None) => *place = Some(timer),
            _ => return Err(Errno::EAGAIN), // another thread took the place meanwhile
        }
        self.on_cpu_time.fetch_add(usize::from(is_cpu), Relaxed);
        Ok(id as i32)
    }

    /// timer_delete(2). `EINVAL`: no such timer.
    pub(crate) fn delete(&self, id: i32) -> Result<()> {
        let timer = self.find(id)?;
        let gone = self
            .table
            .lock_irq()
            .get_mut(id as usize)
            .and_then(Option::take);
        if gone.is_some_and(|timer| timer.clock.is_cpu()) {
            self.on_cpu_time.fetch_sub(1, Relaxed);
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
        let mut before_ns = 0;
        let at_ns = match value_ns {
            0 => 0,
            at if absolute => match timer.clock {
                TimerClock::Machine(clock) => {
                    let at_ns = clock.to_monotonic_ns(at).max(1);
                    let since = monotonic_ns().saturating_sub(at_ns);
                    before_ns = clock.now_ns().saturating_sub(at).saturating_sub(since);
                    at_ns
                }
                TimerClock::Cpu(_) => at,
            },
            after => timer.clock.now_ns().saturating_add(after),
        };
        *timer.armed.lock_irq() = Armed {
            at_ns,
            before_ns: if at_ns == 1 { before_ns } else { 0 },
            interval_ns,
        };
        timer.missed.store(0, Relaxed);
        if timer.clock.is_cpu() {
            // Whatever is due already is told at once.
            timer.expire(timer.clock.now_ns());
        } else if at_ns != 0 {
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
            && let Some(Some(timer)) = self.table.lock_irq().get(*id as usize)
        {
            let missed = timer.missed.swap(0, Relaxed);
            *overrun = i32::try_from(missed).unwrap_or(i32::MAX);
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
        armed.at_ns.saturating_sub(timer.clock.now_ns()).max(1)
    };
    (left, armed.interval_ns)
}
