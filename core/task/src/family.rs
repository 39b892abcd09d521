//! Parents and children: who is told of an end, a stop or a continuation, and who takes orphans in.
//!
//! A child's `link` names its parent; the parent's `family` lists the child. An orphan on its way to a new parent has
//! a link without a place in any list; whoever reaps it meanwhile finds nothing to remove.
use crate::objects::{Life, Process, ProcessLife, Task};
use crate::process::{find_process, flag};
use crate::signal::action::{IGNORE, sa};
use crate::signal::send::send_to_process;
use crate::wait_match::Change;
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use cred::Kuid;
use pid::list::NONE;
use pid::signals::SIGCHLD;
use pid::sigset::is_signal;
use pid::{SigData, SigInfo, Signal};

/// Nanoseconds in a tick of `times(2)` and of SIGCHLD's `si_utime` (`USER_HZ` is 100).
pub const NS_PER_CLOCK_TICK: u64 = 10_000_000;

/// Makes `child` a child of `parent`, forked by the thread `tid`.
///
/// # Errors
/// `EAGAIN`: the parent has ended. `ENOMEM`.
pub(crate) fn adopt(parent: &Arc<Process>, child: &Arc<Process>, tid: i32) -> Result<()> {
    let mut family = parent.family.lock();
    if family.closed {
        return Err(Errno::EAGAIN);
    }
    let place = family.children.push_back(child.clone())?;
    let mut link = child.link.lock();
    link.parent = Some(parent.clone());
    link.parent_tid = tid;
    link.place = place;
    name_parent(child, parent);
    Ok(())
}

fn name_parent(child: &Process, parent: &Process) {
    child.parent_nr.store(parent.nr(), Relaxed);
    child
        .local_parent_nr
        .store(parent.nr_in(child.pids()), Relaxed);
}

/// The parent, and the parent's list, forget a reaped child.
pub(crate) fn disown(child: &Arc<Process>) {
    loop {
        let Some(parent) = child.parent() else { return };
        let mut family = parent.family.lock();
        let mut link = child.link.lock();
        if link
            .parent
            .as_ref()
            .is_none_or(|now| !Arc::ptr_eq(now, &parent))
        {
            continue; // it was given to another parent
        }
        let gone = if link.place == NONE {
            None
        } else {
            family.children.remove(link.place)
        };
        link.place = NONE;
        let bond = link.parent.take();
        drop(link);
        drop(family);
        drop((gone, bond));
        return;
    }
}

/// Who takes over the children of `process`: the nearest subreaper above it in its namespace, else that one's process 1.
fn reaper_of(process: &Arc<Process>) -> Option<Arc<Process>> {
    let level = process.pids().level();
    if process.has(flag::HAS_SUBREAPER) {
        let mut above = process.parent();
        while let Some(candidate) = above.filter(|above| above.pids().level() == level) {
            if candidate.has(flag::SUBREAPER) && candidate.life() == ProcessLife::Alive {
                return Some(candidate);
            }
            above = candidate.parent();
        }
    }
    let inside = process.pids().reaper();
    let inside = inside.and_then(|reaper| reaper.as_any().downcast::<Process>().ok());
    let other = inside.filter(|reaper| !Arc::ptr_eq(reaper, process));
    other.or_else(|| find_process(1).ok())
}

/// The last thread of `process` ends: its children get a new parent.
pub(crate) fn orphan_children(process: &Arc<Process>) {
    let mut family = process.family.lock();
    family.closed = true;
    if family.children.is_empty() {
        return;
    }
    drop(family);
    let mut reaper = reaper_of(process);
    loop {
        let mut family = process.family.lock();
        let Some(child) = family.children.pop_front() else {
            family.children.release();
            return;
        };
        let mut link = child.link.lock();
        let old = core::mem::replace(&mut link.parent, reaper.clone());
        link.place = NONE;
        link.exit_signal = SIGCHLD;
        drop(link);
        drop(family);
        drop(old);
        while let Some(to) = &reaper {
            if give(&child, to) {
                break;
            }
            reaper = reaper_of(to);
            child.link.lock().parent.clone_from(&reaper);
        }
        crate::jobs::orphan_group_of_child(process, &child);
    }
}

/// Puts an orphan into its new parent's list; false if that one has ended too.
fn give(child: &Arc<Process>, to: &Arc<Process>) -> bool {
    let mut family = to.family.lock();
    if family.closed {
        return false;
    }
    let mut link = child.link.lock();
    if child.life() == ProcessLife::Reaped {
        return true; // on its way it was taken by its former parent's rules
    }
    // Without memory the child belongs to nobody's list: it cannot be waited for, but ends in order.
    link.place = family.children.push_back(child.clone()).unwrap_or(NONE);
    link.parent_tid = to.nr();
    name_parent(child, to);
    let zombie = child.life() == ProcessLife::Zombie;
    drop(link);
    let reap = zombie && tell_exit(child, to);
    drop(family);
    if zombie {
        after_exit(child, to, reap);
    }
    true
}

/// `PR_SET_PDEATHSIG` counts threads: the children that this one forked hear of its end.
pub(crate) fn parent_thread_died(process: &Arc<Process>, tid: i32) {
    let family = process.family.lock();
    for child in &family.children {
        if child.link.lock().parent_tid != tid {
            continue;
        }
        let sig = child
            .leader()
            .map_or(0, |leader| leader.parent_death_signal.load(Relaxed));
        if sig != 0 {
            let _ = send_to_process(child, &SigInfo::user(sig, process.nr_in(child.pids()), 0));
        }
    }
}

/// SIGCHLD's details of a child, for its parent.
fn child_info(parent: &Process, child: &Process, sig: Signal, change: Change) -> SigInfo {
    info_of(parent, child, child.leader().as_deref(), sig, change)
}

fn info_of(
    told: &Process,
    child: &Process,
    task: Option<&Task>,
    sig: Signal,
    change: Change,
) -> SigInfo {
    let (code, status) = change.code_and_status();
    let (user_ns, system_ns) = child.cpu_times();
    let uid = task
        .and_then(|task| task.cred().ok())
        .map_or(Kuid::ROOT, |cred| cred.uid);
    let names = told.leader().and_then(|leader| leader.cred().ok());
    let uid = names.map_or(uid.0, |cred| cred.user_ns.uid(uid));
    let data = SigData::Child {
        pid: match task {
            Some(task) => task.tid_in(told.pids()),
            None => child.nr_in(told.pids()),
        },
        uid,
        status,
        utime: (user_ns / NS_PER_CLOCK_TICK) as i64,
        stime: (system_ns / NS_PER_CLOCK_TICK) as i64,
    };
    SigInfo {
        signo: sig,
        errno: 0,
        code,
        data,
    }
}

/// The last thread of `child` has ended: it becomes a zombie and its parent is told, in one step as the parent sees it.
pub(crate) fn end(child: &Arc<Process>) {
    loop {
        let Some(parent) = child.parent() else {
            child.set_life(ProcessLife::Zombie);
            return;
        };
        let family = parent.family.lock();
        let link = child.link.lock();
        if link
            .parent
            .as_ref()
            .is_none_or(|now| !Arc::ptr_eq(now, &parent))
        {
            continue; // it was given to another parent
        }
        child.set_life(ProcessLife::Zombie);
        drop(link);
        let reap = tell_exit(child, &parent);
        drop(family);
        after_exit(child, &parent, reap);
        return;
    }
}

fn after_exit(child: &Arc<Process>, parent: &Process, reap: bool) {
    if reap {
        release(child);
    }
    // The child gives its CPU up in a moment: the parent may have it.
    parent.child_wait.wake_some(usize::MAX, 0, true);
}

/// Sends the parent the child's exit signal. A parent that ignores its children gets no zombie: answers whether the
/// caller has to remove it.
fn tell_exit(child: &Arc<Process>, parent: &Process) -> bool {
    let sig = {
        let link = child.link.lock();
        if link.parent_program == parent.program() {
            link.exit_signal
        } else {
            SIGCHLD
        }
    };
    let mut autoreap = false;
    // clone(2) takes any number of eight bits for it.
    let mut silent = sig == 0 || !is_signal(sig as i32);
    if sig == SIGCHLD {
        let sighand = parent.sighand();
        autoreap = sighand.autoreaps() || parent.has(flag::REAPS);
        silent = autoreap && sighand.get(SIGCHLD).handler == IGNORE;
    }
    if !silent {
        let change = Change::from_exit_status(child.exit_status.load(Relaxed));
        let _ = send_to_process(parent, &child_info(parent, child, sig, change)); // the zombie tells as well
    }
    autoreap && child.claim_zombie()
}

/// Tells the parent that a child has stopped or continued.
pub(crate) fn tell_stop(child: &Arc<Process>, change: Change) {
    let Some(parent) = child.parent() else { return };
    let action = parent.sighand().get(SIGCHLD);
    if action.handler != IGNORE && !action.has(sa::NOCLDSTOP) {
        let _ = send_to_process(&parent, &child_info(&parent, child, SIGCHLD, change));
    }
    parent.child_wait.wake_all();
}

/// Tells a tracer what became of its tracee.
pub(crate) fn tell_tracer(tracer: &Process, tracee: &Task, change: Change) {
    let action = tracer.sighand().get(SIGCHLD);
    let stays = matches!(change, Change::Trapped(_));
    if action.handler != IGNORE && !(stays && action.has(sa::NOCLDSTOP)) {
        let mut info = info_of(tracer, tracee.process(), Some(tracee), SIGCHLD, change);
        if let SigData::Child { status, .. } = &mut info.data
            && stays
        {
            *status &= 0x7f; // the signal alone
        }
        let _ = send_to_process(tracer, &info); // wait tells as well
    }
    tracer.child_wait.wake_all();
}

/// `PR_SET_CHILD_SUBREAPER`: orphans below this process become its children. Those that exist already learn of it.
pub fn set_subreaper(process: &Arc<Process>, on: bool) {
    process.set(flag::SUBREAPER, on);
    if on {
        mark_descendants(process);
    }
}

/// What is forked meanwhile inherits the mark from a marked parent.
fn mark_descendants(process: &Process) {
    let mut nr = 1;
    while let Some(candidate) = crate::process::next_process(nr) {
        nr = candidate.nr() + 1;
        let mut above = candidate.parent();
        while let Some(parent) = above {
            if core::ptr::eq(&*parent, process) {
                candidate.set(flag::HAS_SUBREAPER, true);
                break;
            }
            above = parent.parent();
        }
    }
}

/// Removes an ended process: its number is free, its parent forgets it. The caller has claimed it.
pub(crate) fn release(process: &Arc<Process>) {
    disown(process);
    leave_group(process);
    process.pid().detach_both();
    let mut shared = process.sig.lock_irq();
    let leader = shared.leader.take();
    let threads = core::mem::take(&mut shared.threads);
    let pending = core::mem::take(&mut shared.pending);
    drop(shared);
    if let Some(leader) = &leader {
        leader.set_life(Life::Dead);
        leader.set_thread(None);
    }
    drop((leader, threads, pending));
}

pub(crate) fn leave_group(process: &Process) {
    let membership = process.membership.lock_irq().take();
    if let Some(membership) = membership {
        membership.group.leave(membership.place);
    }
}
