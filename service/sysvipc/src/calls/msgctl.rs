//! msgctl(2).
use crate::caller::now;
use crate::objects::{Objects, of};
use crate::perm::{Ipc64Perm, READ};
use abi::ipc::{IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, MSG_INFO, MSG_STAT, MSG_STAT_ANY};
use abi::{Errno, Result};
use core::sync::atomic::Ordering::Relaxed;
use cred::cap;
use hal::addr::UserAddr;
use kmem::user;
use task::Cx;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct msqid64_ds`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Msqid64Ds {
    perm: Ipc64Perm,
    stime: u64,
    rtime: u64,
    ctime: u64,
    cbytes: u64,
    qnum: u64,
    qbytes: u64,
    lspid: i32,
    lrpid: i32,
    unused: [u64; 2],
}
const _: () = assert!(size_of::<Msqid64Ds>() == 120);

/// `struct msginfo`: pool, map, max, mnb, mni, ssz, tql, and seg in half of the last.
type Msginfo = [u32; 8];

/// msgctl(2).
///
/// # Errors
/// `EINVAL`, `EIDRM`: no such queue or command; `EACCES`, `EPERM`, `EFAULT`.
pub fn control(cx: &Cx, id: i32, command: u32, buffer: UserAddr) -> Result<usize> {
    let objects = of(cx)?;
    if id < 0 {
        return Err(Errno::EINVAL);
    }
    match command {
        IPC_INFO | MSG_INFO => info(objects, command, buffer),
        IPC_STAT | MSG_STAT | MSG_STAT_ANY => stat(cx, objects, id, command, buffer),
        IPC_SET => {
            let new: Msqid64Ds = user::read(buffer)?;
            set(cx, objects, id, &new).map(|()| 0)
        }
        IPC_RMID => remove(cx, objects, id),
        _ => Err(Errno::EINVAL),
    }
}

fn set(cx: &Cx, objects: &Objects, id: i32, new: &Msqid64Ds) -> Result<()> {
    let queue = objects.queues.get(id)?;
    let mut state = queue.state.lock();
    state.perm.check_owner(&cx.cred, &objects.owner)?;
    let usual = u64::from(objects.limits.msg_bytes.load(Relaxed));
    if new.qbytes > usual && !cx.cred.capable(cap::SYS_RESOURCE) {
        return Err(Errno::EPERM);
    }
    state.perm.set(&new.perm, &cx.cred)?;
    state.queue.most = new.qbytes as usize;
    state.changed = now();
    // Some may not receive any more, some may send now.
    state.queue.stir();
    Ok(())
}

fn remove(cx: &Cx, objects: &Objects, id: i32) -> Result<usize> {
    let queue = objects.queues.get(id)?;
    let key = {
        let state = queue.state.lock();
        state.perm.check_owner(&cx.cred, &objects.owner)?;
        state.perm.key
    };
    if !objects.queues.remove(&queue, key, 0) || !queue.expel() {
        return Err(Errno::EIDRM);
    }
    Ok(0)
}

fn info(objects: &Objects, command: u32, buffer: UserAddr) -> Result<usize> {
    const USUAL_BYTES: u32 = 16384;
    let limits = &objects.limits;
    let (used, highest, _) = objects.queues.totals();
    let [pool, map, tql] = match command {
        MSG_INFO => {
            let (mut from, mut messages, mut bytes) = (0, 0, 0);
            while let Some((index, queue)) = objects.queues.next(from) {
                let state = queue.state.lock();
                messages += state.queue.len();
                bytes += state.queue.bytes;
                from = index + 1;
            }
            [used, messages as u32, bytes as u32]
        }
        _ => [32000 * (USUAL_BYTES / 1024), USUAL_BYTES, USUAL_BYTES],
    };
    let info: Msginfo = [
        pool,
        map,
        limits.msg_max.load(Relaxed),
        limits.msg_bytes.load(Relaxed),
        limits.msg_most.load(Relaxed),
        16,
        tql,
        0xffff,
    ];
    user::write(buffer, &info)?;
    Ok(highest)
}

fn stat(cx: &Cx, objects: &Objects, id: i32, command: u32, buffer: UserAddr) -> Result<usize> {
    let queue = match command {
        IPC_STAT => objects.queues.get(id)?,
        _ => objects.queues.at(id)?,
    };
    let state = queue.state.lock();
    if command != MSG_STAT_ANY {
        state.perm.check(&cx.cred, &objects.owner, READ)?;
    }
    if state.gone {
        return Err(Errno::EIDRM);
    }
    let shown = Msqid64Ds {
        perm: state.perm.show(queue.id(), &cx.cred.user_ns),
        stime: state.queue.sent / 1_000_000_000,
        rtime: state.queue.received / 1_000_000_000,
        ctime: state.changed,
        cbytes: state.queue.bytes as u64,
        qnum: state.queue.len() as u64,
        qbytes: state.queue.most as u64,
        lspid: state.queue.last_sender.nr_in(cx.pids()),
        lrpid: state.queue.last_receiver.nr_in(cx.pids()),
        unused: [0; 2],
    };
    drop(state);
    user::write(buffer, &shown)?;
    Ok(match command {
        IPC_STAT => 0,
        _ => queue.id() as usize,
    })
}
