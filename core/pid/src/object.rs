//! Numbers, process groups and sessions hold one another: what they are made of stands here, what they do in `namespace`
//! and `group`.
use crate::SignalTarget;
use crate::list::List;
use crate::numbers::Numbers;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32};
use cred::{Charge, UserNamespace};
use sync::{SpinLock, WaitQueue};

pub(crate) const BUCKETS: usize = 1024;

/// The first space of numbers, by which the kernel itself calls everything.
pub struct PidNamespace {
    pub(crate) numbers: Numbers,
    pub(crate) buckets: [SpinLock<Bucket>; BUCKETS],
}

/// Numbers that share their low bits; nearly always at most one.
pub(crate) struct Bucket {
    pub(crate) first: Option<Arc<Pid>>,
    pub(crate) more: Vec<Arc<Pid>>,
}

/// A namespace of numbers, as a task is in one: the first, or one inside that.
#[derive(Clone)]
pub struct PidNs(pub(crate) Option<Arc<Nested>>);

/// One inside the first: it gives its own numbers to the same [`Pid`]s.
pub(crate) struct Nested {
    /// Of its file.
    pub(crate) number: u32,
    /// How many stand around it.
    pub(crate) level: u32,
    pub(crate) parent: PidNs,
    /// Whose capabilities count for it.
    pub(crate) owner: Arc<UserNamespace>,
    /// What it counts as among them.
    pub(crate) _counted: Charge,
    pub(crate) table: SpinLock<Table>,
    /// Woken as numbers come back after it was closed.
    pub(crate) emptied: WaitQueue,
}

pub(crate) struct Table {
    /// Numbers in use, in their order.
    pub(crate) used: Vec<Entry>,
    /// Given out last.
    pub(crate) last: i32,
    /// The process of number 1.
    pub(crate) reaper: Option<Arc<dyn SignalTarget>>,
    /// That process ends, and nothing can be made here.
    pub(crate) closed: bool,
    /// The status that it ends with, if somebody inside called reboot(2).
    pub(crate) end: Option<i32>,
}

pub(crate) struct Entry {
    pub(crate) nr: i32,
    /// None until it can be found.
    pub(crate) pid: Option<Arc<Pid>>,
}

/// The numbers of what is in a nested namespace, there and in those around it but the first; the innermost first.
pub(crate) struct Inside {
    pub(crate) ns: PidNs,
    pub(crate) numbers: Vec<i32>,
}

/// A number and what it names.
pub struct Pid {
    pub(crate) nr: i32,
    pub(crate) ns: &'static PidNamespace,
    /// None in the first namespace.
    pub(crate) inside: Option<Inside>,
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
