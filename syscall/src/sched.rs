//! System calls: scheduling.
use crate::Call;
use crate::membarrier;
use crate::process::{require_zero, thread_of};
use abi::process::SchedAttr;
use abi::raw::{
    __NR_getcpu, __NR_membarrier, __NR_sched_get_priority_max, __NR_sched_get_priority_min,
    __NR_sched_getaffinity, __NR_sched_getattr, __NR_sched_getparam, __NR_sched_getscheduler,
    __NR_sched_rr_get_interval, __NR_sched_setaffinity, __NR_sched_setattr, __NR_sched_setparam,
    __NR_sched_setscheduler, __NR_sched_yield,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Resource, cap};
use hal::addr::UserAddr;
use kmem::user;
use sched::{CpuSet, Policy, Share, Thread, Wanted};
use task::{Cx, Task};
use time::clock::to_timespec;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_sched_yield, "sched_yield", sys_sched_yield),
    (
        __NR_sched_setscheduler,
        "sched_setscheduler",
        sys_sched_setscheduler,
    ),
    (
        __NR_sched_getscheduler,
        "sched_getscheduler",
        sys_sched_getscheduler,
    ),
    (__NR_sched_setparam, "sched_setparam", sys_sched_setparam),
    (__NR_sched_getparam, "sched_getparam", sys_sched_getparam),
    (__NR_sched_setattr, "sched_setattr", sys_sched_setattr),
    (__NR_sched_getattr, "sched_getattr", sys_sched_getattr),
    (
        __NR_sched_get_priority_max,
        "sched_get_priority_max",
        sys_sched_get_priority_max,
    ),
    (
        __NR_sched_get_priority_min,
        "sched_get_priority_min",
        sys_sched_get_priority_min,
    ),
    (
        __NR_sched_rr_get_interval,
        "sched_rr_get_interval",
        sys_sched_rr_get_interval,
    ),
    (
        __NR_sched_setaffinity,
        "sched_setaffinity",
        sys_sched_setaffinity,
    ),
    (
        __NR_sched_getaffinity,
        "sched_getaffinity",
        sys_sched_getaffinity,
    ),
    (__NR_getcpu, "getcpu", sys_getcpu),
    (__NR_membarrier, "membarrier", membarrier::sys_membarrier),
];

const RESET_ON_FORK: u32 = 0x4000_0000;

fn sys_sched_yield(_cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    sched::yield_now();
    Ok(0)
}

/// The thread that a call names, and its scheduling side. `EINVAL`: negative; `ESRCH`.
fn target(cx: &Cx, nr: usize) -> Result<(Arc<Task>, Arc<Thread>)> {
    if (nr as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    any_target(cx, nr)
}

/// The same where a negative number is but one that nobody has (the calls about affinity). `ESRCH`.
fn any_target(cx: &Cx, nr: usize) -> Result<(Arc<Task>, Arc<Thread>)> {
    let task = thread_of(cx, nr as i32)?;
    let thread = task.thread().ok_or(Errno::ESRCH)?;
    Ok((task, thread))
}

/// Whether the caller owns the target (setpriority(2)).
pub(crate) fn owns(cx: &Cx, task: &Task) -> Result<bool> {
    let theirs = task.cred()?;
    Ok(cx.cred.euid == theirs.euid || cx.cred.euid == theirs.uid)
}

/// What a change of policy needs (sched(7), "Privileges and resource limits"). `EPERM`.
fn check_share(cx: &Cx, task: &Task, old: Share, new: Share) -> Result<()> {
    if cx.cred.capable(cap::SYS_NICE) {
        return Ok(());
    }
    let limits = task.process().limits();
    if new.policy.is_rt() {
        let most = limits.cur(Resource::Rtprio);
        if (new.policy != old.policy && most == 0)
            || (new.rt_level > old.rt_level && u64::from(new.rt_level) > most)
        {
            return Err(Errno::EPERM);
        }
    } else if new.nice < old.nice && !nice_allowed(limits.cur(Resource::Nice), new.nice) {
        return Err(Errno::EPERM);
    }
    if owns(cx, task)? {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// `RLIMIT_NICE` is 20 - nice.
pub(crate) fn nice_allowed(limit: u64, nice: i8) -> bool {
    (20 - i64::from(nice)) as u64 <= limit
}

fn set(cx: &Cx, task: &Task, thread: &Thread, new: Share, reset_on_fork: bool) -> Result<usize> {
    let old = thread.attr();
    check_share(cx, task, old.share, new)?;
    if old.reset_on_fork && !reset_on_fork && !cx.cred.capable(cap::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    thread.set_share(new)?;
    thread.set_reset_on_fork(reset_on_fork);
    if let Some(thread) = thread.arc() {
        futex::pi::level_changed(&thread)?;
    }
    Ok(0)
}

/// A policy and level as sched_setscheduler(2) gives them. `EINVAL`.
fn share(old: Share, policy: u32, level: i32) -> Result<Share> {
    let policy = Policy::from_raw(policy).ok_or(Errno::EINVAL)?;
    let fits = if policy.is_rt() {
        (1..=99).contains(&level)
    } else {
        level == 0
    };
    if !fits {
        return Err(Errno::EINVAL);
    }
    Ok(Share {
        policy,
        nice: old.nice,
        rt_level: level as u8,
    })
}

fn sys_sched_setscheduler(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if (a[1] as i32) < 0 || a[2] == 0 {
        return Err(Errno::EINVAL);
    }
    let level: i32 = user::read(UserAddr(a[2]))?;
    let (task, thread) = target(cx, a[0])?;
    let policy = a[1] as u32;
    let new = share(thread.attr().share, policy & !RESET_ON_FORK, level)?;
    set(cx, &task, &thread, new, policy & RESET_ON_FORK != 0)
}

fn sys_sched_setparam(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[1] == 0 {
        return Err(Errno::EINVAL);
    }
    let level: i32 = user::read(UserAddr(a[1]))?;
    let (task, thread) = target(cx, a[0])?;
    let old = thread.attr();
    let new = share(old.share, old.share.policy as u32, level)?;
    set(cx, &task, &thread, new, old.reset_on_fork)
}

fn sys_sched_getscheduler(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let attr = target(cx, a[0])?.1.attr();
    let flag = if attr.reset_on_fork { RESET_ON_FORK } else { 0 };
    Ok((attr.share.policy as u32 | flag) as usize)
}

fn sys_sched_getparam(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[1] == 0 {
        return Err(Errno::EINVAL);
    }
    let share = target(cx, a[0])?.1.attr().share;
    let level = if share.policy.is_rt() {
        share.rt_level
    } else {
        0
    };
    user::write(UserAddr(a[1]), &i32::from(level))?;
    Ok(0)
}

const ATTR_SIZE: usize = size_of::<SchedAttr>();
const FLAG_RESET_ON_FORK: u64 = 1;
const FLAG_DL_OVERRUN: u64 = 4;
const FLAG_KEEP_POLICY: u64 = 8;
const FLAG_KEEP_PARAMS: u64 = 16;

fn sys_sched_setattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[1] == 0 || a[2] != 0 {
        return Err(Errno::EINVAL);
    }
    let size = match user::read::<u32>(UserAddr(a[1]))? as usize {
        0 => ATTR_SIZE,
        size => size,
    };
    if !(ATTR_SIZE..=abi::PAGE_SIZE).contains(&size)
        || require_zero(a[1] + ATTR_SIZE, size - ATTR_SIZE).is_err()
    {
        user::write(UserAddr(a[1]), &(ATTR_SIZE as u32))?;
        return Err(Errno::E2BIG);
    }
    let attr: SchedAttr = user::read(UserAddr(a[1]))?;
    const KNOWN: u64 = FLAG_RESET_ON_FORK | FLAG_DL_OVERRUN | FLAG_KEEP_POLICY | FLAG_KEEP_PARAMS;
    if attr.flags & !KNOWN != 0 {
        return Err(Errno::EINVAL);
    }
    if (attr.policy as i32) < 0 {
        return Err(Errno::EINVAL);
    }
    let (task, thread) = target(cx, a[0])?;
    let now = thread.attr();
    let old = now.share;
    let (policy, reset_on_fork) = if attr.flags & FLAG_KEEP_POLICY != 0 {
        (old.policy as u32, now.reset_on_fork)
    } else {
        (attr.policy, attr.flags & FLAG_RESET_ON_FORK != 0)
    };
    if policy == Policy::Deadline as u32 {
        return set_deadline(cx, &thread, &attr, reset_on_fork);
    }
    let mut new = share(old, policy, attr.priority as i32)?;
    if attr.flags & FLAG_KEEP_PARAMS != 0 {
        new = Share {
            policy: new.policy,
            ..old
        };
    } else if !new.policy.is_rt() {
        new.nice = attr.nice.clamp(-20, 19) as i8;
    }
    set(cx, &task, &thread, new, reset_on_fork)
}

/// `EINVAL`: a priority too, or as [`Wanted::check`]; `EPERM`: without `CAP_SYS_NICE`, or it may not run on all CPUs; `EBUSY`.
fn set_deadline(cx: &Cx, thread: &Thread, attr: &SchedAttr, reset_on_fork: bool) -> Result<usize> {
    let kept = thread
        .wanted()
        .filter(|_| attr.flags & FLAG_KEEP_PARAMS != 0);
    let wanted = kept.unwrap_or(Wanted {
        runtime_ns: attr.runtime,
        deadline_ns: attr.deadline,
        period_ns: attr.period,
        tells: attr.flags & FLAG_DL_OVERRUN != 0,
    });
    let wanted = wanted.check()?;
    if attr.priority != 0 {
        return Err(Errno::EINVAL);
    }
    cx.cred.require(cap::SYS_NICE)?;
    thread.set_deadline(wanted)?;
    thread.set_reset_on_fork(reset_on_fork);
    if let Some(thread) = thread.arc() {
        futex::pi::level_changed(&thread)?;
    }
    Ok(0)
}

fn sys_sched_getattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let size = a[2] as u32 as usize;
    if a[1] == 0 || !(ATTR_SIZE..=abi::PAGE_SIZE).contains(&size) || a[3] != 0 {
        return Err(Errno::EINVAL);
    }
    let thread = target(cx, a[0])?.1;
    let attr = thread.attr();
    let policy = attr.share.policy;
    let wanted = thread.wanted().filter(|_| policy == Policy::Deadline);
    let wanted = wanted.unwrap_or_default();
    let mut flags = if attr.reset_on_fork {
        FLAG_RESET_ON_FORK
    } else {
        0
    };
    flags |= if wanted.tells { FLAG_DL_OVERRUN } else { 0 };
    let urgent = attr.share.rt_level != 0;
    let out = SchedAttr {
        size: ATTR_SIZE as u32,
        policy: policy as u32,
        flags,
        nice: if urgent { 0 } else { attr.share.nice.into() },
        priority: if policy.is_rt() {
            attr.share.rt_level.into()
        } else {
            0
        },
        runtime: wanted.runtime_ns,
        deadline: wanted.deadline_ns,
        period: wanted.period_ns,
    };
    user::write(UserAddr(a[1]), &out)?;
    Ok(0)
}

fn levels(policy: usize) -> Result<(usize, usize)> {
    match Policy::from_raw(policy as u32) {
        Some(policy) if policy.is_rt() => Ok((1, 99)),
        Some(_) => Ok((0, 0)),
        None if policy == Policy::Deadline as usize => Ok((0, 0)),
        None => Err(Errno::EINVAL),
    }
}

fn sys_sched_get_priority_max(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    levels(a[0]).map(|(_, most)| most)
}

fn sys_sched_get_priority_min(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    levels(a[0]).map(|(least, _)| least)
}

fn sys_sched_rr_get_interval(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let thread = target(cx, a[0])?.1;
    let turn = if matches!(thread.attr().share.policy, Policy::Fifo | Policy::Deadline) {
        0
    } else {
        thread.turn_ns()
    };
    user::write(UserAddr(a[1]), &to_timespec(turn))?;
    Ok(0)
}

fn sys_sched_setaffinity(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let mut bytes = [0u8; 8];
    let len = (a[1] as u32 as usize).min(bytes.len());
    user::copy_from_user(&mut bytes[..len], UserAddr(a[2]))?;
    let (task, thread) = any_target(cx, a[0])?;
    if !owns(cx, &task)? && !cx.cred.ns_capable(&task.cred()?.user_ns, cap::SYS_NICE) {
        return Err(Errno::EPERM);
    }
    if thread.is_bound() {
        return Err(Errno::EINVAL);
    }
    thread.set_allowed(CpuSet(u64::from_le_bytes(bytes)))?;
    Ok(0)
}

fn sys_sched_getaffinity(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let len = a[1] as u32 as usize;
    if len < 8 || !len.is_multiple_of(8) {
        return Err(Errno::EINVAL);
    }
    let allowed = any_target(cx, a[0])?
        .1
        .allowed()
        .and(sched::stats::active_cpus());
    user::write(UserAddr(a[2]), &allowed.0)?;
    Ok(8)
}

fn sys_getcpu(_cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[0] != 0 {
        user::write(UserAddr(a[0]), &(hal::cpu::id() as u32))?;
    }
    if a[1] != 0 {
        user::write(UserAddr(a[1]), &0u32)?; // one node
    }
    Ok(0)
}
