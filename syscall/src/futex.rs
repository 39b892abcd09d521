//! System calls: futex(2), futex_waitv(2).
use crate::Call;
use crate::time::deadline;
use abi::pod::Timespec;
use abi::raw::{
    __NR_futex, __NR_futex_waitv, FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE, FUTEX_CMP_REQUEUE_PI,
    FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE, FUTEX_TRYLOCK_PI,
    FUTEX_UNLOCK_PI, FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAIT_REQUEUE_PI, FUTEX_WAKE,
    FUTEX_WAKE_BITSET, FUTEX_WAKE_OP,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use futex::{MATCH_ANY, Requeue, Scope, Wanted};
use hal::addr::UserAddr;
use kmem::{TryVec, user};
use sched::Thread;
use task::Cx;
use time::ClockId;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_futex, "futex", sys_futex),
    (__NR_futex_waitv, "futex_waitv", sys_futex_waitv),
];

fn sys_futex(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let [addr, op, val, timeout, addr2, val3] = *a;
    let (op, val, val3) = (op as u32, val as u32, val3 as u32);
    let scope = scope_of(op);
    let command = op & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    let realtime = op & FUTEX_CLOCK_REALTIME != 0;
    let may_choose = matches!(
        command,
        FUTEX_WAIT_BITSET | FUTEX_WAIT_REQUEUE_PI | FUTEX_LOCK_PI2
    );
    if realtime && !may_choose {
        return Err(Errno::ENOSYS);
    }
    let (addr, addr2) = (UserAddr(addr), UserAddr(addr2));
    match command {
        FUTEX_WAIT => {
            let until = wait_end(timeout, realtime, false)?;
            wait(
                cx,
                Wait {
                    addr,
                    scope,
                    val,
                    bitset: MATCH_ANY,
                    until,
                },
            )
        }
        FUTEX_WAIT_BITSET => {
            let until = wait_end(timeout, realtime, true)?;
            wait(
                cx,
                Wait {
                    addr,
                    scope,
                    val,
                    bitset: val3,
                    until,
                },
            )
        }
        FUTEX_WAKE => futex::wake(&cx.mm, addr, scope, count(val), MATCH_ANY),
        FUTEX_WAKE_BITSET => futex::wake(&cx.mm, addr, scope, count(val), val3),
        FUTEX_REQUEUE | FUTEX_CMP_REQUEUE => {
            let (wake, move_) = (val as i32, timeout as i32);
            if wake < 0 || move_ < 0 {
                return Err(Errno::EINVAL);
            }
            let expected = (command == FUTEX_CMP_REQUEUE).then_some(val3);
            let what = Requeue {
                wake: wake as usize,
                requeue: move_ as usize,
                expected,
            };
            let (woken, moved) = futex::requeue(&cx.mm, addr, addr2, scope, what)?;
            // FUTEX_REQUEUE counts those woken, its successor both.
            Ok(if expected.is_some() {
                woken + moved
            } else {
                woken
            })
        }
        FUTEX_WAKE_OP => {
            let counts = (count(val), count(timeout as u32));
            futex::wake_op(&cx.mm, addr, addr2, scope, counts, val3)
        }
        FUTEX_LOCK_PI | FUTEX_LOCK_PI2 => {
            let until = wait_end(timeout, realtime || command == FUTEX_LOCK_PI, true)?;
            inheriting(cx, |who| futex::lock(who, addr, scope, until, true))
        }
        FUTEX_TRYLOCK_PI => inheriting(cx, |who| futex::lock(who, addr, scope, None, false)),
        FUTEX_UNLOCK_PI => inheriting(cx, |who| {
            futex::pi::unlock(who.mm, addr, scope, who.tid, who.thread)
        }),
        FUTEX_WAIT_REQUEUE_PI => {
            let until = wait_end(timeout, realtime, true)?;
            inheriting(cx, |who| {
                futex::wait_for_lock(who, addr, addr2, scope, val, until)
            })
        }
        FUTEX_CMP_REQUEUE_PI => {
            let most = usize::try_from(timeout as i32).map_err(|_| Errno::EINVAL)?;
            // More than one would only wait for one another.
            if val != 1 {
                return Err(Errno::EINVAL);
            }
            let mut moved = 0;
            inheriting(cx, |who| {
                moved = futex::requeue_to_lock(who, addr, addr2, scope, most, val3)?;
                Ok(())
            })?;
            Ok(moved)
        }
        _ => Err(Errno::ENOSYS),
    }
}

/// Calls `f` with the caller as locks with priority inheritance know it.
fn inheriting(cx: &Cx, f: impl FnOnce(&futex::pi::Caller<'_>) -> Result<()>) -> Result<usize> {
    let thread = sched::current().arc().ok_or(Errno::ESRCH)?;
    let who = futex::pi::Caller {
        mm: &cx.mm,
        tid: cx.task.local_tid() as u32,
        thread: &thread,
        find: &|tid| owner(cx, tid),
    };
    f(&who).map(|()| 0)
}

/// The thread of a number that stands in a word. ESRCH; EPERM: it has no user side, and so takes no locks.
fn owner(cx: &Cx, tid: u32) -> Result<Arc<Thread>> {
    let task = cx.find_task(tid as i32)?;
    if task.process().is_kernel() {
        return Err(Errno::EPERM);
    }
    task.thread().ok_or(Errno::ESRCH)
}

/// Most words of futex_waitv(2), and the flags of one: 32 bits wide, private.
const MOST_WORDS: usize = 128;
const WIDE_32: u32 = 2;

/// futex_waitv(2). EINVAL: flags, clock, or a word that cannot be waited for; and the errors of `futex::wait_many`.
fn sys_futex_waitv(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let [list, count, flags, timeout, clock, _] = *a;
    let count = count as u32 as usize;
    if flags as u32 != 0 || list == 0 || !(1..=MOST_WORDS).contains(&count) {
        return Err(Errno::EINVAL);
    }
    let mut until = None;
    if timeout != 0 {
        let clock = match ClockId::from_raw(clock as i32) {
            Some(clock @ (ClockId::Realtime | ClockId::Monotonic)) => clock,
            _ => return Err(Errno::EINVAL),
        };
        until = wait_end(timeout, clock == ClockId::Realtime, true)?;
    }
    let mut words = Vec::try_with_capacity(count)?;
    for index in 0..count {
        // struct futex_waitv: value, address, flags, and a word that is 0.
        let [value, addr, last]: [u64; 3] = user::read(UserAddr(list + index * 24))?;
        let (flags, reserved) = (last as u32, (last >> 32) as u32);
        if flags & !(WIDE_32 | FUTEX_PRIVATE_FLAG) != 0 || flags & WIDE_32 == 0 || reserved != 0 {
            return Err(Errno::EINVAL);
        }
        words.try_push(Wanted {
            addr: UserAddr(addr as usize),
            scope: scope_of(flags),
            value: value as u32,
        })?;
    }
    futex::wait_many(&cx.mm, &words, until)
}

const fn scope_of(flags: u32) -> Scope {
    if flags & FUTEX_PRIVATE_FLAG != 0 {
        Scope::Private
    } else {
        Scope::Shared
    }
}

/// Linux wakes at least one where it is asked for none or fewer.
fn count(val: u32) -> usize {
    (val as i32).max(1) as usize
}

/// When a wait ends, monotonic. `FUTEX_WAIT` counts from now, the others name a time.
fn wait_end(at: usize, realtime: bool, absolute: bool) -> Result<Option<u64>> {
    if at == 0 {
        return Ok(None);
    }
    let timeout: Timespec = user::read(UserAddr(at))?;
    let ns = time::clock::from_timespec(&timeout)?;
    Ok(Some(match (absolute, realtime) {
        (false, _) => deadline(ns),
        (true, false) => ns,
        (true, true) => ClockId::Realtime.to_monotonic_ns(ns),
    }))
}

#[derive(Clone, Copy)]
struct Wait {
    addr: UserAddr,
    scope: Scope,
    val: u32,
    bitset: u32,
    until: Option<u64>,
}

fn wait(cx: &mut Cx, w: Wait) -> Result<usize> {
    match futex::wait(&cx.mm, w.addr, w.scope, w.val, w.bitset, w.until) {
        // With an end the call goes on until then, not for the whole span once more.
        Err(Errno::ERESTARTSYS) if w.until.is_some() => Err(cx.restart_with(move |cx| wait(cx, w))),
        other => other.map(|()| 0),
    }
}
