//! Kernel threads as users see them: each is a process of one thread, without memory, deaf to signals, with a number. The
//! first is `kthreadd`, the thread that brings the machine up; the others are its children by their numbers.
//!
//! What runs is the scheduler's business ([`sched::roll`]); a process here only stands for it, and ends with it.
//!
//! Specification: proc_pid_stat(5), `PF_KTHREAD` of Linux.
use crate::link::{first_thread, undo_process};
use crate::limits::User;
use crate::ns::Namespaces;
use crate::objects::{Life, Process, Task};
use crate::process::{ProcessInit, flag};
use crate::restriction::Restriction;
use crate::signal::SigHand;
use crate::task::{TIMER_SLACK_NS, TaskInit};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use cred::{Cred, Rlimits};
use pid::SigSet;
use sched::Thread;
use sched::roll::{Entered, Roll};
use sync::Once;
use vfs::{FdTable, Files, FsStruct};

/// The number of `kthreadd`.
const PARENT: i32 = 2;

/// What all of them have in common.
struct Shared {
    sighand: Arc<SigHand>,
    user: Arc<User>,
    limits: Rlimits,
    files: FdTable,
    fs: Arc<FsStruct>,
    cred: Arc<Cred>,
    ns: Arc<Namespaces>,
}

static SHARED: Once<Shared> = Once::new();

/// Gives all kernel threads numbers, the calling one the next that is free. Once, when process 1 has its own.
pub(crate) fn open_roll(
    cred: &Arc<Cred>,
    limits: &Rlimits,
    fs: &Arc<FsStruct>,
    ns: &Arc<Namespaces>,
) -> Result<()> {
    let shared = Shared {
        sighand: SigHand::deaf()?,
        user: User::of(cred.uid)?,
        limits: limits.fork(),
        files: Files::new()?.view(),
        fs: fs.try_clone()?,
        cred: cred.clone(),
        ns: ns.clone(),
    };
    let _ = SHARED.set(shared); // there is one process 1
    sched::roll::open(&Numbers)
}

struct Numbers;

impl Roll for Numbers {
    fn enter(&self, thread: &Arc<Thread>) -> Result<Entered> {
        let shared = SHARED.get().ok_or(Errno::EAGAIN)?;
        let task = enlist(thread, shared)?;
        kmem::try_arc(Enlisted(task)).map(|entered| entered as Entered)
    }
}

/// A kernel thread's process; it is gone when this is.
struct Enlisted(Arc<Task>);

impl Drop for Enlisted {
    fn drop(&mut self) {
        let task = &self.0;
        task.set_life(Life::Dead);
        task.pid().detach_both();
        undo_process(task);
        task.set_thread(None);
    }
}

fn enlist(thread: &Arc<Thread>, shared: &Shared) -> Result<Arc<Task>> {
    let pid = pid::INIT_NS.alloc()?;
    let process = Process::new(ProcessInit {
        pid: pid.clone(),
        sighand: shared.sighand.clone(),
        user: shared.user.clone(),
        limits: shared.limits.fork(),
        exit_signal: 0,
        parent_program: 0,
        flags: flag::KERNEL | flag::UNKILLABLE,
        oom_score_adj: 0,
        core_filter: crate::core_image::FILTER_USUAL,
    })?;
    if pid.nr() != PARENT {
        process.parent_nr.store(PARENT, Relaxed);
    }
    let task = Task::new(TaskInit {
        pid: pid.clone(),
        process: process.clone(),
        blocked: SigSet::EMPTY,
        comm: thread.name().0,
        files: shared.files.clone(),
        fs: shared.fs.clone(),
        cred: shared.cred.clone(),
        ns: shared.ns.clone(),
        seccomp: Restriction::None,
        rseq: 0,
        mm: None,
        no_new_privs: false,
        slack_ns: TIMER_SLACK_NS,
        io_priority: 0,
        vfork: None,
    })?;
    first_thread(&task)?;
    if let Err(error) = pid.publish(task.clone(), Some(process)) {
        undo_process(&task);
        return Err(error);
    }
    task.set_thread(Some(thread.clone()));
    thread.set_id(pid.nr() as u32);
    Ok(task)
}
