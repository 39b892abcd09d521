//! timerfd_create(2).
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use core::fmt;
use cred::Cred;
use kmem::user::UserBuf;
use sync::{LockClass, SpinLock, WaitMode, WaitQueue, rank};
use time::{ClockId, Restart, TimerNode, TimerTarget};
use vfs::{File, FileOps, FileOpsRef, Io, OpenFlags, PollEvents, PollTable};

static STATE: LockClass = LockClass::new("timerfd", rank::TIMER_OWNER);

/// When it expires next and how often, in nanoseconds; 0 is never.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// Time to the next expiry.
    pub value_ns: u64,
    /// Time between expiries from then on.
    pub interval_ns: u64,
}

#[derive(Default)]
struct State {
    /// Next expiry by the monotonic clock, 0 when off.
    due_ns: u64,
    interval_ns: u64,
    /// Expiries since the last read or setting.
    ticks: u64,
    /// `TFD_TIMER_CANCEL_ON_SET`, with the count of clock settings it knows.
    cancel_on_set: Option<u64>,
}

/// A timer that is read as a file.
pub struct TimerFd {
    me: Weak<TimerFd>,
    clock: ClockId,
    node: TimerNode,
    state: SpinLock<State>,
    wait: WaitQueue,
}

impl TimerFd {
    /// A timer of `clock` that is off, as a file. EINVAL: clock or flags; ENOMEM.
    pub fn create(clock: u32, flags: u32, cred: &Arc<Cred>) -> Result<Arc<File>> {
        if flags & !(raw::TFD_CLOEXEC | raw::TFD_NONBLOCK) != 0 {
            return Err(Errno::EINVAL);
        }
        let clock = match clock {
            raw::CLOCK_REALTIME | raw::CLOCK_REALTIME_ALARM => ClockId::Realtime,
            raw::CLOCK_MONOTONIC => ClockId::Monotonic,
            raw::CLOCK_BOOTTIME | raw::CLOCK_BOOTTIME_ALARM => ClockId::Boottime,
            _ => return Err(Errno::EINVAL),
        };
        let node = TimerNode::new()?;
        let timer = kmem::try_arc_cyclic(|me| Self {
            me: me.clone(),
            clock,
            node,
            state: SpinLock::new(&STATE, State::default()),
            wait: WaitQueue::new(),
        })?;
        let flags = OpenFlags::RDWR | OpenFlags::from_bits_truncate(flags & raw::TFD_NONBLOCK);
        let inode = vfs::shared_anon_inode()?;
        let ops = FileOpsRef::own(timer);
        vfs::new_anon_file("anon_inode:[timerfd]", &inode, ops, flags, cred)
    }

    /// timerfd_settime(2); answers the setting before. `absolute`: `new.value_ns` is a time of the timer's clock.
    pub fn set(&self, new: Setting, absolute: bool, cancel_on_set: bool) -> Setting {
        self.node.cancel_and_wait();
        let now = time::monotonic_ns();
        let due = match (new.value_ns, absolute) {
            (0, _) => 0,
            (value, true) => self.clock.to_monotonic_ns(value).max(1),
            (value, false) => now.saturating_add(value),
        };
        let mut state = self.state.lock_irq();
        let old = remaining(&state, now);
        *state = State {
            due_ns: due,
            interval_ns: new.interval_ns,
            ticks: 0,
            cancel_on_set: (cancel_on_set && absolute).then(time::clock::sets),
        };
        drop(state);
        if due != 0
            && let Some(me) = self.me.upgrade()
        {
            time::timer::arm(me, due);
        }
        old
    }

    /// timerfd_gettime(2).
    pub fn get(&self) -> Setting {
        remaining(&self.state.lock_irq(), time::monotonic_ns())
    }

    /// Ticks to read; ECANCELED: the clock was set.
    fn try_take(&self) -> Option<Result<u64>> {
        let mut state = self.state.lock_irq();
        if let Some(known) = state.cancel_on_set {
            let sets = time::clock::sets();
            if known != sets {
                state.cancel_on_set = Some(sets);
                state.ticks = 0;
                return Some(Err(Errno::ECANCELED));
            }
        }
        let ticks = core::mem::take(&mut state.ticks);
        (ticks > 0).then_some(Ok(ticks))
    }
}

fn remaining(state: &State, now: u64) -> Setting {
    let value_ns = match state.due_ns {
        0 => 0,
        // A periodic timer that is late is about to be moved on.
        due if due <= now && state.interval_ns > 0 => {
            state.interval_ns - (now - due) % state.interval_ns
        }
        due => due.saturating_sub(now),
    };
    Setting {
        value_ns,
        interval_ns: state.interval_ns,
    }
}

impl TimerTarget for TimerFd {
    fn node(&self) -> &TimerNode {
        &self.node
    }

    fn expired(&self, due_ns: u64, now_ns: u64) -> Restart {
        let mut state = self.state.lock_irq();
        if state.due_ns == 0 {
            return Restart::No;
        }
        let late_ns = now_ns.saturating_sub(due_ns);
        let next = match late_ns.checked_div(state.interval_ns) {
            None => {
                state.ticks += 1;
                state.due_ns = 0;
                Restart::No
            }
            Some(missed) => {
                state.ticks += missed + 1;
                let step = (missed + 1).saturating_mul(state.interval_ns);
                state.due_ns = due_ns.saturating_add(step);
                Restart::At(state.due_ns)
            }
        };
        drop(state);
        self.wait.wake_all_key(raw::POLLIN);
        next
    }
}

impl FileOps for TimerFd {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if buf.remaining() < size_of::<u64>() {
            return Err(Errno::EINVAL);
        }
        let ticks = match self.try_take() {
            Some(ticks) => ticks?,
            None if io.nonblock => return Err(Errno::EAGAIN),
            None => self
                .wait
                .wait(WaitMode::Interruptible, None, || self.try_take())??,
        };
        match buf.copy_to(&ticks.to_ne_bytes())? {
            8 => Ok(8),
            _ => Err(Errno::EFAULT),
        }
    }

    fn is_stream(&self) -> bool {
        true
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.wait);
        let state = self.state.lock_irq();
        let cancelled = state
            .cancel_on_set
            .is_some_and(|known| known != time::clock::sets());
        if state.ticks > 0 || cancelled {
            PollEvents::IN
        } else {
            PollEvents::empty()
        }
    }

    fn can_poll(&self) -> bool {
        true
    }

    fn release(&self, _file: &File) {
        self.state.lock_irq().due_ns = 0;
        self.node.cancel();
    }

    fn show_fdinfo(&self, _file: &File, out: &mut dyn fmt::Write) -> fmt::Result {
        let (setting, ticks) = (self.get(), self.state.lock_irq().ticks);
        let clock = match self.clock {
            ClockId::Realtime => raw::CLOCK_REALTIME,
            ClockId::Boottime => raw::CLOCK_BOOTTIME,
            _ => raw::CLOCK_MONOTONIC,
        };
        let split = |ns: u64| (ns / time::NSEC_PER_SEC, ns % time::NSEC_PER_SEC);
        let (value, interval) = (split(setting.value_ns), split(setting.interval_ns));
        writeln!(out, "clockid: {clock}\nticks: {ticks}\nsettime flags: 00")?;
        writeln!(out, "it_value: ({}, {})", value.0, value.1)?;
        writeln!(out, "it_interval: ({}, {})", interval.0, interval.1)
    }
}
