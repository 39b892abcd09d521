//! A thread's state, one word, changed by compare-and-swap.
//!
//! `running` ⇄ `announced(mode)` → `blocked(mode)` → `running`; `new` at first, `dead` at last. The thread itself
//! announces a sleep; the scheduler turns that into blocked when it takes the thread off the CPU; a waker turns either
//! into running, and only the one who found it blocked puts it on a run queue.
use core::sync::atomic::{AtomicU32, Ordering};
use sync::WaitMode;

const RUNNING: u32 = 0;
const NEW: u32 = 5;
const DEAD: u32 = 6;
/// Off the CPU and on no queue.
const BLOCKED: u32 = 0x100;

/// What /proc shows of a thread's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum StateChar {
    /// Running or runnable.
    Running = b'R',
    /// Sleeping until an event or a signal.
    Sleeping = b'S',
    /// Sleeping, signals do not help.
    DiskSleep = b'D',
    /// A kernel thread without work.
    Idle = b'I',
    /// Dead.
    Dead = b'X',
}

#[derive(Debug)]
pub(crate) struct State(AtomicU32);

/// What a wake-up found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// It was not asleep (or only about to be): nothing is left to do.
    Awake,
    /// It was blocked: the caller puts it on a run queue.
    Blocked {
        /// It counted for the load while it slept.
        uninterruptible: bool,
    },
}

const fn code(mode: WaitMode) -> u32 {
    match mode {
        WaitMode::Interruptible => 1,
        WaitMode::Killable => 2,
        WaitMode::Uninterruptible => 3,
        WaitMode::Idle => 4,
    }
}

const fn counts_as_load(state: u32) -> bool {
    matches!(state & 0xff, 2 | 3)
}

impl State {
    pub(crate) const fn new() -> Self {
        Self(AtomicU32::new(NEW))
    }
    pub(crate) const fn running() -> Self {
        Self(AtomicU32::new(RUNNING))
    }

    /// Announces a sleep. A full barrier: the condition is looked at after this is seen by wakers.
    #[inline]
    pub(crate) fn announce(&self, mode: WaitMode) {
        self.0.swap(code(mode), Ordering::SeqCst);
    }
    #[inline]
    pub(crate) fn set_running(&self) {
        self.0.store(RUNNING, Ordering::Relaxed);
    }
    #[inline]
    pub(crate) fn is_running(&self) -> bool {
        self.0.load(Ordering::Relaxed) == RUNNING
    }

    /// The scheduler takes the announced sleeper off the CPU. `None`: it was woken meanwhile. Else whether it counts
    /// for the load.
    #[inline]
    pub(crate) fn block(&self) -> Option<bool> {
        let state = self.0.load(Ordering::Relaxed);
        if !(1..=4).contains(&state) {
            return None;
        }
        self.0
            .compare_exchange(state, state | BLOCKED, Ordering::AcqRel, Ordering::Relaxed)
            .ok()
            .map(counts_as_load)
    }

    /// A wake-up of whoever sleeps in any mode that `wanted` accepts.
    #[inline]
    fn wake_where(&self, wanted: impl Fn(u32) -> bool) -> Woken {
        let mut state = self.0.load(Ordering::SeqCst);
        loop {
            if !(1..=4).contains(&(state & 0xff)) || !wanted(state & 0xff) {
                return Woken::Awake;
            }
            match self
                .0
                .compare_exchange(state, RUNNING, Ordering::SeqCst, Ordering::SeqCst)
            {
                Err(now) => state = now,
                Ok(_) if state & BLOCKED == 0 => return Woken::Awake,
                Ok(_) => {
                    return Woken::Blocked {
                        uninterruptible: counts_as_load(state),
                    };
                }
            }
        }
    }
    #[inline]
    pub(crate) fn wake(&self) -> Woken {
        self.wake_where(|_| true)
    }
    /// A signal: wakes interruptible sleepers, and killable ones if it kills.
    pub(crate) fn wake_for_signal(&self, kills: bool) -> Woken {
        self.wake_where(|mode| mode == 1 || (kills && mode == 2))
    }

    /// From new to running, once.
    pub(crate) fn start(&self) -> bool {
        self.0
            .compare_exchange(NEW, RUNNING, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
    }
    pub(crate) fn die(&self) {
        self.0.store(DEAD, Ordering::Release);
    }
    #[inline]
    pub(crate) fn is_dead(&self) -> bool {
        self.0.load(Ordering::Acquire) == DEAD
    }
    pub(crate) fn char(&self) -> StateChar {
        match self.0.load(Ordering::Relaxed) & 0xff {
            RUNNING | NEW => StateChar::Running,
            1 => StateChar::Sleeping,
            4 => StateChar::Idle,
            DEAD => StateChar::Dead,
            _ => StateChar::DiskSleep,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wake_ups_are_not_lost_and_not_doubled() {
        let state = State::new();
        assert_eq!(state.wake(), Woken::Awake);
        assert!(state.start() && !state.start());
        assert_eq!(state.block(), None);
        state.announce(WaitMode::Interruptible);
        assert_eq!(state.wake(), Woken::Awake, "not yet off the CPU");
        assert_eq!(state.block(), None, "so it stays on it");
        state.announce(WaitMode::Killable);
        assert_eq!(state.block(), Some(true));
        assert_eq!(state.char(), StateChar::DiskSleep);
        assert_eq!(state.wake_for_signal(false), Woken::Awake);
        assert_eq!(
            state.wake_for_signal(true),
            Woken::Blocked {
                uninterruptible: true
            }
        );
        assert_eq!(state.wake(), Woken::Awake, "one waker queues it");
        state.die();
        assert_eq!(
            (state.wake(), state.char(), state.is_dead()),
            (Woken::Awake, StateChar::Dead, true)
        );
    }
}
