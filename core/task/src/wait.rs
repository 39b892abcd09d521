//! Waiting for children (wait4(2), waitid(2)).
use crate::objects::{Process, ProcessLife, Task, Trace};
use crate::cx::Cx;
use crate::family;
use crate::usage::Usage;
use crate::wait_match::{Change, WaitRequest};
use abi::raw::{__WNOTHREAD, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use cred::Kuid;
use sync::WaitMode;

/// What a wait call learned.
pub struct Waited {
    /// The child's process id.
    pub pid: i32,
    /// Its real user.
    pub uid: Kuid,
    /// What became of it.
    pub change: Change,
    /// What it and its own waited-for children used, if it has ended.
    pub usage: Usage,
}

enum Scan {
    Found(Arc<Process>, Change),
    Tracee(Arc<Task>, Change),
    /// There are such children, but nothing to tell.
    Nothing,
    NoChild,
}

/// Waits for a child as `request` says; `None` with `WNOHANG` when there is nothing to tell.
///
/// # Errors
/// `ECHILD`: no such child. `ERESTARTSYS`: a signal came.
pub fn wait(cx: &mut Cx, request: &WaitRequest) -> Result<Option<Waited>> {
    let process = cx.process();
    let tid = cx.task.tid();
    loop {
        if let Some(answer) = look(process, tid, request)? {
            return Ok(answer);
        }
    }
}

/// Waits once; nothing if what was found was another thread's.
fn look(
    process: &Arc<Process>,
    tid: i32,
    request: &WaitRequest,
) -> Result<Option<Option<Waited>>> {
    let found = process
        .child_wait
        .wait(WaitMode::Interruptible, None, || {
            match scan(process, tid, request) {
                Scan::NoChild => Some(Err(Errno::ECHILD)),
                Scan::Nothing if !request.has(WNOHANG) => None,
                found => Some(Ok(found)),
            }
        })??;
    Ok(match found {
        Scan::Found(child, change) => Some(Some(tell(process, &child, change, request))),
        Scan::Tracee(tracee, change) => tell_of_tracee(&tracee, change, request).map(Some),
        Scan::Nothing | Scan::NoChild => Some(None),
    })
}

/// Looks at all children once; a change that is found is taken unless `WNOWAIT`.
fn scan(process: &Arc<Process>, tid: i32, request: &WaitRequest) -> Scan {
    let family = process.family.lock();
    let mut any = false;
    for child in &family.children {
        let (exit_signal, parent_tid) = {
            let link = child.link.lock();
            (link.exit_signal, link.parent_tid)
        };
        let mine = !request.has(__WNOTHREAD) || parent_tid == tid;
        if !mine || !request.matches(child.nr(), || child.group_and_session().0, exit_signal) {
            continue;
        }
        any |= child.life() != ProcessLife::Reaped;
        if child.life() == ProcessLife::Alive && is_traced_by(child, process) {
            continue; // it is among the tracees
        }
        if let Some(change) = change_of(child, request) {
            return Scan::Found(child.clone(), change);
        }
    }
    for tracee in &family.tracees {
        let Some(bond) = tracee.bond() else { continue };
        let mine = !request.has(__WNOTHREAD) || bond.tracer.tid() == tid;
        let group = || tracee.process().group_and_session().0;
        if !mine || !request.names(tracee.tid(), group) {
            continue;
        }
        any = true;
        if let Some(change) = change_of_tracee(&bond, request) {
            return Scan::Tracee(tracee.clone(), change);
        }
    }
    if any { Scan::Nothing } else { Scan::NoChild }
}

/// Whether one of the process' threads traces the child's first thread.
fn is_traced_by(child: &Process, process: &Arc<Process>) -> bool {
    let tracer = child.leader().and_then(|leader| leader.tracer());
    tracer.is_some_and(|tracer| Arc::ptr_eq(tracer.process(), process))
}

/// Stops are told whether asked for or not.
fn change_of_tracee(bond: &Trace, request: &WaitRequest) -> Option<Change> {
    let keep = request.has(WNOWAIT);
    let mut state = bond.state.lock_irq();
    if let Some(status) = state.ended {
        return request
            .has(WEXITED)
            .then(|| Change::from_exit_status(status));
    }
    let change = state.report?;
    if !keep {
        state.report = None;
    }
    Some(change)
}

fn change_of(child: &Arc<Process>, request: &WaitRequest) -> Option<Change> {
    let keep = request.has(WNOWAIT);
    if child.life() != ProcessLife::Alive {
        let mine = request.has(WEXITED)
            && if keep {
                child.life() == ProcessLife::Zombie
            } else {
                child.claim_zombie()
            };
        return mine.then(|| Change::from_exit_status(child.exit_status.load(Relaxed)));
    }
    if !request.has(WSTOPPED | WCONTINUED) {
        return None;
    }
    let mut shared = child.sig.lock_irq();
    let stop = &mut shared.stop;
    if request.has(WSTOPPED) && stop.report_stop {
        stop.report_stop = keep;
        return Some(Change::Stopped(stop.signal));
    }
    if request.has(WCONTINUED) && stop.report_continue {
        stop.report_continue = keep;
        return Some(Change::Continued);
    }
    None
}

/// What the caller is told of a tracee; one that has ended is its tracer's no more.
fn tell_of_tracee(tracee: &Arc<Task>, change: Change, request: &WaitRequest) -> Option<Waited> {
    let waited = Waited {
        pid: tracee.tid_in(&crate::numbers::own_pids()),
        uid: tracee.cred().map_or(Kuid::ROOT, |cred| cred.uid),
        change,
        usage: tracee.process().usage(),
    };
    let ended = !matches!(change, Change::Trapped(_));
    let mine = !ended || request.has(WNOWAIT) || crate::ptrace::forget(tracee);
    mine.then_some(waited)
}

/// Gathers what the caller is told, and removes an ended child that it has taken.
fn tell(process: &Process, child: &Arc<Process>, change: Change, request: &WaitRequest) -> Waited {
    let uid = child
        .leader()
        .and_then(|leader| leader.cred().ok())
        .map_or(Kuid::ROOT, |cred| cred.uid);
    let mut usage = child.usage();
    usage.add(&child.children_usage());
    let ended = matches!(change, Change::Exited(_) | Change::Killed(_) | Change::Dumped(_));
    if ended && !request.has(WNOWAIT) {
        let io = child.io();
        let mut accounts = process.accounts.lock_irq();
        accounts.children.add(&usage);
        accounts.ended_io.add(&io);
        drop(accounts);
        family::release(child);
    }
    Waited {
        pid: child.nr_in(process.pids()),
        uid,
        change,
        usage,
    }
}
