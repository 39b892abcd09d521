//! What a process and its threads are made of. Each holds the others, so their definitions stand together; what can be done
//! with them stands in `process` and `task`.
use crate::identity::Identity;
use crate::io_counters::IoCounters;
use crate::itimers::Itimers;
use crate::ns::Namespaces;
use crate::posix_timers::PosixTimers;
use crate::restriction::Restriction;
use crate::signal::{Pending, SigHand};
use crate::usage::{Accounts, Usage};
use crate::user::User;
use crate::vfork::VforkDone;
use crate::wait_match::Change;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{
    AtomicBool, AtomicI16, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize,
};
use cred::{Cred, Rlimits};
use hal::user::UserRegs;
use hal::watch::Watch;
use mm::Mm;
use pid::list::Handle;
use pid::{List, Pid, ProcessGroup, SigInfo, SigSet};
use sched::Thread;
use sync::{SpinLock, WaitQueue};
use vfs::{CostCounters, FdTable, FsStruct};

/// Where a process is in its life, as its parent sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum ProcessLife {
    Alive,
    Zombie,
    /// Taken by a wait call, or ended without one.
    Reaped,
}

/// What the signal lock protects.
pub(crate) struct SigShared {
    pub(crate) pending: Pending,
    pub(crate) sighand: Arc<SigHand>,
    pub(crate) threads: List<Arc<Task>>,
    /// The first thread; it stays here as a zombie until the process is reaped.
    pub(crate) leader: Option<Arc<Task>>,
    /// The process ends with this status word.
    pub(crate) group_exit: Option<i32>,
    /// This thread replaces the program: the others end, it does not.
    pub(crate) exec_by: Option<i32>,
    /// It ends with a core image.
    pub(crate) core: Option<crate::core_image::Core>,
    pub(crate) stop: Stop,
}

/// Job control.
#[derive(Default)]
pub(crate) struct Stop {
    /// The signal that stops, while a stop is under way or done.
    pub(crate) signal: u32,
    /// Threads that have not stopped yet.
    pub(crate) missing: usize,
    /// All threads are stopped.
    pub(crate) stopped: bool,
    /// A stop that no wait call has taken.
    pub(crate) report_stop: bool,
    /// A continuation that no wait call has taken.
    pub(crate) report_continue: bool,
    /// The parent is yet to be told of this (`CLD_STOPPED`, `CLD_CONTINUED`); the first thread to run does.
    pub(crate) tell_parent: Option<Change>,
    /// How many SIGCONTs came: a stop that was decided before one is void.
    pub(crate) continues: u32,
}

pub(crate) struct Family {
    pub(crate) children: List<Arc<Process>>,
    /// What its threads trace; a thread that ended while it was traced stays here until that is taken.
    pub(crate) tracees: List<Arc<Task>>,
    /// It takes no more children: they go to its reaper.
    pub(crate) closed: bool,
}

/// The bond to the parent.
pub(crate) struct Link {
    pub(crate) parent: Option<Arc<Process>>,
    /// The thread that forked (`__WNOTHREAD`, `PR_SET_PDEATHSIG`).
    pub(crate) parent_tid: i32,
    /// This process' place in its parent's list.
    pub(crate) place: Handle,
    /// What the parent gets when it ends.
    pub(crate) exit_signal: u32,
    /// The parent's program ([`Process::program`]) when this process was made: a later one gets SIGCHLD, since it may be more
    /// privileged than who chose the signal.
    pub(crate) parent_program: u32,
}

pub(crate) struct Membership {
    pub(crate) group: Arc<ProcessGroup>,
    pub(crate) place: Handle,
}

/// A process (thread group): what its threads share beyond memory and files.
pub struct Process {
    pub(crate) pid: Arc<Pid>,
    pub(crate) nr: i32,
    /// Its number in its own namespace.
    pub(crate) local_nr: i32,
    pub(crate) life: AtomicU8,
    pub(crate) flags: AtomicU32,
    /// Threads that have not begun to exit.
    pub(crate) live: AtomicU32,
    pub(crate) exit_status: AtomicI32,
    pub(crate) parent_nr: AtomicI32,
    /// The parent's number in this process' namespace; 0: it has none there.
    pub(crate) local_parent_nr: AtomicI32,
    pub(crate) sig: SpinLock<SigShared>,
    pub(crate) family: SpinLock<Family>,
    pub(crate) link: SpinLock<Link>,
    pub(crate) membership: SpinLock<Option<Membership>>,
    pub(crate) user: SpinLock<Arc<User>>,
    pub(crate) accounts: SpinLock<Accounts>,
    pub(crate) itimers: Itimers,
    pub(crate) timers: PosixTimers,
    /// Wait calls of this process' threads.
    pub(crate) child_wait: WaitQueue,
    /// Threads of this process that are stopped.
    pub(crate) stop_wait: WaitQueue,
    /// Its end, and the end of its threads (exec, pidfds).
    pub(crate) end_wait: WaitQueue,
    /// Woken by every signal that comes (signalfd).
    pub(crate) signal_wait: WaitQueue,
    /// What its threads have together of System V objects: changes of semaphores to be undone, segments made.
    pub(crate) sysv: SpinLock<Option<Arc<dyn Any + Send + Sync>>>,
    pub(crate) limits: Rlimits,
    pub(crate) oom_score_adj: AtomicI16,
    pub(crate) core_filter: AtomicU32,
    /// How many programs it has run before this one.
    pub(crate) programs: AtomicU32,
}

/// Where a task is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Life {
    /// It runs, sleeps or is stopped.
    Alive,
    /// It is on its way out and takes no signals any more.
    Exiting,
    /// It has ended and its number is kept (a process' first thread, until the process is waited for).
    Zombie,
    /// Nothing of it is left but references.
    Dead,
}

/// Copies of a task's own references, for `/proc` and for checks of permission by others.
#[derive(Default)]
pub(crate) struct View {
    pub(crate) files: Option<FdTable>,
    pub(crate) fs: Option<Arc<FsStruct>>,
    pub(crate) cred: Option<Arc<Cred>>,
    pub(crate) ns: Option<Arc<Namespaces>>,
    /// Another thread may change it, with the process' signal lock held and [`work::SECCOMP`](crate::task::work::SECCOMP).
    pub(crate) seccomp: Restriction,
}

/// How a tracee goes on from a stop.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Follow {
    /// Until the next signal or event.
    #[default]
    Free,
    /// Until the next entry or exit of a system call, too.
    Calls,
    /// By one instruction.
    Step,
}

/// A tracee as its tracer sees and changes it (ptrace(2)). What is here of registers and signal is true while it stands
/// still; it takes all of it back when it goes on.
#[derive(Default)]
pub struct TraceState {
    /// It stands still.
    pub stopped: bool,
    /// `PTRACE_LISTEN`: it stands still, and the tracer has let it go.
    pub(crate) listening: bool,
    /// What wait(2) shows above its low byte: the signal, and the event above that.
    pub code: u32,
    /// The signal that is to be delivered, or what stands for the event; none in a stop of the whole process.
    pub info: Option<SigInfo>,
    /// `PTRACE_GETEVENTMSG`.
    pub message: u64,
    /// Registers.
    pub regs: UserRegs,
    /// The mask to come back to after the call that is under way.
    pub saved_mask: Option<SigSet>,
    /// Debug registers.
    pub watch: Watch,
    /// DR6 as of the last debug trap.
    pub cause: u64,
    /// What no wait call has taken yet.
    pub(crate) report: Option<Change>,
    /// It has ended with this status word, and its tracer has not taken that.
    pub(crate) ended: Option<i32>,
    /// How it goes on.
    pub(crate) follow: Follow,
    /// The signal that it goes on with.
    pub(crate) signal: u32,
}

/// The bond between a tracee and its tracer.
pub(crate) struct Trace {
    /// The thread that traces.
    pub(crate) tracer: Arc<Task>,
    /// The tracee's place in the list of the tracer's process.
    pub(crate) place: AtomicU32,
    /// `PTRACE_O_*`.
    pub(crate) options: AtomicU32,
    pub(crate) state: SpinLock<TraceState>,
    /// Where the tracee waits.
    pub(crate) queue: WaitQueue,
}

/// One thread of a process.
pub struct Task {
    pub(crate) tid: AtomicI32,
    /// Its number in its own namespace.
    pub(crate) local_tid: AtomicI32,
    pub(crate) pid: SpinLock<Arc<Pid>>,
    pub(crate) process: Arc<Process>,
    /// Taken away when the task has ended: the thread holds the task too.
    pub(crate) thread: SpinLock<Option<Arc<Thread>>>,
    /// What it had used at the end.
    pub(crate) final_usage: SpinLock<Usage>,
    /// [`work`](crate::task::work) flags.
    pub(crate) work: AtomicU32,
    pub(crate) life: AtomicU8,
    /// This task's place among the threads of its process.
    pub(crate) place: AtomicU32,
    /// Blocked signals; changed by the task itself with the process' signal lock held.
    pub(crate) blocked: AtomicU64,
    /// What sigtimedwait(2) has unblocked for a moment: still not to be discarded as ignored.
    pub(crate) waited_for: AtomicU64,
    /// Signals for this task alone; touched with the process' signal lock held.
    pub(crate) pending: SpinLock<Pending>,
    /// The set of `pending`, so that "nothing" is seen without its lock.
    pub(crate) pending_bits: AtomicU64,
    /// It has to stop, or is stopped.
    pub(crate) stopping: AtomicBool,
    /// [`traced`](crate::ptrace::bond) flags; changed with the process' signal lock held.
    pub(crate) traced: AtomicU32,
    /// The bond to its tracer. Changed with the process' signal lock held.
    pub(crate) trace: SpinLock<Option<Arc<Trace>>>,
    pub(crate) view: SpinLock<View>,
    /// The real and the saved user of what `view` shows, without its lock.
    pub(crate) identity: Identity,
    pub(crate) mm: SpinLock<Option<Arc<Mm>>>,
    pub(crate) comm: SpinLock<[u8; 16]>,
    /// Where its `struct rseq` is; 0: nowhere. For whoever switches away from it.
    pub(crate) rseq: AtomicUsize,
    /// set_robust_list(2).
    pub(crate) robust_list: AtomicUsize,
    /// ioprio_set(2).
    pub(crate) io_priority: AtomicU32,
    /// `PR_SET_PDEATHSIG`.
    pub(crate) parent_death_signal: AtomicU32,
    /// `PR_SET_NO_NEW_PRIVS`.
    pub(crate) no_new_privs: AtomicBool,
    /// `PR_SET_TIMERSLACK`: how much later than asked its sleeps may end, and what it was at its birth.
    pub(crate) slack_ns: AtomicU64,
    pub(crate) birth_slack_ns: u64,
    pub(crate) exit_code: AtomicI32,
    /// The parent that waits for this vfork child to leave its memory.
    pub(crate) vfork: SpinLock<Option<Arc<VforkDone>>>,
    pub(crate) started_ns: u64,
    pub(crate) minor_faults: AtomicU64,
    pub(crate) major_faults: AtomicU64,
    /// What its communication has cost while that was counted.
    pub(crate) cost: CostCounters,
    /// What it has read and written.
    pub(crate) io: IoCounters,
}
