//! What system calls a thread may make (seccomp(2)).
//!
//! A thread that is restricted has another table of calls, each of whose entries asks here first: others pay nothing. Its
//! filters are a chain, the newest first, which threads and children share; each call is shown to all of them.
//!
//! Specification: seccomp(2); Documentation/userspace-api/seccomp_filter.rst.
use crate::cx::{CALLS_LEN, CallTable, Cx};
use crate::objects::{Life, Task};
use crate::restriction::Filter;
pub use crate::restriction::{Restriction, action};
use crate::task::work;
use crate::{calls, exit, signal};
use abi::raw::{__NR_exit, __NR_read, __NR_rt_sigreturn, __NR_write};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cbpf::{Call, Program};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use pid::siginfo::code::SYS_SECCOMP;
use pid::signals::{SIGKILL, SIGSYS};
use pid::{SigData, SigInfo};

/// `AUDIT_ARCH_X86_64`.
const ARCHITECTURE: u32 = 0xc000_003e;
const MAX_ERRNO: u32 = 4095;
/// What is left to a thread that is restricted strictly.
const STRICT: [u32; 4] = [__NR_read, __NR_write, __NR_exit, __NR_rt_sigreturn];

static RESTRICTED: CallTable = CallTable {
    calls: [restricted; CALLS_LEN],
    beyond: restricted,
};

/// `SECCOMP_SET_MODE_STRICT`. EINVAL: there are filters.
pub fn set_strict(cx: &mut Cx) -> Result<()> {
    if matches!(cx.seccomp, Restriction::Filters(_)) {
        return Err(Errno::EINVAL);
    }
    cx.task.show_seccomp(Restriction::Strict);
    adopt(cx);
    Ok(())
}

/// How a filter is added.
#[derive(Clone, Copy, Default)]
pub struct How {
    /// Its verdicts are logged.
    pub log: bool,
    /// All threads of the process get it.
    pub all_threads: bool,
}

/// `SECCOMP_SET_MODE_FILTER`. The number of the thread that cannot have the filters, if all threads were to; nothing has
/// changed then.
///
/// # Errors
/// `EINVAL`: the thread is restricted strictly. `ENOMEM`; also: the chain would be too long.
pub fn add_filter(cx: &mut Cx, program: Program, how: How) -> Result<Option<i32>> {
    let before = match &cx.seccomp {
        Restriction::None => None,
        Restriction::Strict => return Err(Errno::EINVAL),
        Restriction::Filters(filter) => Some(filter.clone()),
    };
    let filter = Filter::add(before, program, how.log)?;
    let new = Restriction::Filters(filter.clone());
    if how.all_threads
        && let Some(other) = give_to_others(cx, &filter)
    {
        return Ok(Some(other));
    }
    cx.task.show_seccomp(new);
    adopt(cx);
    if how.all_threads {
        // Who is in user mode passes the kernel before this ends, and takes the filters on its way back.
        sync::rcu::synchronize();
    }
    Ok(None)
}

/// Gives the filters to all other threads, or to none: the number of the one that cannot have them.
fn give_to_others(cx: &Cx, filter: &Arc<Filter>) -> Option<i32> {
    let shared = cx.process().sig.lock_irq();
    let others = || {
        let threads = shared.threads.into_iter();
        threads.filter(|task| !Arc::ptr_eq(task, &cx.task) && task.life() == Life::Alive)
    };
    if let Some(task) = others().find(|task| !task.seccomp().may_become(filter)) {
        return Some(task.local_tid());
    }
    for task in others() {
        // What was there before is part of the chain: nothing is freed under the lock.
        task.show_seccomp(Restriction::Filters(filter.clone()));
        if cx.task.no_new_privs() {
            task.set_no_new_privs();
        }
        task.add_work(work::SECCOMP);
    }
    None
}

/// A thread that is being made, under the lock on its process' threads: what its maker was given meanwhile is its own too.
pub(crate) fn catch_up(maker: &Task, thread: &Task) {
    if maker.work() & work::SECCOMP != 0 {
        thread.show_seccomp(maker.seccomp());
        thread.add_work(work::SECCOMP);
    }
}

/// The task takes what it is restricted to, by itself or by another thread.
pub(crate) fn adopt(cx: &mut Cx) {
    cx.task.clear_work(work::SECCOMP);
    cx.seccomp = cx.task.seccomp();
    cx.set_calls(match &cx.seccomp {
        Restriction::None => calls::plain(),
        _ => &RESTRICTED,
    });
}

/// Every call of a restricted thread.
fn restricted(cx: &mut Cx, arguments: &[usize; 6]) -> Result<usize> {
    let number = cx.regs.orig_rax as u32;
    let (verdict, log) = match &cx.seccomp {
        Restriction::None => (action::ALLOW, false),
        Restriction::Strict if STRICT.contains(&number) => (action::ALLOW, false),
        Restriction::Strict => {
            tell(cx, SIGKILL, action::KILL_THREAD);
            exit::by_signal(cx, SIGKILL);
            return Ok(0);
        }
        Restriction::Filters(newest) => {
            newest.judge(&Call::new(number, ARCHITECTURE, cx.regs.rip, arguments))
        }
    };
    let (what, data) = (verdict & action::PART, verdict & !action::PART);
    match what {
        action::ALLOW => make(cx, number, arguments),
        action::LOG => {
            tell(cx, 0, what);
            make(cx, number, arguments)
        }
        action::ERRNO => {
            if log {
                tell(cx, 0, what);
            }
            match Errno::from_code(data.min(MAX_ERRNO) as i32) {
                Some(error) => Err(error),
                None => Ok(0),
            }
        }
        action::TRAP => {
            if log {
                tell(cx, SIGSYS, what);
            }
            signal::force(&cx.task, &information(cx, number, data));
            Ok(number as usize)
        }
        action::TRACE => {
            if log {
                tell(cx, 0, what);
            }
            Err(Errno::ENOSYS)
        }
        _ => {
            tell(cx, SIGSYS, what);
            kill(cx, what, number, data);
            Ok(number as usize)
        }
    }
}

fn make(cx: &mut Cx, number: u32, arguments: &[usize; 6]) -> Result<usize> {
    let handler = calls::plain().handler(number as usize);
    handler(cx, arguments)
}

fn information(cx: &Cx, number: u32, data: u32) -> SigInfo {
    SigInfo {
        signo: SIGSYS,
        errno: data as i32,
        code: SYS_SECCOMP,
        data: SigData::Sys {
            addr: cx.regs.rip as usize,
            nr: number as i32,
            arch: ARCHITECTURE,
        },
    }
}

/// The thread ends, and with it the process if that is what is wanted, or if it was the last.
fn kill(cx: &mut Cx, what: u32, number: u32, data: u32) {
    if what == action::KILL_THREAD && cx.process().live.load(Relaxed) > 1 {
        exit::by_signal(cx, SIGSYS);
    } else {
        cx.process().sighand().reset(SIGSYS);
        signal::force(&cx.task, &information(cx, number, data));
    }
}

/// The log's line, as the audit of Linux writes it when nobody reads its socket.
#[cold]
fn tell(cx: &Cx, sig: pid::Signal, what: u32) {
    static SERIAL: AtomicU64 = AtomicU64::new(1);
    const NS_PER_MS: u64 = 1_000_000;
    let now = time::realtime_ns();
    let comm = cx.task.comm();
    let name = core::str::from_utf8(&comm).unwrap_or("?");
    trace::pr_notice!(
        "audit: type=1326 audit({}.{:03}:{}): uid={} gid={} pid={} comm=\"{}\" sig={sig} arch={ARCHITECTURE:x} syscall={} \
         compat=0 ip={:#x} code={what:#x}",
        now / time::NSEC_PER_SEC,
        now % time::NSEC_PER_SEC / NS_PER_MS,
        SERIAL.fetch_add(1, Relaxed),
        cx.cred.uid.0,
        cx.cred.gid.0,
        cx.task.tid(),
        name.trim_end_matches('\0'),
        cx.regs.orig_rax as i32,
        cx.regs.rip,
    );
}
