//! The end of tasks and processes (exit(2), exit_group(2), wait(2) for what stays behind).
use crate::cx::Cx;
use crate::objects::{Life, Process, Task};
use crate::ptrace;
use crate::signal::{send, stop};
use crate::task::work;
use crate::usage::Usage;
use crate::wait_match::Change;
use alloc::sync::Arc;
use core::sync::atomic::Ordering::{AcqRel, Relaxed};
use hal::addr::UserAddr;
use pid::SigSet;

/// exit(2): this thread ends with `code` when the call returns to the user loop.
pub fn exit(cx: &mut Cx, code: i32) {
    leave_with(cx, (code & 0xff) << 8);
}

/// exit_group(2): all threads end.
pub fn exit_group(cx: &mut Cx, code: i32) {
    let status = (code & 0xff) << 8;
    let process = cx.process();
    let mut shared = process.sig.lock_irq();
    let status = *shared.group_exit.get_or_insert(status);
    if shared.threads.len() > 1 {
        send::zap(&mut shared, Some(&cx.task));
        process.stop_wait.wake_all();
    }
    drop(shared);
    leave_with(cx, status);
}

/// This thread ends as if a signal had ended it, the others live on.
pub(crate) fn by_signal(cx: &mut Cx, signal: pid::Signal) {
    leave_with(cx, signal as i32);
}

fn leave_with(cx: &mut Cx, status: i32) {
    cx.exiting = Some(status);
    cx.task.add_work(work::EXIT);
}

/// Ends the calling task: everything it owns is given back, its relatives are told. Afterwards only its kernel stack
/// is left, which the scheduler frees.
pub(crate) fn end(mut cx: Cx, status: i32) {
    let task = cx.task.clone();
    let process = task.process().clone();
    sched::begin_end();
    task.set_exit_code(status);
    stop_taking_signals(&task, &process);
    let last = process.live.fetch_sub(1, AcqRel) == 1;
    if last {
        if process.nr() == 1 {
            trace::panic::panic(format_args!(
                "Attempted to kill init! exitcode={status:#010x}"
            ));
        }
        process.itimers.cancel_all();
        process.timers.delete_all();
    }
    ptrace::give_up_all(&task);
    crate::slots::exit(&mut cx);
    leave_mm(&mut cx);
    if last {
        let peak = cx.mm.counters().rss_peak as u64;
        let mut accounts = process.accounts.lock_irq();
        accounts.last_rss_pages = accounts.last_rss_pages.max(peak);
    }
    task.show_files(None);
    task.show_fs(None);
    task.show_ns(None);
    let Cx {
        files,
        fs,
        mm,
        cred,
        user,
        ns,
        ..
    } = cx;
    drop(task.show_mm(None));
    drop((mm, files, fs, cred, ns));
    if last {
        crate::jobs::leader_exits(&process);
    }
    user.sub();
    drop(user);
    bury(&task, &process, last);
}

/// The running thread meets a bug of the kernel. A task goes back to its loop and ends with `signal` as its status; this
/// returns for a kernel thread, and for a task that is ending already, which stays as it is.
pub fn by_oops(signal: pid::Signal) {
    sync::abandon::go_back(signal);
    if crate::task::current().is_some() {
        trace::pr_alert!("Fixing recursive fault but reboot is needed!");
    }
}

fn stop_taking_signals(task: &Task, process: &Arc<Process>) {
    let mut shared = process.sig.lock_irq();
    task.set_life(Life::Exiting);
    if shared.threads.len() > 1 {
        send::retarget(&shared, task, SigSet(!task.blocked().0));
    }
    let was_to_stop = task.stopping.swap(false, Relaxed);
    let sig = shared.stop.signal;
    let last_to_stop = was_to_stop && stop::participate(&mut shared);
    drop(shared);
    if last_to_stop {
        crate::family::tell_stop(process, Change::Stopped(sig));
    }
}

/// The task leaves its address space, by its end or by exec: robust futexes, `clear_child_tid`, the vfork parent.
pub(crate) fn leave_mm(cx: &mut Cx) {
    crate::rseq::forget(cx);
    let robust = cx.task.robust_list.swap(0, Relaxed);
    if robust != 0 {
        futex::exit_robust_list(&cx.mm, UserAddr(robust), cx.task.local_tid() as u32);
    }
    futex::pi::leave(sched::current());
    let addr = core::mem::take(&mut cx.clear_child_tid);
    if addr != 0 && Arc::strong_count(&cx.mm) > 2 {
        // Nobody listens when the memory is this task's alone (its own reference and the one shown to others).
        let _ = kmem::user::write(UserAddr(addr), &0u32);
        let _ = futex::wake(
            &cx.mm,
            UserAddr(addr),
            futex::Scope::Shared,
            1,
            futex::MATCH_ANY,
        );
    }
    if let Some(done) = cx.task.take_vfork() {
        done.complete();
    }
}

/// The last steps: children go to a reaper; who waits is told; a thread that is not the first vanishes.
fn bury(task: &Arc<Task>, process: &Arc<Process>, last: bool) {
    crate::family::parent_thread_died(process, task.tid());
    if last {
        if process.is_reaper_inside() {
            crate::reaper::end_namespace(process, task);
        }
        crate::family::orphan_children(process);
        crate::jobs::orphan_own_group(process);
    }
    let usage = Usage::of_task(task);
    let mut shared = process.sig.lock_irq();
    let mut held = None;
    let gone = if task.is_leader() {
        task.keep_usage(&usage);
        task.set_life(Life::Zombie);
        None
    } else {
        let mut accounts = process.accounts.lock_irq();
        accounts.ended_threads.add(&usage);
        accounts.ended_cost.add(&task.cost());
        accounts.ended_io.add(&task.io());
        drop(accounts);
        task.set_life(Life::Dead);
        held = ptrace::hold_thread(task, shared.group_exit.unwrap_or(task.exit_code()));
        shared.threads.remove(task.place.load(Relaxed))
    };
    let leader_ended = shared
        .leader
        .as_ref()
        .is_none_or(|leader| leader.life() == Life::Zombie);
    let ended = shared.threads.len() == 1 && leader_ended && shared.exec_by.is_none();
    let status = shared.group_exit;
    let awaited = shared.exec_by.is_some() || shared.core.is_some();
    drop(shared);
    if let Some(bond) = held {
        ptrace::tell_end(&bond, task, status.unwrap_or(task.exit_code()));
    } else if gone.is_some() {
        task.pid().detach_thread();
    }
    drop(gone);
    task.set_thread(None);
    if awaited {
        process.end_wait.wake_all();
    }
    if ended {
        let leader_status = process.leader().map_or(0, |leader| leader.exit_code());
        process
            .exit_status
            .store(status.unwrap_or(leader_status), Relaxed);
        if !ptrace::hold_process(process, process.exit_status.load(Relaxed)) {
            crate::family::end(process);
            process.end_wait.wake_all_key(abi::raw::POLLIN);
        }
    }
}

