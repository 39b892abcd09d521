//! Waiting for children (wait4(2), waitid(2)).
use crate::objects::{Process, ProcessLife};
use crate::cx::Cx;
use crate::family;
use crate::usage::Usage;
use crate::wait_match::{Change, WaitRequest};
use abi::raw::{__WNOTHREAD, WCONTINUED, WEXITED, WNOHANG, WNOWAIT, WSTOPPED};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use sync::WaitMode;

/// What a wait call learned.
pub struct Waited {
    /// The child's process id.
    pub pid: i32,
    /// Its real user id.
    pub uid: u32,
    /// What became of it.
    pub change: Change,
    /// What it and its own waited-for children used, if it has ended.
    pub usage: Usage,
}

enum Scan {
    Found(Arc<Process>, Change),
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
    let found = process
        .child_wait
        .wait(WaitMode::Interruptible, None, || {
            match scan(process, tid, request) {
                Scan::Found(child, change) => Some(Ok(Some((child, change)))),
                Scan::NoChild => Some(Err(Errno::ECHILD)),
                Scan::Nothing if request.has(WNOHANG) => Some(Ok(None)),
                Scan::Nothing => None,
            }
        })??;
    let Some((child, change)) = found else {
        return Ok(None);
    };
    Ok(Some(tell(process, &child, change, request)))
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
        if let Some(change) = change_of(child, request) {
            return Scan::Found(child.clone(), change);
        }
    }
    if any { Scan::Nothing } else { Scan::NoChild }
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

/// Gathers what the caller is told, and removes an ended child that it has taken.
fn tell(process: &Process, child: &Arc<Process>, change: Change, request: &WaitRequest) -> Waited {
    let uid = child
        .leader()
        .and_then(|leader| leader.cred().ok())
        .map_or(0, |cred| cred.uid.0);
    let mut usage = child.usage();
    usage.add(&child.children_usage());
    let ended = matches!(change, Change::Exited(_) | Change::Killed(_));
    if ended && !request.has(WNOWAIT) {
        process.accounts.lock_irq().children.add(&usage);
        family::release(child);
    }
    Waited {
        pid: child.nr(),
        uid,
        change,
        usage,
    }
}
