//! What ties a tracee to its tracer, and what a tracee has to look at on its way to user mode.
use crate::objects::{Follow, Task, Trace, TraceState};
use crate::task::work;
use abi::Result;
use alloc::sync::Arc;
use core::sync::atomic::AtomicU32;
use core::sync::atomic::Ordering::Relaxed;
use sync::{LockClass, SpinLock, WaitQueue, rank};

static STATE: LockClass = LockClass::new("trace_state", rank::TASK_LEAF);

/// Somebody traces it.
pub(crate) const TRACED: u32 = 1;
/// By `PTRACE_SEIZE`, or as the child of one so traced.
pub(crate) const SEIZED: u32 = 2;
/// It has to stop: `PTRACE_INTERRUPT`, a stop of the process.
pub(crate) const TRAP: u32 = 4;
/// It has to stop once more, since a stop of the process has begun or ended (`PTRACE_SEIZE` only).
pub(crate) const NOTIFY: u32 = 8;
/// It stood still for its process when it was attached to: the tracer waits until it stands still for its tracer.
pub(crate) const TRAPPING: u32 = 16;

/// `PTRACE_EVENT_*`: what a stop is for, above the signal in its code.
pub mod event {
    pub const FORK: u32 = 1;
    pub const VFORK: u32 = 2;
    pub const CLONE: u32 = 3;
    pub const EXEC: u32 = 4;
    pub const VFORK_DONE: u32 = 5;
    pub const EXIT: u32 = 6;
    pub const STOP: u32 = 128;
}

/// `PTRACE_O_*`. The option of an event is the bit of its number.
pub mod option {
    pub const TRACESYSGOOD: u32 = 1;
    pub const EXITKILL: u32 = 1 << 20;
    /// What can be set: all events but that of seccomp.
    pub const KNOWN: u32 = 0x7f | EXITKILL;
}

impl Trace {
    pub(crate) fn new(tracer: &Arc<Task>, options: u32) -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            tracer: tracer.clone(),
            place: AtomicU32::new(pid::list::NONE),
            options: AtomicU32::new(options),
            state: SpinLock::new(&STATE, TraceState::default()),
            queue: WaitQueue::new(),
        })
    }
    pub(crate) fn has(&self, option: u32) -> bool {
        self.options.load(Relaxed) & option != 0
    }
    /// Lets the tracee go on; false if it does not stand still.
    pub(crate) fn let_go(&self, follow: Follow, signal: u32) -> bool {
        let mut state = self.state.lock_irq();
        if !state.stopped {
            return false;
        }
        state.release(follow, signal);
        drop(state);
        self.queue.wake_all();
        true
    }
}

impl TraceState {
    fn release(&mut self, follow: Follow, signal: u32) {
        self.stopped = false;
        self.listening = false;
        self.report = None;
        self.follow = follow;
        self.signal = signal;
    }
}

impl Task {
    /// Whether somebody traces it.
    #[inline]
    pub fn is_traced(&self) -> bool {
        self.traced.load(Relaxed) & TRACED != 0
    }
    /// Whether its tracer seized it.
    pub fn is_seized(&self) -> bool {
        self.traced.load(Relaxed) & SEIZED != 0
    }
    /// Whether it has to stop for its tracer.
    pub(crate) fn has_trap(&self) -> bool {
        self.traced.load(Relaxed) & (TRAP | NOTIFY) != 0
    }
    pub(crate) fn bond(&self) -> Option<Arc<Trace>> {
        self.trace.lock_irq().clone()
    }
    /// Who traces it.
    pub fn tracer(&self) -> Option<Arc<Task>> {
        self.is_traced().then(|| self.bond()).flatten().map(|bond| bond.tracer.clone())
    }
    /// Whether it stands still for its tracer.
    pub(crate) fn is_held(&self) -> bool {
        self.is_traced() && self.bond().is_some_and(|bond| bond.state.lock_irq().stopped)
    }
    /// Whether its tracer could not do to any program what this one may: set-id programs are then run without their ids.
    pub fn is_traced_by_weaker(&self) -> bool {
        let strong = |tracer: &Arc<Task>| {
            let creds = tracer.cred().and_then(|of| Ok((of, self.cred()?)));
            creds.is_ok_and(|(of, own)| of.ns_capable(&own.user_ns, cred::cap::SYS_PTRACE))
        };
        self.tracer().is_some_and(|tracer| !strong(&tracer))
    }

    /// It has to stop for its tracer, for [`TRAP`] or [`NOTIFY`], also if it stands still with `PTRACE_LISTEN`. The
    /// process' signal lock is held.
    pub(crate) fn set_trap(&self, what: u32) {
        let Some(bond) = self.bond() else { return };
        self.traced.fetch_or(what, Relaxed);
        self.add_work(work::SIGNAL);
        bond.wake_listener();
        self.notice();
    }
    /// SIGKILL ends even the stop of a task on its way out. The process' signal lock is held.
    pub(crate) fn end_last_stop(&self) {
        if self.is_traced()
            && let Some(bond) = self.bond()
            && bond.state.lock_irq().code >> 8 == event::EXIT
        {
            bond.let_go(Follow::Free, 0);
        }
    }
    /// A stop of the process has begun or ended.
    pub(crate) fn notify_tracer(&self) {
        if self.is_seized() {
            self.set_trap(NOTIFY);
        }
    }
}

impl Trace {
    pub(crate) fn wake_listener(&self) {
        let mut state = self.state.lock_irq();
        if !state.listening {
            return;
        }
        state.release(Follow::Free, 0);
        drop(state);
        self.queue.wake_all();
    }
}
