//! semget(2), semop(2), semtimedop(2).
use crate::objects::{Objects, of};
use crate::owned;
use crate::perm::{Perm, READ, WRITE};
use crate::sem::{Attempt, Ops, SemSet, Sleeper};
use crate::table::{IPC_PRIVATE, Room};
use abi::ipc::{IPC_CREAT, IPC_EXCL};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use hal::addr::UserAddr;
use kmem::user;
use sync::{WaitError, WaitMode};
use task::Cx;
use zerocopy::IntoBytes;

/// semget(2): the id of a set of that key, or of a new one.
///
/// # Errors
/// `ENOENT`, `EEXIST`, `EACCES`; `EINVAL`: no such number of semaphores; `ENOSPC`, `ENOMEM`.
pub fn get(cx: &Cx, key: i32, count: i32, flags: u32) -> Result<i32> {
    let objects = of(cx)?;
    let most = objects.limits.sem[0].load(Relaxed);
    let count = u32::try_from(count).ok().filter(|count| *count <= most);
    let count = count.ok_or(Errno::EINVAL)? as usize;
    loop {
        let found = (key != IPC_PRIVATE).then(|| objects.sets.find(key));
        if let Some(set) = found.flatten() {
            if flags & (IPC_CREAT | IPC_EXCL) == IPC_CREAT | IPC_EXCL {
                return Err(Errno::EEXIST);
            }
            if set.count() < count {
                return Err(Errno::EINVAL);
            }
            let state = set.state.lock();
            if state.gone {
                continue;
            }
            state.perm.check(&cx.cred, &objects.owner, flags)?;
            return Ok(set.id());
        }
        if key != IPC_PRIVATE && flags & IPC_CREAT == 0 {
            return Err(Errno::ENOENT);
        }
        match create(cx, objects, key, count, flags) {
            Err(Errno::EEXIST) => {} // somebody was faster
            other => return other,
        }
    }
}

fn create(cx: &Cx, objects: &Objects, key: i32, count: usize, flags: u32) -> Result<i32> {
    if count == 0 {
        return Err(Errno::EINVAL);
    }
    let room = Room {
        most: objects.limits.sem[3].load(Relaxed),
        weight: count as u64,
        most_weight: objects.limits.sem[1].load(Relaxed).into(),
    };
    if objects.sets.totals().2 + room.weight > room.most_weight {
        return Err(Errno::ENOSPC);
    }
    let set = SemSet::new(Perm::new(key, flags, &cx.cred), count)?;
    objects.sets.insert(&set, key, &room)
}

/// semop(2), semtimedop(2): the `count` operations at `ops`, waiting until `deadline_ns` of the monotonic clock.
///
/// # Errors
/// `EINVAL`, `EIDRM`: no such set; `E2BIG`: too many; `EFAULT`; `EFBIG`: no such semaphore; `EACCES`; `EAGAIN`: it would
/// have to wait, or longer; `ERANGE`: a value would be too large; `EINTR`; `ENOMEM`.
pub fn operate(
    cx: &mut Cx,
    id: i32,
    ops: UserAddr,
    count: usize,
    deadline_ns: Option<u64>,
) -> Result<()> {
    let objects = of(cx)?;
    if count < 1 || id < 0 {
        return Err(Errno::EINVAL);
    }
    if count > objects.limits.sem[2].load(Relaxed) as usize {
        return Err(Errno::E2BIG);
    }
    let mut room = Ops::new(count)?;
    user::copy_from_user(room.get_mut().as_mut_bytes(), ops)?;
    let ops = room.get();
    let set = objects.sets.get(id)?;
    let (mut alters, mut undoes, mut highest) = (false, false, 0);
    for op in ops {
        alters |= op.op != 0;
        undoes |= op.undone();
        highest = highest.max(op.num);
    }
    let undo = if undoes {
        let list = owned::undo_list(cx)?;
        Some(list.of(&set)?)
    } else {
        None
    };
    if highest as usize >= set.count() {
        return Err(Errno::EFBIG);
    }
    let process = cx.process().pid();
    let objects = of(cx)?;
    let wanted = if alters { WRITE } else { READ };
    let mut state = set.state.lock();
    state.perm.check(&cx.cred, &objects.owner, wanted)?;
    if state.gone {
        return Err(Errno::EIDRM);
    }
    match state.set.attempt(ops, undo.as_deref(), process) {
        Attempt::Done => {
            state.operated = time::clock::realtime_coarse_ns();
            if alters {
                state.set.settle(ops);
            }
            Ok(())
        }
        Attempt::Failed(error) => Err(error),
        Attempt::Blocked(at) => {
            let sleeper = Sleeper::new(ops, undo, process, at)?;
            state.set.put_in(&sleeper)?;
            drop(state);
            sleep(&set, &sleeper, deadline_ns)
        }
    }
}

fn sleep(set: &SemSet, sleeper: &Arc<Sleeper>, deadline_ns: Option<u64>) -> Result<()> {
    let outcome = || sleeper.outcome();
    let why = match sleeper
        .wait
        .wait(WaitMode::Interruptible, deadline_ns, outcome)
    {
        Ok(outcome) => return outcome,
        Err(why) => why,
    };
    let mut state = set.state.lock();
    // What was done meanwhile counts.
    if let Some(outcome) = state.set.give_up(sleeper) {
        return outcome;
    }
    // Never started again (signal(7)).
    Err(match why {
        WaitError::TimedOut => Errno::EAGAIN,
        WaitError::Interrupted => Errno::EINTR,
    })
}
