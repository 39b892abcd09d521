//! System calls: ioprio_set(2), ioprio_get(2). A thread's wish, kept and inherited; no disk has a queue that it would order.
use crate::Call;
use crate::priority::for_each_prio;
use abi::raw::{__NR_ioprio_get, __NR_ioprio_set};
use abi::{Errno, Result};
use cred::cap;
use task::{Cx, Task};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_ioprio_set, "ioprio_set", sys_ioprio_set),
    (__NR_ioprio_get, "ioprio_get", sys_ioprio_get),
];

const CLASS_SHIFT: u32 = 13;
/// The bits of a level; those between it and the class are hints, which may be anything.
const LEVEL: u32 = 7;
const NONE: u32 = 0;
const REALTIME: u32 = 1;
const BEST_EFFORT: u32 = 2;
const IDLE: u32 = 3;

/// `IOPRIO_WHO_PROCESS` and its kin are those of setpriority(2), plus one.
fn which(a: usize) -> Result<usize> {
    a.checked_sub(1).ok_or(Errno::EINVAL)
}

/// Whether `cx` may ask for this priority. EINVAL: there is none such; EPERM.
pub(crate) fn check(cx: &Cx, priority: u32) -> Result<()> {
    match priority >> CLASS_SHIFT {
        NONE if priority & LEVEL != 0 => Err(Errno::EINVAL),
        REALTIME if !cx.cred.capable(cap::SYS_ADMIN) && !cx.cred.capable(cap::SYS_NICE) => {
            Err(Errno::EPERM)
        }
        NONE | REALTIME | BEST_EFFORT | IDLE => Ok(()),
        _ => Err(Errno::EINVAL),
    }
}

fn set(cx: &Cx, task: &Task, priority: u32) -> Result<()> {
    let theirs = task.cred()?;
    let owns = theirs.uid == cx.cred.euid || theirs.uid == cx.cred.uid;
    if !owns && !cx.cred.capable(cap::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    task.set_io_priority(priority);
    Ok(())
}

/// EINVAL, EPERM, ESRCH.
fn sys_ioprio_set(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let priority = a[2] as u32;
    check(cx, priority)?;
    let mut answer = Err(Errno::ESRCH);
    for_each_prio(cx, which(a[0])?, a[1] as i32, &mut |task, _| {
        // The first refusal ends it.
        if matches!(answer, Ok(()) | Err(Errno::ESRCH)) {
            answer = set(cx, task, priority);
        }
    })?;
    answer.map(|()| 0)
}

/// EINVAL, ESRCH.
fn sys_ioprio_get(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let which = which(a[0])?;
    let mut best: Option<u32> = None;
    for_each_prio(cx, which, a[1] as i32, &mut |task, thread| {
        let own = match task.io_priority() {
            // Of many, one that was not set counts as what its nice value gives.
            0 if which > 0 => {
                let nice = i32::from(thread.attr().share.nice);
                BEST_EFFORT << CLASS_SHIFT | ((nice + 20) / 5) as u32
            }
            set => set,
        };
        best = Some(best.map_or(own, |best| best.min(own)));
    })?;
    best.map(|best| best as usize).ok_or(Errno::ESRCH)
}
