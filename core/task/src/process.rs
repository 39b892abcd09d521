//! A process (thread group): what its threads share beyond memory and files.
//!
//! Lock order: `family` of the parent, `link` of the child, then `sig`, then a task's own leaf locks. No two processes'
//! locks of one kind are ever held together.
use crate::itimers::Itimers;
use crate::objects::{Family, Link, Process, ProcessLife, SigShared, Stop, Task};
use crate::posix_timers::PosixTimers;
use crate::signal::{Pending, SigHand};
use crate::usage::Accounts;
use crate::user::User;
use abi::Result;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicI16, AtomicI32, AtomicU8, AtomicU32};
use cred::Rlimits;
use pid::{List, Pid, PidNs, ProcessGroup, SigSet};
use sync::{LockClass, SpinLock, WaitQueue, rank};

static FAMILY: LockClass = LockClass::new("process_family", rank::TASKLIST);
static LINK: LockClass = LockClass::new("process_link", rank::TASK_LINK);
static SIG: LockClass = LockClass::new("siglock", rank::SIGHAND);
static LEAF: LockClass = LockClass::new("process_leaf", rank::TASK_LEAF);

/// Properties of a process that change rarely.
pub(crate) mod flag {
    /// `PR_SET_CHILD_SUBREAPER`.
    pub(crate) const SUBREAPER: u32 = 1;
    /// Some ancestor is a subreaper: orphans look for it.
    pub(crate) const HAS_SUBREAPER: u32 = 2;
    /// Init: signals without a handler do nothing.
    pub(crate) const UNKILLABLE: u32 = 4;
    /// It has called execve since it was forked: setpgid by the parent is over.
    pub(crate) const EXECED: u32 = 8;
    /// `PR_SET_DUMPABLE` is 0.
    pub(crate) const NOT_DUMPABLE: u32 = 16;
    /// It gave its session's terminal up for itself alone (`TIOCNOTTY`), and its children get none.
    pub(crate) const NO_TTY: u32 = 32;
    /// A kernel thread.
    pub(crate) const KERNEL: u32 = 64;
    /// It is ending with a core image.
    pub(crate) const DUMPS_CORE: u32 = 128;
    /// It ends and with it its namespace of numbers: its children leave no zombies.
    pub(crate) const REAPS: u32 = 256;
}

pub(crate) struct ProcessInit {
    pub(crate) pid: Arc<Pid>,
    pub(crate) sighand: Arc<SigHand>,
    pub(crate) user: Arc<User>,
    pub(crate) limits: Rlimits,
    pub(crate) exit_signal: u32,
    pub(crate) parent_program: u32,
    pub(crate) flags: u32,
    pub(crate) oom_score_adj: i16,
    pub(crate) core_filter: u32,
}

impl Process {
    pub(crate) fn new(init: ProcessInit) -> Result<Arc<Self>> {
        let sig = SigShared {
            pending: Pending::new(),
            sighand: init.sighand,
            threads: List::new(),
            leader: None,
            group_exit: None,
            exec_by: None,
            core: None,
            stop: Stop::default(),
        };
        let link = Link {
            parent: None,
            parent_tid: 0,
            place: pid::list::NONE,
            exit_signal: init.exit_signal,
            parent_program: init.parent_program,
        };
        kmem::try_arc(Self {
            nr: init.pid.nr(),
            local_nr: init.pid.own_nr(),
            pid: init.pid,
            life: AtomicU8::new(ProcessLife::Alive as u8),
            flags: AtomicU32::new(init.flags),
            live: AtomicU32::new(0),
            exit_status: AtomicI32::new(0),
            parent_nr: AtomicI32::new(0),
            local_parent_nr: AtomicI32::new(0),
            sig: SpinLock::new(&SIG, sig),
            family: SpinLock::new(
                &FAMILY,
                Family {
                    children: List::new(),
                    tracees: List::new(),
                    closed: false,
                },
            ),
            link: SpinLock::new(&LINK, link),
            membership: SpinLock::new(&LEAF, None),
            user: SpinLock::new(&LEAF, init.user),
            accounts: SpinLock::new(&LEAF, Accounts::default()),
            itimers: Itimers::new(),
            timers: PosixTimers::new(),
            child_wait: WaitQueue::new(),
            stop_wait: WaitQueue::new(),
            end_wait: WaitQueue::new(),
            signal_wait: WaitQueue::new(),
            sysv: SpinLock::new(&LEAF, None),
            limits: init.limits,
            oom_score_adj: AtomicI16::new(init.oom_score_adj),
            core_filter: AtomicU32::new(init.core_filter),
            programs: AtomicU32::new(0),
        })
    }

    /// Process id, as the kernel itself has it.
    #[inline]
    pub fn nr(&self) -> i32 {
        self.nr
    }
    /// Its number object.
    pub fn pid(&self) -> &Arc<Pid> {
        &self.pid
    }
    /// The parent's number, as the kernel itself has it; 0 for init.
    #[inline]
    pub fn parent_nr(&self) -> i32 {
        self.parent_nr.load(Relaxed)
    }
    /// The parent; none for init and for what has been reaped.
    pub fn parent(&self) -> Option<Arc<Process>> {
        self.link.lock().parent.clone()
    }
    /// The process group.
    ///
    /// # Errors
    /// `ESRCH`: it has been reaped.
    pub fn group(&self) -> Result<Arc<ProcessGroup>> {
        let membership = self.membership.lock_irq();
        membership
            .as_ref()
            .map(|m| m.group.clone())
            .ok_or(abi::Errno::ESRCH)
    }
    /// Numbers of process group and session, as the kernel itself has them; 0 once reaped.
    pub fn group_and_session(&self) -> (i32, i32) {
        let membership = self.membership.lock_irq();
        membership
            .as_ref()
            .map_or((0, 0), |m| (m.group.id(), m.group.session().id()))
    }
    /// The first thread; it may have ended before the others.
    pub fn leader(&self) -> Option<Arc<Task>> {
        self.sig.lock_irq().leader.clone()
    }
    /// Calls `f` for each thread until it answers false. Under the signal lock, interrupts off.
    pub fn for_each_thread(&self, mut f: impl FnMut(&Arc<Task>) -> bool) {
        for task in &self.sig.lock_irq().threads {
            if !f(task) {
                return;
            }
        }
    }
    /// The n-th thread, oldest first; for callers that do more with it than the signal lock allows.
    pub fn nth_thread(&self, n: usize) -> Option<Arc<Task>> {
        self.sig.lock_irq().threads.iter().nth(n).cloned()
    }
    /// How many threads there are, ended first thread included.
    pub fn thread_count(&self) -> usize {
        self.sig.lock_irq().threads.len()
    }
    /// Resource limits.
    pub fn limits(&self) -> &Rlimits {
        &self.limits
    }
    /// Signals pending for the process as a whole.
    pub fn pending_set(&self) -> SigSet {
        self.sig.lock_irq().pending.set()
    }
    /// What it does on signals.
    pub fn sighand(&self) -> Arc<SigHand> {
        self.sig.lock_irq().sighand.clone()
    }
    /// `/proc/PID/oom_score_adj`, -1000 to 1000.
    pub fn oom_score_adj(&self) -> i16 {
        self.oom_score_adj.load(Relaxed)
    }
    /// Sets it; the caller has checked range and permission.
    pub fn set_oom_score_adj(&self, value: i16) {
        self.oom_score_adj.store(value, Relaxed);
    }
    /// `/proc/PID/coredump_filter`: which memory goes into its core image (core(5)).
    pub fn core_filter(&self) -> u32 {
        self.core_filter.load(Relaxed)
    }
    /// Sets it; bits that mean nothing are left out.
    pub fn set_core_filter(&self, filter: u32) {
        self.core_filter
            .store(filter & crate::core_image::FILTER_ALL, Relaxed);
    }
    /// Whether it may leave a core image and be looked into by its owner (`PR_GET_DUMPABLE`).
    pub fn is_dumpable(&self) -> bool {
        !self.has(flag::NOT_DUMPABLE)
    }
    /// `PR_SET_DUMPABLE`.
    pub fn set_dumpable(&self, on: bool) {
        self.set(flag::NOT_DUMPABLE, !on);
    }
    /// `PR_GET_CHILD_SUBREAPER`.
    pub fn is_subreaper(&self) -> bool {
        self.has(flag::SUBREAPER)
    }
    /// Whether it is a kernel thread.
    pub fn is_kernel(&self) -> bool {
        self.has(flag::KERNEL)
    }
    /// Whether it still runs the program it was born with (`PF_FORKNOEXEC`).
    pub fn never_execed(&self) -> bool {
        !self.has(flag::EXECED)
    }
    /// Tells the programs that it runs apart: grows with every execve(2).
    pub fn program(&self) -> u32 {
        self.programs.load(Relaxed)
    }
    /// Whether the process has ended (zombie or gone).
    pub fn has_ended(&self) -> bool {
        self.life() != ProcessLife::Alive
    }
    /// What every signal wakes that comes to it or one of its threads, blocked or not (signalfd).
    pub fn signal_queue(&self) -> &WaitQueue {
        &self.signal_wait
    }
    /// What is woken when it ends.
    pub fn end_queue(&self) -> &WaitQueue {
        &self.end_wait
    }

    pub(crate) fn has(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }
    pub(crate) fn set(&self, flag: u32, on: bool) {
        if on {
            self.flags.fetch_or(flag, Relaxed);
        } else {
            self.flags.fetch_and(!flag, Relaxed);
        }
    }
    pub(crate) fn life(&self) -> ProcessLife {
        match self.life.load(Acquire) {
            0 => ProcessLife::Alive,
            1 => ProcessLife::Zombie,
            _ => ProcessLife::Reaped,
        }
    }
    pub(crate) fn set_life(&self, life: ProcessLife) {
        self.life.store(life as u8, Release);
    }
    /// One of several threads that wait takes the zombie.
    pub(crate) fn claim_zombie(&self) -> bool {
        let (zombie, reaped) = (ProcessLife::Zombie as u8, ProcessLife::Reaped as u8);
        self.life
            .compare_exchange(zombie, reaped, AcqRel, Relaxed)
            .is_ok()
    }
    /// The user that it counts for.
    pub fn user(&self) -> Arc<User> {
        self.user.lock_irq().clone()
    }
}

/// The process of a number in a namespace.
///
/// # Errors
/// `ESRCH`: no process (or only a thread, a group) has it.
pub fn find_process_in(ns: &PidNs, nr: i32) -> Result<Arc<Process>> {
    let target = ns
        .find(nr)
        .and_then(|pid| pid.process())
        .ok_or(abi::Errno::ESRCH)?;
    target.as_any().downcast().map_err(|_| abi::Errno::ESRCH)
}

/// The thread of a number in a namespace.
///
/// # Errors
/// `ESRCH`: there is none.
pub fn find_task_in(ns: &PidNs, nr: i32) -> Result<Arc<Task>> {
    let target = ns
        .find(nr)
        .and_then(|pid| pid.thread())
        .ok_or(abi::Errno::ESRCH)?;
    target.as_any().downcast().map_err(|_| abi::Errno::ESRCH)
}

/// The first process with a number of at least `from` in a namespace, and the number: how `/proc` and kill(-1) walk all of
/// them.
pub fn next_process_in(ns: &PidNs, from: i32) -> Option<(i32, Arc<Process>)> {
    let mut at = from;
    loop {
        let (nr, pid) = ns.next(at)?;
        at = nr + 1;
        if let Some(process) = pid.process().and_then(|p| p.as_any().downcast().ok()) {
            return Some((nr, process));
        }
    }
}

/// The process that the kernel calls `nr`. `ESRCH` as [`find_process_in`].
pub fn find_process(nr: i32) -> Result<Arc<Process>> {
    find_process_in(&PidNs::FIRST, nr)
}

/// The thread that the kernel calls `nr`. `ESRCH` as [`find_task_in`].
pub fn find_task(nr: i32) -> Result<Arc<Task>> {
    find_task_in(&PidNs::FIRST, nr)
}

/// The first of all processes with a number of at least `from`.
pub fn next_process(from: i32) -> Option<Arc<Process>> {
    next_process_in(&PidNs::FIRST, from).map(|(_, process)| process)
}

impl Process {
    /// What its threads have together of System V objects, once there is something.
    pub fn sysv(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.sysv.lock_irq().clone()
    }

    /// Keeps `fresh` as that, unless there is something; what there is then.
    pub fn keep_sysv(&self, fresh: Arc<dyn Any + Send + Sync>) -> Arc<dyn Any + Send + Sync> {
        self.sysv.lock_irq().get_or_insert(fresh).clone()
    }

    /// Takes it away: its last thread ends.
    pub fn take_sysv(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        self.sysv.lock_irq().take()
    }

    /// Whether all of its threads have begun to end.
    pub fn is_ending(&self) -> bool {
        self.live.load(Acquire) == 0
    }

    /// Whether it leaves a core image.
    pub fn is_dumping(&self) -> bool {
        self.sig.lock_irq().core.is_some()
    }
}
