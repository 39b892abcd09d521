//! System calls: resource limits and usage, prctl(2).
use crate::Call;
use crate::process::{encode_usage, process_of};
use abi::process::{Rlimit, Tms};
use abi::raw::{
    __NR_getrlimit, __NR_getrusage, __NR_prctl, __NR_prlimit64, __NR_setrlimit, __NR_times,
};
use abi::{Errno, Result, prctl};
use cred::{Limit, Resource, cap};
use hal::addr::UserAddr;
use kmem::user;
use task::times::Usage;
use task::{Cx, Process};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_getrlimit, "getrlimit", sys_getrlimit),
    (__NR_setrlimit, "setrlimit", sys_setrlimit),
    (__NR_prlimit64, "prlimit64", sys_prlimit64),
    (__NR_getrusage, "getrusage", sys_getrusage),
    (__NR_times, "times", sys_times),
    (__NR_prctl, "prctl", sys_prctl),
];

fn sys_getrlimit(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let limit = cx.process().limits().get(Resource::from_raw(a[0] as u32)?);
    user::write(
        UserAddr(a[1]),
        &Rlimit {
            cur: limit.cur,
            max: limit.max,
        },
    )?;
    Ok(0)
}

fn sys_setrlimit(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let resource = Resource::from_raw(a[0] as u32)?;
    let new: Rlimit = user::read(UserAddr(a[1]))?;
    let process = cx.process().clone();
    change(cx, &process, resource, new)?;
    Ok(0)
}

fn sys_prlimit64(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let resource = Resource::from_raw(a[1] as u32)?;
    let process = process_of(cx, a[0] as i32)?;
    check_prlimit(cx, &process)?;
    let old = process.limits().get(resource);
    if a[2] != 0 {
        let new: Rlimit = user::read(UserAddr(a[2]))?;
        change(cx, &process, resource, new)?;
    }
    if a[3] != 0 {
        user::write(
            UserAddr(a[3]),
            &Rlimit {
                cur: old.cur,
                max: old.max,
            },
        )?;
    }
    Ok(0)
}

/// Another's limits need its ids or `CAP_SYS_RESOURCE`. `EPERM`.
fn check_prlimit(cx: &Cx, process: &Process) -> Result<()> {
    if core::ptr::eq(process, &**cx.process()) {
        return Ok(());
    }
    let it = process.leader().ok_or(Errno::ESRCH)?.cred()?;
    let me = &cx.cred;
    let same = [it.uid, it.euid, it.suid].iter().all(|&uid| uid == me.uid)
        && [it.gid, it.egid, it.sgid].iter().all(|&gid| gid == me.gid);
    if same || me.ns_capable(&it.user_ns, cap::SYS_RESOURCE) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

fn change(cx: &Cx, process: &Process, resource: Resource, new: Rlimit) -> Result<()> {
    let privileged = cx.cred.capable(cap::SYS_RESOURCE);
    process.limits().set(
        resource,
        Limit {
            cur: new.cur,
            max: new.max,
        },
        privileged,
    )?;
    if matches!(
        resource,
        Resource::As | Resource::Data | Resource::Stack | Resource::Memlock
    ) && let Some(mm) = process.leader().and_then(|leader| leader.mm())
    {
        mm.set_limits(memory_limits(process, &cx.cred));
    }
    Ok(())
}

/// The limits that an address space enforces.
pub(crate) fn memory_limits(process: &Process, cred: &cred::Cred) -> mm::Limits {
    let limits = process.limits();
    let locked = if cred.capable(cap::IPC_LOCK) {
        u64::MAX
    } else {
        limits.cur(Resource::Memlock)
    };
    mm::Limits {
        address_space: limits.cur(Resource::As),
        data: limits.cur(Resource::Data),
        stack: limits.cur(Resource::Stack),
        memlock: locked,
    }
}

fn sys_getrusage(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const SELF: i32 = 0;
    const CHILDREN: i32 = -1;
    const THREAD: i32 = 1;
    let usage = match a[0] as i32 {
        SELF => cx.process().usage(),
        CHILDREN => cx.process().children_usage(),
        THREAD => Usage::of_task(&cx.task),
        _ => return Err(Errno::EINVAL),
    };
    user::write(UserAddr(a[1]), &encode_usage(&usage))?;
    Ok(0)
}

fn sys_times(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if a[0] != 0 {
        let (user_ns, system_ns) = cx.process().cpu_times();
        let children = cx.process().children_usage();
        let ticks = |ns| time::ns_to_clock_t(ns) as i64;
        let tms = Tms {
            utime: ticks(user_ns),
            stime: ticks(system_ns),
            cutime: ticks(children.user_ns),
            cstime: ticks(children.system_ns),
        };
        user::write(UserAddr(a[0]), &tms)?;
    }
    Ok(time::ns_to_clock_t(time::monotonic_ns()) as usize)
}

fn sys_prctl(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let arg = a[1];
    let rest_is_zero = a[2] == 0 && a[3] == 0 && a[4] == 0;
    let zero_but_option = arg == 0 && rest_is_zero;
    match a[0] as u32 {
        prctl::PR_SET_PDEATHSIG => {
            if arg > 64 {
                return Err(Errno::EINVAL);
            }
            cx.task.set_parent_death_signal(arg as u32);
            Ok(0)
        }
        prctl::PR_GET_PDEATHSIG => {
            user::write(UserAddr(arg), &(cx.task.parent_death_signal() as i32))?;
            Ok(0)
        }
        prctl::PR_GET_DUMPABLE => Ok(usize::from(cx.process().is_dumpable())),
        prctl::PR_SET_DUMPABLE => {
            if arg > 1 {
                return Err(Errno::EINVAL);
            }
            cx.process().set_dumpable(arg == 1);
            Ok(0)
        }
        prctl::PR_SET_NAME => set_name(cx, arg),
        prctl::PR_GET_NAME => {
            user::copy_to_user(UserAddr(arg), &cx.task.comm())?;
            Ok(0)
        }
        prctl::PR_SET_CHILD_SUBREAPER => {
            task::family::set_subreaper(cx.process(), arg != 0);
            Ok(0)
        }
        prctl::PR_GET_CHILD_SUBREAPER => {
            user::write(UserAddr(arg), &i32::from(cx.process().is_subreaper()))?;
            Ok(0)
        }
        prctl::PR_SET_NO_NEW_PRIVS if arg == 1 && rest_is_zero => {
            cx.task.set_no_new_privs();
            Ok(0)
        }
        prctl::PR_GET_NO_NEW_PRIVS if zero_but_option => Ok(usize::from(cx.task.no_new_privs())),
        prctl::PR_GET_KEEPCAPS => Ok(usize::from(
            cx.cred.securebits & cred::securebit::KEEP_CAPS != 0,
        )),
        prctl::PR_SET_KEEPCAPS => set_keepcaps(cx, arg),
        prctl::PR_GET_SECUREBITS => Ok(cx.cred.securebits as usize),
        prctl::PR_SET_SECUREBITS => change_cred(cx, |cred| cred.set_securebits(arg as u32)),
        prctl::PR_CAPBSET_READ if arg <= cap::LAST as usize => {
            Ok(usize::from(cx.cred.bounding.has(arg as u32)))
        }
        prctl::PR_CAPBSET_DROP => change_cred(cx, |cred| cred.drop_bounding(arg as u32)),
        prctl::PR_CAP_AMBIENT => ambient(cx, a),
        prctl::PR_GET_TIMING => Ok(prctl::PR_TIMING_STATISTICAL as usize),
        prctl::PR_SET_TIMING if arg == prctl::PR_TIMING_STATISTICAL as usize => Ok(0),
        prctl::PR_GET_TIMERSLACK => Ok(cx.task.timer_slack_ns() as usize),
        prctl::PR_SET_TIMERSLACK => {
            cx.task.set_timer_slack_ns(arg as u64);
            Ok(0)
        }
        prctl::PR_GET_TID_ADDRESS => {
            user::write(UserAddr(arg), &cx.clear_child_tid)?;
            Ok(0)
        }
        prctl::PR_GET_SECCOMP => Ok(cx.seccomp.mode() as usize),
        prctl::PR_SET_SECCOMP => crate::seccomp::set_mode(cx, arg, a[2]),
        _ => Err(Errno::EINVAL),
    }
}

fn set_name(cx: &Cx, at: usize) -> Result<usize> {
    let mut name = [0u8; 16];
    match user::strncpy(&mut name, UserAddr(at)) {
        Ok(_) | Err(Errno::ENAMETOOLONG) => {}
        Err(error) => return Err(error),
    }
    cx.task.set_comm(&name);
    Ok(0)
}

fn change_cred(cx: &mut Cx, change: impl FnOnce(&mut cred::Cred) -> Result<()>) -> Result<usize> {
    let mut new = (*cx.cred).clone();
    change(&mut new)?;
    cx.set_cred(new)?;
    Ok(0)
}

fn set_keepcaps(cx: &mut Cx, arg: usize) -> Result<usize> {
    if arg > 1 {
        return Err(Errno::EINVAL);
    }
    change_cred(cx, |new| {
        if new.securebits & cred::securebit::KEEP_CAPS_LOCKED != 0 {
            return Err(Errno::EPERM);
        }
        new.securebits &= !cred::securebit::KEEP_CAPS;
        if arg == 1 {
            new.securebits |= cred::securebit::KEEP_CAPS;
        }
        Ok(())
    })
}

fn ambient(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let which = a[2] as u32;
    let known = a[2] <= cap::LAST as usize;
    match a[1] as u32 {
        prctl::PR_CAP_AMBIENT_CLEAR_ALL if a[2] == 0 => change_cred(cx, |cred| {
            cred.ambient = cred::CapSet::EMPTY;
            Ok(())
        }),
        prctl::PR_CAP_AMBIENT_IS_SET if known => Ok(usize::from(cx.cred.ambient.has(which))),
        prctl::PR_CAP_AMBIENT_RAISE if known => change_cred(cx, |cred| cred.raise_ambient(which)),
        prctl::PR_CAP_AMBIENT_LOWER if known => change_cred(cx, |cred| {
            cred.ambient.remove(which);
            Ok(())
        }),
        _ => Err(Errno::EINVAL),
    }
}
