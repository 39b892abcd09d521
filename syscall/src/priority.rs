//! System calls: the nice value of a thread, a group, a user (setpriority(2)).
use crate::Call;
use crate::process::thread_of;
use crate::sched::{nice_allowed, owns};
use abi::raw::{__NR_getpriority, __NR_setpriority};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, Kuid, Resource, cap};
use pid::PidNs;
use sched::{Share, Thread};
use task::process::next_process_in;
use task::{Cx, Process, Task};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_getpriority, "getpriority", sys_getpriority),
    (__NR_setpriority, "setpriority", sys_setpriority),
];

/// Whose priority: `PRIO_PROCESS`, `PRIO_PGRP`, `PRIO_USER`.
pub(crate) fn for_each_prio(
    cx: &Cx,
    which: usize,
    who: i32,
    f: &mut dyn FnMut(&Arc<Task>, &Thread),
) -> Result<()> {
    let mut visit = |task: &Arc<Task>| {
        if let Some(thread) = task.thread() {
            f(task, &thread);
        }
    };
    match which {
        0 => visit(&thread_of(cx, who)?),
        1 => {
            let group = match who {
                0 => cx.process().group()?,
                nr => cx.find_group(nr)?,
            };
            each_thread(
                cx.pids(),
                |process| process.group_and_session().0 == group.id(),
                &mut visit,
            );
        }
        2 => {
            let uid = if who == 0 {
                cx.cred.uid
            } else {
                cx.cred.user_ns.kuid(who as u32)
            };
            each_thread(
                cx.pids(),
                |process| real_user(process) == Some(uid),
                &mut visit,
            );
        }
        _ => return Err(Errno::EINVAL),
    }
    Ok(())
}

fn real_user(process: &Process) -> Option<Kuid> {
    let cred: Arc<Cred> = process.leader()?.cred().ok()?;
    Some(cred.uid)
}

fn each_thread(ns: &PidNs, wanted: impl Fn(&Process) -> bool, visit: &mut dyn FnMut(&Arc<Task>)) {
    let mut from = 1;
    while let Some((nr, process)) = next_process_in(ns, from) {
        from = nr + 1;
        if wanted(&process) {
            let mut nth = 0;
            // One at a time: what is done with a thread must not run under the signal lock.
            while let Some(task) = process.nth_thread(nth) {
                visit(&task);
                nth += 1;
            }
        }
    }
}

fn sys_getpriority(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut best: Option<i8> = None;
    for_each_prio(cx, a[0], a[1] as i32, &mut |_, thread| {
        let nice = thread.attr().share.nice;
        best = Some(best.map_or(nice, |best| best.min(nice)));
    })?;
    // The call answers 20 - nice, so that no result is negative.
    best.map(|nice| (20 - i32::from(nice)) as usize)
        .ok_or(Errno::ESRCH)
}

fn sys_setpriority(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let nice = (a[2] as i32).clamp(-20, 19) as i8;
    let mut answer = Err(Errno::ESRCH);
    for_each_prio(cx, a[0], a[1] as i32, &mut |task, thread| {
        let done = set_nice(cx, task, thread, nice);
        if answer != Ok(()) || done.is_err() {
            answer = done;
        }
    })?;
    answer.map(|()| 0)
}

fn set_nice(cx: &Cx, task: &Task, thread: &Thread, nice: i8) -> Result<()> {
    let privileged = cx.cred.capable(cap::SYS_NICE);
    let old = thread.attr().share;
    if !owns(cx, task)? && !cx.cred.ns_capable(&task.cred()?.user_ns, cap::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    if nice < old.nice
        && !privileged
        && !nice_allowed(task.process().limits().cur(Resource::Nice), nice)
    {
        return Err(Errno::EACCES);
    }
    thread.set_share(Share { nice, ..old })
}
