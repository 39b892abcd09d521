//! The thread's own side: taking signals on the way to user mode, masks, actions, sigtimedwait.
use crate::cx::Cx;
use crate::objects::{Process, SigShared, Task};
use crate::process::flag;
use crate::signal::action::{DEFAULT, DefaultAction, IGNORE, SigAction, default_action, sa};
use crate::signal::restart::{Delivery, Resume, decide};
use crate::signal::mask::{recalculate, set_blocked};
use crate::signal::{frame, send, stop};
use crate::coredump;
use crate::ptrace::stop as ptrace;
use crate::wait_match::Change;
use abi::raw::__NR_restart_syscall;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use hal::user::UserRegs;
use pid::signals::SIGKILL;
use pid::{SigInfo, SigSet, Signal};
use sync::{SpinIrqGuard, WaitMode, WaitQueue};

enum Taken {
    /// The tracer has to be told of a stop.
    Trap,
    /// The tracer decides about this signal.
    Asks(SigInfo),
    /// No signal that does anything is left.
    Nothing,
    /// A handler is to run.
    Handler(SigInfo, SigAction),
    /// The process ends with this status word.
    Die(i32),
    /// There may be more.
    Again,
}

/// Looks at everything that [`work::SIGNAL`](crate::task::work::SIGNAL) stands for: stops, sets handlers up, restarts the interrupted call.
///
/// # Errors
/// The status word with which the task has to end.
pub(crate) fn handle(cx: &mut Cx) -> core::result::Result<(), i32> {
    loop {
        let taken = match take(cx) {
            Taken::Trap => {
                ptrace::trap(cx);
                continue;
            }
            Taken::Asks(info) => match ptrace::tell_signal(cx, info) {
                Some(info) => deliver(cx, info),
                None => continue,
            },
            taken => taken,
        };
        match taken {
            Taken::Trap | Taken::Asks(_) | Taken::Again => {}
            Taken::Die(status) => return Err(status),
            Taken::Nothing => {
                resume(cx, Delivery::NoHandler);
                cx.restore_mask();
                return Ok(());
            }
            Taken::Handler(info, action) => {
                resume(
                    cx,
                    Delivery::Handler {
                        restart: action.has(sa::RESTART),
                    },
                );
                run_handler(cx, &info, &action);
                if !cx.task.has_signal() {
                    return Ok(());
                }
            }
        }
    }
}

/// What the interrupted call, if it was one, goes back to.
fn resume(cx: &mut Cx, delivery: Delivery) {
    if cx.regs.orig_rax == u64::MAX {
        return;
    }
    match decide(cx.regs.rax as usize, delivery) {
        Resume::Keep => {}
        Resume::Interrupted => cx.regs.rax = Errno::EINTR.as_ret() as u64,
        Resume::Again => again(cx, cx.regs.orig_rax),
        Resume::Continue => again(cx, u64::from(__NR_restart_syscall)),
    }
    cx.regs.orig_rax = u64::MAX;
}

fn again(cx: &mut Cx, number: u64) {
    const SYSCALL_LEN: u64 = 2;
    cx.regs.rax = number;
    cx.regs.rip = cx.regs.rip.wrapping_sub(SYSCALL_LEN);
}

fn run_handler(cx: &mut Cx, info: &SigInfo, action: &SigAction) {
    cx.restart = None;
    let stepped = core::mem::take(&mut cx.forced_step);
    if stepped {
        cx.regs.rflags &= !UserRegs::TRAP_FLAG;
    }
    if cx.rseq.at != 0 {
        crate::rseq::resume(cx, info.signo);
    }
    if frame::push(cx, info, action).is_err() {
        send::force_segv(&cx.task, info.signo);
        return;
    }
    let mut mask = cx.task.blocked().or(SigSet(action.mask));
    if !action.has(sa::NODEFER) {
        mask.add(info.signo);
    }
    set_blocked(&cx.task, mask);
    if stepped {
        ptrace::handler_entered(cx);
    }
}

/// Acts on a signal that the tracer let through.
fn deliver(cx: &mut Cx, info: SigInfo) -> Taken {
    let task = &cx.task;
    let process = task.process();
    let shared = process.sig.lock_irq();
    if let Some(status) = shared.group_exit {
        return Taken::Die(status);
    }
    let (_guard, done) = act(process, task, shared, info);
    // What else there is comes with the next look.
    done.unwrap_or(Taken::Again)
}

fn take(cx: &mut Cx) -> Taken {
    let task = &cx.task;
    let process = task.process();
    let mut shared = process.sig.lock_irq();
    loop {
        if let Some(status) = shared.group_exit {
            return Taken::Die(status);
        }
        if shared.exec_by.is_some_and(|tid| tid != task.tid()) {
            return Taken::Die(0);
        }
        if let Some(change) = shared.stop.tell_parent.take() {
            drop(shared);
            crate::family::tell_stop(process, change);
            shared = process.sig.lock_irq();
            continue;
        }
        if task.is_traced() && (task.has_trap() || task.stopping.load(Relaxed)) {
            return Taken::Trap;
        }
        if task.stopping.load(Relaxed) {
            shared = stop_here(process, task, shared);
            continue;
        }
        let Some(info) = next_signal(&mut shared, task, task.blocked()) else {
            recalculate(&shared, task);
            return Taken::Nothing;
        };
        if task.is_traced() && info.signo != SIGKILL {
            return Taken::Asks(info);
        }
        let (guard, done) = act(process, task, shared, info);
        if let Some(taken) = done {
            return taken;
        }
        shared = guard;
    }
}

/// Does what the process does on a signal; nothing to answer if that is all.
fn act<'a>(
    process: &'a Arc<Process>,
    task: &Task,
    shared: SpinIrqGuard<'a, SigShared>,
    info: SigInfo,
) -> (SpinIrqGuard<'a, SigShared>, Option<Taken>) {
    let action = shared.sighand.get(info.signo);
    match action.handler {
        IGNORE => (shared, None),
        DEFAULT => {
            let (guard, verdict) = by_default(process, task, shared, info);
            (guard, verdict.map(Taken::Die))
        }
        _ => {
            recalculate(&shared, task);
            let mut guard = shared;
            if action.has(sa::RESETHAND) {
                let sighand = guard.sighand.clone();
                drop(guard);
                sighand.reset(info.signo);
                guard = process.sig.lock_irq();
            }
            (guard, Some(Taken::Handler(info, action)))
        }
    }
}

/// Private signals first, then the process'.
fn next_signal(shared: &mut SigShared, task: &Task, blocked: SigSet) -> Option<SigInfo> {
    let private = if task.pending_set().minus(blocked).is_empty() {
        None
    } else {
        task.with_pending(|pending| pending.take(blocked))
    };
    let info = private.or_else(|| shared.pending.take(blocked))?;
    if info.code == pid::siginfo::code::SI_TIMER {
        return Some(task.process().timers.signal_taken(info));
    }
    Some(info)
}

fn stop_here<'a>(
    process: &'a Arc<Process>,
    task: &Task,
    mut shared: SpinIrqGuard<'a, SigShared>,
) -> SpinIrqGuard<'a, SigShared> {
    let sig = shared.stop.signal;
    let last = stop::participate(&mut shared);
    drop(shared);
    if last {
        crate::family::tell_stop(process, Change::Stopped(sig));
    }
    stop::wait_stopped(process, task);
    process.sig.lock_irq()
}

fn by_default<'a>(
    process: &'a Arc<Process>,
    task: &Task,
    mut shared: SpinIrqGuard<'a, SigShared>,
    info: SigInfo,
) -> (SpinIrqGuard<'a, SigShared>, Option<i32>) {
    let sig = info.signo;
    let action = default_action(sig);
    let forced_only = SigSet::UNBLOCKABLE.contains(sig);
    if action == DefaultAction::Ignore || (process.has(flag::UNKILLABLE) && !forced_only) {
        return (shared, None);
    }
    if action != DefaultAction::Stop {
        shared.group_exit = Some(sig as i32);
        if action == DefaultAction::Core {
            coredump::begin(process, task, &mut shared, info);
        }
        send::zap(&mut shared, Some(task));
        process.stop_wait.wake_all();
        return (shared, Some(sig as i32));
    }
    if sig != pid::signals::SIGSTOP {
        let before = shared.stop.continues;
        drop(shared);
        let orphaned = crate::jobs::is_orphaned(process, None);
        shared = process.sig.lock_irq();
        if orphaned || shared.stop.continues != before || shared.group_exit.is_some() {
            return (shared, None);
        }
    }
    stop::begin(&mut shared, task, sig);
    (shared, None)
}

/// sigaction(2): answers the action before.
///
/// # Errors
/// `EINVAL`: SIGKILL or SIGSTOP is to get another action. `ENOMEM`.
pub fn set_action(cx: &Cx, sig: Signal, new: Option<SigAction>) -> Result<SigAction> {
    let process = cx.process();
    let Some(mut new) = new else {
        let shared = process.sig.lock_irq();
        return Ok(shared.sighand.get(sig));
    };
    if SigSet::UNBLOCKABLE.contains(sig) {
        return Err(Errno::EINVAL);
    }
    new.flags &= sa::KNOWN;
    new.mask = SigSet(new.mask).minus(SigSet::UNBLOCKABLE).0;
    let in_place = {
        let mut shared = process.sig.lock_irq();
        let old = shared.sighand.set_if_unshared(sig, new);
        if old.is_some() && new.ignores(sig) {
            flush(&mut shared, sig);
        }
        old
    };
    if let Some(old) = in_place {
        return Ok(old);
    }
    let old = process.sighand().set(sig, new)?;
    if new.ignores(sig) {
        flush(&mut process.sig.lock_irq(), sig);
    }
    Ok(old)
}

/// A signal that is ignored from now on is not pending any more.
fn flush(shared: &mut SigShared, sig: Signal) {
    let set = SigSet::one(sig);
    shared.pending.flush(set);
    for task in &shared.threads {
        task.with_pending(|pending| pending.flush(set));
    }
}

/// Takes a signal of `set` that is pending for the calling task, blocked or not, without waiting (signalfd).
pub fn take_pending(task: &Task, set: SigSet) -> Option<SigInfo> {
    let mut shared = task.process().sig.lock_irq();
    let info = next_signal(&mut shared, task, SigSet(!set.minus(SigSet::UNBLOCKABLE).0));
    recalculate(&shared, task);
    info
}

/// sigtimedwait(2): takes a signal of `set`, waiting until `deadline_ns` (absolute, monotonic; none for ever).
///
/// # Errors
/// `EAGAIN`: none came. `EINTR`: another one did.
pub fn wait_for(cx: &Cx, set: SigSet, deadline_ns: Option<u64>) -> Result<SigInfo> {
    let task = &cx.task;
    let process = task.process();
    let set = set.minus(SigSet::UNBLOCKABLE);
    let others = SigSet(!set.0);
    let mut shared = process.sig.lock_irq();
    if let Some(info) = next_signal(&mut shared, task, others) {
        recalculate(&shared, task);
        return Ok(info);
    }
    if deadline_ns == Some(0) {
        return Err(Errno::EAGAIN);
    }
    let old = task.blocked();
    task.waited_for.store(old.0, Relaxed);
    task.blocked.store(old.minus(set).0, Relaxed);
    recalculate(&shared, task);
    drop(shared);

    let nothing = WaitQueue::new();
    let waited = nothing.wait::<()>(WaitMode::Interruptible, deadline_ns, || None);

    let mut shared = process.sig.lock_irq();
    task.blocked.store(old.0, Relaxed);
    task.waited_for.store(0, Relaxed);
    let found = next_signal(&mut shared, task, others);
    recalculate(&shared, task);
    match (found, waited) {
        (Some(info), _) => Ok(info),
        (None, Err(sync::WaitError::TimedOut)) => Err(Errno::EAGAIN),
        (None, _) => Err(Errno::EINTR),
    }
}
