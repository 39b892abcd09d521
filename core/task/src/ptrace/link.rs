//! The bond made and cut: by request, with a child, at the end of either side.
use crate::clone_flags::CloneArgs;
use crate::cx::Cx;
use crate::family;
use crate::objects::{Follow, Life, Process, Task, Trace};
use crate::process::flag;
use crate::ptrace::bond::{SEIZED, TRACED, TRAP, TRAPPING, event, option};
use crate::ptrace::stop::{asked_for, is_tracers_child};
use crate::signal::send;
use crate::task::work;
use crate::wait_match::Change;
use abi::raw::{CLONE_PTRACE, CLONE_UNTRACED, CLONE_VFORK};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use pid::SigInfo;
use pid::list::NONE;
use pid::signals::{SIGCHLD, SIGKILL, SIGSTOP};
use sync::WaitMode;

/// How a tracee is taken.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Grip {
    /// `PTRACE_ATTACH`: a SIGSTOP is sent with it.
    Attach,
    /// `PTRACE_SEIZE`: it runs on.
    Seize,
}

/// Makes `tracer` the tracer of `tracee`. `EPERM`: it ends, or is traced already. `ENOMEM`.
fn tie(tracer: &Arc<Task>, tracee: &Arc<Task>, options: u32, flags: u32) -> Result<Arc<Trace>> {
    let bond = Trace::new(tracer, options)?;
    let mut family = tracer.process().family.lock();
    if tracer.life() != Life::Alive {
        return Err(Errno::EPERM);
    }
    let place = family.tracees.push_back(tracee.clone())?;
    bond.place.store(place, Relaxed);
    let shared = tracee.process().sig.lock_irq();
    let taken = tracee.life() == Life::Alive && !tracee.is_traced();
    if taken {
        *tracee.trace.lock_irq() = Some(bond.clone());
        tracee.traced.store(TRACED | flags, Relaxed);
    }
    drop(shared);
    if taken {
        return Ok(bond);
    }
    let gone = family.tracees.remove(place);
    drop(family);
    drop(gone);
    Err(Errno::EPERM)
}

/// `PTRACE_TRACEME`. `EPERM`: somebody does already.
pub fn trace_me(cx: &Cx) -> Result<()> {
    if cx.task.is_traced() {
        return Err(Errno::EPERM);
    }
    let tid = cx.process().link.lock().parent_tid;
    let Some(parent) = cx.process().parent() else {
        return Ok(());
    };
    let forked = crate::process::find_task(tid).ok();
    let forked = forked.filter(|task| Arc::ptr_eq(task.process(), &parent));
    // A parent on its way out traces nobody, and Linux says nothing of that.
    if let Some(tracer) = forked.or_else(|| parent.leader())
        && tracer.life() == Life::Alive
    {
        tie(&tracer, &cx.task, 0, 0)?;
    }
    Ok(())
}

/// `PTRACE_ATTACH` and `PTRACE_SEIZE`; the caller has checked that it may look into the target.
///
/// # Errors
/// `EPERM`: a thread of its own process or of the kernel; it is traced already; it ends. `ENOMEM`.
pub fn attach(cx: &Cx, target: &Arc<Task>, grip: Grip, options: u32) -> Result<()> {
    if Arc::ptr_eq(target.process(), cx.process()) || target.process().is_kernel() {
        return Err(Errno::EPERM);
    }
    let flags = if grip == Grip::Seize { SEIZED } else { 0 };
    tie(&cx.task, target, options, flags)?;
    if grip == Grip::Attach {
        let _ = send::send_to_task(target, &SigInfo::kernel(SIGSTOP)); // it may have ended meanwhile
    }
    let process = target.process();
    let was_stopped = {
        let shared = process.sig.lock_irq();
        let stopped = shared.stop.stopped && target.stopping.load(Relaxed);
        if stopped {
            target.set_trap(TRAP | TRAPPING);
        }
        stopped
    };
    if was_stopped {
        // It stands still for its process: the tracer finds it standing still for itself.
        process.stop_wait.wake_all();
        let there = || {
            let moved = target.traced.load(Relaxed) & TRAPPING == 0;
            (moved || target.life() != Life::Alive).then_some(())
        };
        let _ = cx.process().child_wait.wait(WaitMode::Killable, None, there);
    }
    Ok(())
}

/// A tracee makes a child: the child is traced as well if the tracer or the call asks for it. The event to tell of.
pub(crate) fn inherit(cx: &Cx, child: &Arc<Task>, args: &CloneArgs) -> Option<u32> {
    let what = if args.has(CLONE_VFORK) {
        event::VFORK
    } else if args.exit_signal != SIGCHLD {
        event::CLONE
    } else {
        event::FORK
    };
    let told = !args.has(CLONE_UNTRACED) && asked_for(&cx.task, what);
    if !told && !args.has(CLONE_PTRACE) {
        return None;
    }
    let bond = cx.task.bond()?;
    let seized = cx.task.traced.load(Relaxed) & SEIZED;
    // Without memory, or when the tracer has just ended, the child runs free.
    if tie(&bond.tracer, child, bond.options.load(Relaxed), seized).is_ok() {
        if seized == 0 {
            let _ = send::send_to_task(child, &SigInfo::kernel(SIGSTOP)); // it has not run: there is room
        } else {
            let _shared = child.process().sig.lock_irq();
            child.set_trap(TRAP);
        }
    }
    told.then_some(what)
}

/// Cuts the bond; `signal` is what the tracee goes on with. False if somebody else was faster.
pub(crate) fn cut(bond: &Trace, tracee: &Arc<Task>, signal: u32) -> bool {
    let listed = {
        let mut family = bond.tracer.process().family.lock();
        match bond.place.swap(NONE, Relaxed) {
            NONE => return false,
            place => family.tracees.remove(place),
        }
    };
    drop(listed);
    let process = tracee.process();
    let mut shared = process.sig.lock_irq();
    let old = tracee.trace.lock_irq().take();
    tracee.traced.store(0, Relaxed);
    let stop_goes_on = shared.stop.signal != 0 && tracee.life() == Life::Alive && signal != SIGKILL;
    if stop_goes_on && !tracee.stopping.swap(true, Relaxed) {
        if !shared.stop.stopped {
            shared.stop.missing += 1;
        }
        tracee.add_work(work::SIGNAL);
        tracee.notice();
    }
    let ended = bond.state.lock_irq().ended.take().is_some();
    drop(shared);
    drop(old);
    bond.let_go(Follow::Free, signal);
    if ended {
        bury(tracee);
    }
    true
}

/// What its tracer kept of an ended tracee goes: the number, or the process as its parent is to see it.
fn bury(tracee: &Arc<Task>) {
    if tracee.is_leader() {
        crate::family::end(tracee.process());
        tracee.process().end_wait.wake_all_key(abi::raw::POLLIN);
    } else {
        tracee.pid().detach_thread();
    }
}

/// The tracer has taken the end of a tracee; false if another of its threads was faster.
pub(crate) fn forget(tracee: &Arc<Task>) -> bool {
    tracee.bond().is_some_and(|bond| cut(&bond, tracee, 0))
}

/// A thread ends: whom it traced runs free, or dies with it (`PTRACE_O_EXITKILL`).
pub(crate) fn give_up_all(tracer: &Arc<Task>) {
    loop {
        let next = {
            let family = tracer.process().family.lock();
            let mut all = family.tracees.iter();
            all.find_map(|tracee| {
                let bond = tracee.bond()?;
                Arc::ptr_eq(&bond.tracer, tracer).then(|| (tracee.clone(), bond))
            })
        };
        let Some((tracee, bond)) = next else { break };
        if bond.has(option::EXITKILL) {
            let _ = send::send_to_task(&tracee, &SigInfo::kernel(SIGKILL)); // it may have ended
        }
        cut(&bond, &tracee, 0);
    }
    let mut family = tracer.process().family.lock();
    if family.tracees.is_empty() {
        family.tracees.release();
    }
}

/// A thread that is not its process' first has ended: answers whether its number is kept for its tracer. The process'
/// signal lock is held.
pub(crate) fn hold_thread(task: &Task, status: i32) -> Option<Arc<Trace>> {
    let bond = task.bond()?;
    keep(&bond, status);
    Some(bond)
}

fn keep(bond: &Trace, status: i32) {
    let mut state = bond.state.lock_irq();
    state.stopped = false;
    state.report = None;
    state.ended = Some(status);
}

/// A process has ended whose first thread is traced: answers whether it is its tracer's first, and its parent's later.
pub(crate) fn hold_process(process: &Arc<Process>, status: i32) -> bool {
    let Some(leader) = process.leader() else {
        return false;
    };
    let bond = {
        let _shared = process.sig.lock_irq();
        let Some(bond) = leader.bond() else {
            return false;
        };
        if !is_tracers_child(&leader, process) {
            keep(&bond, status);
        }
        bond
    };
    if is_tracers_child(&leader, process) {
        cut(&bond, &leader, 0);
        return false;
    }
    tell_end(&bond, &leader, status);
    true
}

/// Tells the tracer that a tracee has ended; one that wants to know nothing of children has taken it with that.
pub(crate) fn tell_end(bond: &Trace, tracee: &Arc<Task>, status: i32) {
    let tracer = bond.tracer.process();
    family::tell_tracer(tracer, tracee, Change::from_exit_status(status));
    if tracer.sighand().autoreaps() && !tracer.has(flag::UNKILLABLE) {
        cut(bond, tracee, 0);
    }
}
