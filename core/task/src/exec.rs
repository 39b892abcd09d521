//! What execve(2) needs of a process: one thread left, then fresh state. The program loader (service/exec) calls
//! [`take_over`] when it has checked the file and cannot turn back, then [`commit`].
use crate::objects::{Life, Process, SigShared, Task};
use crate::cx::{AltStack, Cx};
use crate::exit::leave_mm;
use crate::process::flag;
use crate::ptrace;
use crate::signal::send;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use cred::Cred;
use hal::user::UserRegs;
use mm::Mm;
use pid::signals::SIGCHLD;
use sync::WaitMode;

/// Ends all other threads of the process; the caller becomes its first thread and takes over its number. Signal
/// handlers are no longer shared with other processes. Answers the number that the caller had before.
///
/// # Errors
/// `EAGAIN`: the process is ending, or another thread does the same. `ENOMEM`.
pub fn take_over(cx: &mut Cx) -> Result<i32> {
    let process = cx.process().clone();
    let former = cx.task.tid_for_tracer_of(&cx.task);
    let mut shared = process.sig.lock_irq();
    if shared.group_exit.is_some() || shared.exec_by.is_some() {
        return Err(Errno::EAGAIN);
    }
    if shared.threads.len() > 1 {
        shared.exec_by = Some(cx.task.tid());
        send::zap(&mut shared, Some(&cx.task));
        drop(shared);
        process.stop_wait.wake_all();
        wait_alone(&process, &cx.task)?;
        become_leader(&process, &cx.task);
        shared = process.sig.lock_irq();
        shared.exec_by = None;
    }
    let sighand = shared.sighand.clone();
    drop(shared);
    if Arc::strong_count(&sighand) > 2 {
        let own = sighand.fork()?;
        let old = core::mem::replace(&mut process.sig.lock_irq().sighand, own);
        drop(old);
    }
    Ok(former)
}

fn wait_alone(process: &Process, me: &Arc<Task>) -> Result<()> {
    let alone = || {
        let shared = process.sig.lock_irq();
        let other = |task: &&Arc<Task>| !Arc::ptr_eq(task, me) && task.life() != Life::Zombie;
        shared.threads.iter().find(other).is_none().then_some(())
    };
    let waited = process.end_wait.wait(WaitMode::Killable, None, alone);
    if waited.is_err() {
        process.sig.lock_irq().exec_by = None;
        return Err(Errno::EAGAIN);
    }
    Ok(())
}

/// The former first thread is a zombie: the caller takes its place and number.
fn become_leader(process: &Arc<Process>, me: &Arc<Task>) {
    if me.is_leader() {
        return;
    }
    let mut shared = process.sig.lock_irq();
    let old_leader = replace_leader(&mut shared, me);
    if let Some(old) = &old_leader {
        let (user_ns, system_ns) = old.cpu_times();
        let mut accounts = process.accounts.lock_irq();
        accounts.ended_threads.user_ns += user_ns;
        accounts.ended_threads.system_ns += system_ns;
        accounts.ended_cost.add(&old.cost());
        accounts.ended_io.add(&old.io());
        drop(accounts);
        old.set_life(Life::Dead);
    }
    let own = me.take_over_pid(process.pid().clone());
    drop(shared);
    sched::current().set_id(me.tid() as u32);
    process.pid().replace_thread(me.clone());
    own.detach_thread();
    if let Some(old) = &old_leader {
        ptrace::forget(old); // its tracer keeps the thread that takes its number
    }
    drop(old_leader);
}

fn replace_leader(shared: &mut SigShared, me: &Arc<Task>) -> Option<Arc<Task>> {
    let old = shared.leader.replace(me.clone())?;
    let listed = shared.threads.remove(old.place.load(Relaxed));
    drop(listed);
    Some(old)
}

/// The new program.
pub struct Program<'a> {
    /// Its address space, loaded.
    pub mm: Arc<Mm>,
    /// The name that `ps` shows.
    pub comm: &'a [u8],
    /// Credentials after exec.
    pub cred: Arc<Cred>,
    /// Where it starts.
    pub entry: usize,
    /// Its stack pointer.
    pub stack: usize,
    /// What [`take_over`] answered.
    pub former: i32,
}

/// Makes the task run the new program when it next goes to user mode. After [`take_over`]; cannot fail but for memory.
///
/// # Errors
/// `ENOMEM`: nothing has changed that the old program would notice.
pub fn commit(cx: &mut Cx, program: Program<'_>) -> Result<()> {
    let process = cx.process().clone();
    let sighand = process.sighand();
    let fresh = if sighand.has_no_handlers() {
        None
    } else {
        Some(sighand.without_handlers()?)
    };
    let files = if cx.files.is_shared() {
        Some(cx.files.try_clone()?)
    } else {
        None
    };
    crate::slots::exec(cx);
    leave_mm(cx);
    sched::current().set_closed(false);
    cx.set_mm(program.mm);
    if let Some(fresh) = fresh {
        let old = core::mem::replace(&mut process.sig.lock_irq().sighand, fresh);
        drop(old);
    }
    if let Some(files) = files {
        cx.set_files(files);
    }
    cx.files.close_on_exec();
    cx.altstack = AltStack::NONE;
    cx.restart = None;
    process.timers.delete_all();
    process.set(flag::EXECED, true);
    process.programs.fetch_add(1, Relaxed);
    process.set(flag::NOT_DUMPABLE, false);
    cx.install_cred(program.cred);
    process.link.lock().exit_signal = SIGCHLD;
    cx.task.set_comm(program.comm);
    cx.context().reset_user();
    cx.regs = UserRegs {
        orig_rax: cx.regs.orig_rax,
        ..UserRegs::start(program.entry as u64, program.stack as u64)
    };
    cx.regs_changed();
    ptrace::exec_done(cx, program.former);
    Ok(())
}
