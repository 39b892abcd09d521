//! System calls: futex.
use crate::Call;
use crate::time::deadline;
use abi::pod::Timespec;
use abi::raw::{
    __NR_futex, FUTEX_CLOCK_REALTIME, FUTEX_CMP_REQUEUE, FUTEX_PRIVATE_FLAG, FUTEX_REQUEUE,
    FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_WAKE, FUTEX_WAKE_BITSET, FUTEX_WAKE_OP,
};
use abi::{Errno, Result};
use futex::{MATCH_ANY, Requeue, Scope};
use hal::addr::UserAddr;
use kmem::user;
use task::Cx;
use time::ClockId;

/// This family.
pub(crate) const CALLS: &[Call] = &[(__NR_futex, "futex", sys_futex)];

fn sys_futex(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let [addr, op, val, timeout, addr2, val3] = *a;
    let (op, val, val3) = (op as u32, val as u32, val3 as u32);
    let scope = if op & FUTEX_PRIVATE_FLAG != 0 {
        Scope::Private
    } else {
        Scope::Shared
    };
    let command = op & !(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    let realtime = op & FUTEX_CLOCK_REALTIME != 0;
    if realtime && !matches!(command, FUTEX_WAIT | FUTEX_WAIT_BITSET) {
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
        _ => Err(Errno::ENOSYS),
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
