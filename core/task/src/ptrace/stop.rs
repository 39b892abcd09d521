//! The tracee's side: where it stands still, what it shows, and how it goes on.
use crate::calls;
use crate::cx::{CALLS_LEN, CallTable, Cx};
use crate::family;
use crate::objects::{Follow, Process, Task, Trace};
use crate::ptrace::bond::{NOTIFY, SEIZED, TRAP, TRAPPING, event, option};
use crate::signal::mask::raise;
use crate::signal::{send, stop};
use crate::wait_match::Change;
use abi::{Errno, Result};
use core::sync::atomic::Ordering::Relaxed;
use hal::user::UserRegs;
use hal::watch::Watch;
use pid::signals::SIGTRAP;
use pid::siginfo::code;
use pid::{SigData, SigInfo, Signal};
use sync::WaitMode;

/// The message of a stop at the entry of a call, and at its exit.
pub const CALL_ENTRY: u64 = 1;
pub const CALL_EXIT: u64 = 2;
/// In the code of a stop at a system call, with `PTRACE_O_TRACESYSGOOD`.
pub const CALL_MARK: u32 = 0x80;

/// Why a tracee stops.
struct Why {
    code: u32,
    change: Change,
    info: Option<SigInfo>,
    message: u64,
}

/// What the tracer left.
struct Orders {
    signal: Signal,
    info: Option<SigInfo>,
}

/// Stands still until the tracer lets it go. `None`: nobody traces it, or it was killed.
fn stand(cx: &mut Cx, why: &Why) -> Option<Orders> {
    let task = cx.task.clone();
    let bond = task.bond()?;
    if !show(cx, &task, &bond, why) {
        return None;
    }
    family::tell_tracer(bond.tracer.process(), &task, why.change);
    let gone_on = || (!bond.state.lock_irq().stopped).then_some(());
    // Who is on the way out was killed already: only another SIGKILL counts, and that lets it go by itself.
    let mode = if why.code >> 8 == event::EXIT {
        WaitMode::Uninterruptible
    } else {
        WaitMode::Killable
    };
    let waited = bond.queue.wait(mode, None, gone_on);
    let orders = take_back(cx, &task, &bond);
    waited.is_ok().then_some(orders)
}

/// Shows registers and all to the tracer; false if there is nobody to show it to.
fn show(cx: &Cx, task: &Task, bond: &Trace, why: &Why) -> bool {
    let _shared = task.process().sig.lock_irq();
    let dying = why.code >> 8 == event::EXIT;
    if !task.is_traced() || (task.is_killed() && !dying) {
        return false;
    }
    // Any stop answers an interruption; only one for the process' own stop answers that it has changed.
    let answered = if why.code >> 8 == event::STOP {
        TRAP | NOTIFY
    } else {
        TRAP
    };
    task.traced.fetch_and(!answered, Relaxed);
    let mut state = bond.state.lock_irq();
    state.stopped = true;
    state.code = why.code;
    state.info = why.info;
    state.message = why.message;
    state.regs = cx.regs;
    if cx.forced_step {
        state.regs.rflags &= !UserRegs::TRAP_FLAG;
    }
    state.saved_mask = cx.saved_mask;
    state.watch = cx.watch;
    state.report = Some(why.change);
    // Last: who waited for it asks for the state next, and finds it standing still.
    task.traced.fetch_and(!TRAPPING, Relaxed);
    true
}

fn take_back(cx: &mut Cx, task: &Task, bond: &Trace) -> Orders {
    let shared = task.process().sig.lock_irq();
    let mut state = bond.state.lock_irq();
    if state.stopped {
        // Killed: nothing that the tracer ordered counts.
        state.stopped = false;
        state.listening = false;
        state.report = None;
        state.follow = Follow::Free;
        state.signal = 0;
    }
    state.message = 0;
    cx.regs = state.regs;
    cx.saved_mask = state.saved_mask;
    cx.watch = state.watch;
    cx.follow = state.follow;
    let orders = Orders {
        signal: state.signal,
        info: state.info.take(),
    };
    drop(state);
    raise(&shared, task);
    drop(shared);
    cx.calls = match cx.follow {
        Follow::Free => cx.below,
        Follow::Calls | Follow::Step => &TRACED,
    };
    let steps = cx.follow == Follow::Step;
    cx.forced_step = steps && cx.regs.rflags & UserRegs::TRAP_FLAG == 0;
    if steps {
        cx.regs.rflags |= UserRegs::TRAP_FLAG;
    }
    cx.regs_changed();
    orders
}

/// What stands for a stop that no signal made.
fn stand_in(cx: &Cx, signal: Signal, code: u32) -> SigInfo {
    SigInfo {
        code: code as i32,
        ..SigInfo::user(signal, cx.task.local_tid(), cx.cred.uid.0)
    }
}

fn notify(cx: &mut Cx, code: u32, message: u64) -> Signal {
    let info = Some(stand_in(cx, SIGTRAP, code));
    let why = Why {
        code,
        change: Change::Trapped(code),
        info,
        message,
    };
    stand(cx, &why).map_or(0, |orders| orders.signal)
}

/// Tells the tracer of an event, if it asked for it.
pub(crate) fn tell(cx: &mut Cx, what: u32, message: u64) {
    if asked_for(&cx.task, what) {
        notify(cx, SIGTRAP | what << 8, message);
    }
}

/// Whether the tracer wants to hear of an event.
pub(crate) fn asked_for(task: &Task, what: u32) -> bool {
    task.is_traced() && task.bond().is_some_and(|bond| bond.has(1 << what))
}

/// The task is about to end.
pub(crate) fn tell_exit(cx: &mut Cx, status: i32) {
    tell(cx, event::EXIT, status as u32 as u64);
}

/// The program was replaced; `former` is the number that the thread had before.
pub(crate) fn exec_done(cx: &mut Cx, former: i32) {
    (cx.watch, cx.forced_step) = (Watch::NONE, false);
    if !cx.task.is_traced() {
        return;
    }
    if asked_for(&cx.task, event::EXEC) {
        tell(cx, event::EXEC, former as u64);
    } else if !cx.task.is_seized() {
        let info = SigInfo::user(SIGTRAP, cx.process().local_nr(), cx.cred.uid.0);
        let _ = send::send_to_task(&cx.task, &info); // it is its own
    }
}

/// A handler's frame was made while the tracer steps: it sees the handler's first instruction.
pub(crate) fn handler_entered(cx: &mut Cx) {
    notify(cx, SIGTRAP, 0);
}

/// A signal is about to be delivered: the one that the tracer lets through, if any.
pub(crate) fn tell_signal(cx: &mut Cx, info: SigInfo) -> Option<SigInfo> {
    let tracer = cx.task.tracer();
    let why = Why {
        code: info.signo,
        change: Change::Trapped(info.signo),
        info: Some(info),
        message: 0,
    };
    let Some(orders) = stand(cx, &why) else {
        return (!cx.task.is_traced()).then_some(info);
    };
    if orders.signal == 0 {
        return None;
    }
    let info = orders.info.filter(|info| info.signo == orders.signal);
    let info = info.unwrap_or_else(|| {
        let pid = tracer.as_ref().map_or(0, |tracer| tracer.process().nr_in(cx.pids()));
        let uid = tracer.and_then(|tracer| tracer.cred().ok());
        SigInfo::user(orders.signal, pid, uid.map_or(0, |cred| cred.uid.0))
    });
    if cx.task.blocked().contains(info.signo) {
        let _ = send::send_to_task(&cx.task, &info); // it waits as any blocked signal does
        return None;
    }
    Some(info)
}

/// The process stops, or the tracer asked for a stop.
pub(crate) fn trap(cx: &mut Cx) {
    let process = cx.process().clone();
    let mut shared = process.sig.lock_irq();
    let was_to_stop = cx.task.stopping.swap(false, Relaxed);
    let sig = shared.stop.signal;
    let last = was_to_stop && stop::participate(&mut shared);
    let traced = cx.task.traced.fetch_and(!(TRAP | NOTIFY), Relaxed);
    let own_child = is_tracers_child(&cx.task, &process);
    if last && own_child {
        shared.stop.report_stop = false; // who traces it hears of each thread
    }
    drop(shared);
    if last && !own_child {
        family::tell_stop(&process, Change::Stopped(sig));
    }
    let (code, info) = if traced & SEIZED != 0 {
        let sig = if sig == 0 { SIGTRAP } else { sig };
        let code = sig | event::STOP << 8;
        (code, Some(stand_in(cx, sig, code)))
    } else if sig != 0 {
        (sig, None)
    } else {
        // It was continued meanwhile.
        let traced = cx.task.traced.fetch_and(!TRAPPING, Relaxed);
        if traced & TRAPPING != 0
            && let Some(tracer) = cx.task.tracer()
        {
            tracer.process().child_wait.wake_all();
        }
        return;
    };
    let change = Change::Trapped(code);
    stand(
        cx,
        &Why {
            code,
            change,
            info,
            message: 0,
        },
    );
}

/// Whether the tracer is the process' parent.
pub(crate) fn is_tracers_child(task: &Task, process: &Process) -> bool {
    let tracer = task.tracer();
    tracer.is_some_and(|tracer| tracer.tgid() == process.parent_nr())
}

/// A debug trap that is nobody's: the registers were left in this CPU for another program.
pub(crate) fn is_strange(cx: &mut Cx, dr6: u64) -> bool {
    const STEP: u64 = 1 << 14;
    const SLOTS: u64 = 0xf;
    let hits = cx.watch.hits(dr6);
    let cause = hits | dr6 & STEP;
    if dr6 & SLOTS != 0 && hits == 0 && !cx.watch.is_armed() {
        Watch::disarm();
    }
    if cause == 0 && dr6 & SLOTS != 0 {
        return true;
    }
    if let Some(bond) = cx.task.bond() {
        bond.state.lock_irq().cause = cause;
    }
    // A trap on an instruction comes before it: it is not to come again.
    let on_fetch = |slot: u64| hits & 1 << slot != 0 && cx.watch.control >> (16 + slot * 4) & 3 == 0;
    if (0..4).any(on_fetch) {
        cx.regs.rflags |= UserRegs::RESUME_FLAG;
    }
    false
}

/// The table of a tracee whose calls are watched.
static TRACED: CallTable = CallTable {
    calls: [traced_call; CALLS_LEN],
    beyond: traced_call,
};

fn traced_call(cx: &mut Cx, _args: &[usize; 6]) -> Result<usize> {
    if !cx.task.is_traced() {
        (cx.calls, cx.follow) = (cx.below, Follow::Free);
        return Ok(calls::call(cx.below, cx) as usize);
    }
    if cx.follow == Follow::Calls {
        cx.regs.rax = Errno::ENOSYS.as_ret() as u64;
        call_stop(cx, CALL_ENTRY);
        if cx.task.is_killed() {
            return Ok(cx.regs.rax as usize);
        }
    }
    // A tracer that makes the number -1 wants no call, and has put the result in place.
    if cx.regs.orig_rax as i32 != -1 {
        cx.regs.rax = calls::call(cx.below, cx);
    }
    if cx.exiting.is_none() {
        match cx.follow {
            Follow::Calls => call_stop(cx, CALL_EXIT),
            Follow::Step => {
                let info = SigInfo {
                    data: SigData::Fault {
                        addr: cx.regs.rip as usize,
                    },
                    code: code::TRAP_BRKPT,
                    ..SigInfo::kernel(SIGTRAP)
                };
                send::force(&cx.task, &info);
            }
            Follow::Free => {}
        }
    }
    Ok(cx.regs.rax as usize)
}

fn call_stop(cx: &mut Cx, message: u64) {
    let Some(bond) = cx.task.bond() else { return };
    let mark = if bond.has(option::TRACESYSGOOD) {
        CALL_MARK
    } else {
        0
    };
    let signal = notify(cx, SIGTRAP | mark, message);
    if signal != 0 {
        let _ = send::send_to_task(&cx.task, &SigInfo::kernel(signal));
    }
}

/// Whether a stop is one at a system call.
pub fn is_call(code: u32) -> bool {
    code == SIGTRAP | CALL_MARK
}

