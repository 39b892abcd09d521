//! What tasks are called (pid_namespaces(7)). The kernel calls them by their numbers in the first namespace; programs, by those
//! in the namespace that they are in. System calls translate on their way in and out; a task keeps its own names at hand.
use crate::cx::Cx;
use crate::objects::{Process, Task};
use crate::process::{find_process_in, find_task_in};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use pid::{PidNs, ProcessGroup};

/// No process has it.
const NOBODY: i32 = i32::MAX;

/// What `ns` calls the thread, process, group or session that the kernel calls `nr`; 0: it is not in there, or has ended.
pub fn number_in(nr: i32, ns: &PidNs) -> i32 {
    if ns.is_first() {
        nr
    } else {
        pid::find(nr).map_or(0, |pid| pid.nr_in(ns))
    }
}

/// The namespace of the running task; a kernel thread's is the first.
pub fn own_pids() -> PidNs {
    crate::task::with_current(|task| task.process().pids().clone()).unwrap_or(PidNs::FIRST)
}

impl Process {
    /// The namespace of numbers that it is in.
    #[inline]
    pub fn pids(&self) -> &PidNs {
        self.pid().ns()
    }
    /// getpid(2).
    #[inline]
    pub fn local_nr(&self) -> i32 {
        self.local_nr
    }
    /// getppid(2); 0: the parent is none, or not in the same namespace.
    #[inline]
    pub fn local_parent_nr(&self) -> i32 {
        self.local_parent_nr.load(Relaxed)
    }
    /// Its number in a namespace; 0: it is not in there.
    #[inline]
    pub fn nr_in(&self, ns: &PidNs) -> i32 {
        self.pid().nr_in(ns)
    }
    /// Its parent's number in a namespace.
    pub fn parent_nr_in(&self, ns: &PidNs) -> i32 {
        number_in(self.parent_nr(), ns)
    }
    /// Numbers of process group and session in a namespace; 0 once reaped, or outside.
    pub fn group_and_session_in(&self, ns: &PidNs) -> (i32, i32) {
        if ns.is_first() {
            return self.group_and_session();
        }
        self.group().map_or((0, 0), |group| {
            (group.pid().nr_in(ns), group.session().pid().nr_in(ns))
        })
    }
    /// Whether orphans of its namespace, one inside the first, become its children.
    pub(crate) fn is_reaper_inside(&self) -> bool {
        self.local_nr == 1 && !self.pids().is_first()
    }
}

impl Task {
    /// gettid(2).
    #[inline]
    pub fn local_tid(&self) -> i32 {
        self.local_tid.load(Relaxed)
    }
    /// Its number in a namespace; 0: it is not in there.
    pub fn tid_in(&self, ns: &PidNs) -> i32 {
        if ns.is_first() {
            self.tid()
        } else {
            self.pid().nr_in(ns)
        }
    }
    /// Its number as its tracer has it.
    pub(crate) fn tid_for_tracer_of(&self, tracee: &Self) -> i32 {
        let tracer = tracee.tracer();
        tracer.map_or(self.tid(), |tracer| self.tid_in(tracer.process().pids()))
    }
}

impl Cx {
    /// The namespace whose numbers the program has.
    #[inline]
    pub fn pids(&self) -> &PidNs {
        self.process().pids()
    }
    /// The process that the program calls `nr`. `ESRCH`.
    pub fn find_process(&self, nr: i32) -> Result<Arc<Process>> {
        find_process_in(self.pids(), nr)
    }
    /// The thread that the program calls `nr`. `ESRCH`.
    pub fn find_task(&self, nr: i32) -> Result<Arc<Task>> {
        find_task_in(self.pids(), nr)
    }
    /// The process group that the program calls `nr`. `ESRCH`.
    pub fn find_group(&self, nr: i32) -> Result<Arc<ProcessGroup>> {
        let found = self.pids().find(nr).and_then(|pid| pid.group());
        found.ok_or(Errno::ESRCH)
    }
    /// What the kernel calls what the program calls `nr`; a number of nobody's if there is no such thing. What is no number is
    /// left as it is, and the sign stays.
    pub fn kernel_nr(&self, nr: i32) -> i32 {
        if self.pids().is_first() || matches!(nr, i32::MIN | -1 | 0) {
            return nr;
        }
        let found = self.pids().find(nr.abs());
        nr.signum() * found.map_or(NOBODY, |pid| pid.nr())
    }
}
