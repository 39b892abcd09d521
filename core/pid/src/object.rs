//! Numbers, process groups and sessions hold one another: what they are made of stands here, what they do in `namespace`
//! and `group`.
use crate::SignalTarget;
use crate::list::List;
use crate::numbers::Numbers;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32};
use sync::SpinLock;

pub(crate) const BUCKETS: usize = 1024;

/// A space of numbers. There is one today; a nested one gives its own numbers to the same [`Pid`]s.
pub struct PidNamespace {
    pub(crate) numbers: Numbers,
    pub(crate) buckets: [SpinLock<Bucket>; BUCKETS],
}

/// Numbers that share their low bits; nearly always at most one.
pub(crate) struct Bucket {
    pub(crate) first: Option<Arc<Pid>>,
    pub(crate) more: Vec<Arc<Pid>>,
}

/// A number and what it names.
pub struct Pid {
    pub(crate) nr: i32,
    pub(crate) ns: &'static PidNamespace,
    pub(crate) holds_number: AtomicBool,
    pub(crate) links: SpinLock<Links>,
}

#[derive(Default)]
pub(crate) struct Links {
    pub(crate) thread: Option<Arc<dyn SignalTarget>>,
    pub(crate) process: Option<Arc<dyn SignalTarget>>,
    pub(crate) group: Option<Arc<ProcessGroup>>,
    pub(crate) session: Option<Arc<Session>>,
}

/// What the controlling terminal of a session does for processes; the terminal layer implements it.
pub trait ControllingTty: Send + Sync {
    /// Device number as `stat(2)` encodes it, for `/proc/PID/stat`.
    fn device(&self) -> u64;
    /// The foreground process group; `None` if there is none.
    fn foreground(&self) -> Option<Arc<ProcessGroup>>;
    /// The session's leader exits or gives the terminal up: the foreground group gets SIGHUP and SIGCONT, and the
    /// terminal belongs to no session any more.
    fn disassociate(&self, session: &Session, leader_exits: bool);
    /// The terminal itself, for the layer that made it (`/dev/tty`).
    fn as_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
}

/// A session: process groups that share a controlling terminal.
pub struct Session {
    pub(crate) pid: Arc<Pid>,
    pub(crate) groups: AtomicU32,
    pub(crate) tty: SpinLock<Option<Arc<dyn ControllingTty>>>,
}

pub(crate) struct Members {
    pub(crate) list: List<Arc<dyn SignalTarget>>,
    pub(crate) dead: bool,
}

/// A process group: what a shell calls a job.
pub struct ProcessGroup {
    pub(crate) pid: Arc<Pid>,
    pub(crate) session: Arc<Session>,
    pub(crate) members: SpinLock<Members>,
}
