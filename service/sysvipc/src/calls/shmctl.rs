//! shmctl(2).
use crate::caller::now;
use crate::objects::{Objects, of};
use crate::perm::{Ipc64Perm, READ};
use crate::shm::{SHM_LOCKED, Segment};
use abi::ipc::{
    IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, SHM_INFO, SHM_LOCK, SHM_STAT, SHM_STAT_ANY, SHM_UNLOCK,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::Relaxed;
use cred::{Kuid, Resource, cap};
use hal::addr::UserAddr;
use kmem::user;
use task::Cx;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct shmid64_ds`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Shmid64Ds {
    perm: Ipc64Perm,
    segsz: u64,
    atime: u64,
    dtime: u64,
    ctime: u64,
    cpid: i32,
    lpid: i32,
    nattch: u64,
    unused: [u64; 2],
}
const _: () = assert!(size_of::<Shmid64Ds>() == 112);

/// `struct shminfo64`: max, min, mni, seg, all.
type ShmInfo64 = [u64; 9];

/// `struct shm_info`: used ids, pages of all, in memory, in swap, attempts to swap, successes.
type ShmInfo = [u64; 6];

/// shmctl(2).
///
/// # Errors
/// `EINVAL`, `EIDRM`: no such segment or command; `EACCES`, `EPERM`; `EFAULT`; `ENOMEM`: too much would be locked.
pub fn control(cx: &Cx, id: i32, command: u32, buffer: UserAddr) -> Result<usize> {
    let objects = of(cx)?;
    if id < 0 {
        return Err(Errno::EINVAL);
    }
    match command {
        IPC_INFO => info(objects, buffer),
        SHM_INFO => usage(objects, buffer),
        IPC_STAT | SHM_STAT | SHM_STAT_ANY => stat(cx, objects, id, command, buffer),
        IPC_SET => {
            let new: Shmid64Ds = user::read(buffer)?;
            let segment = objects.segments.get(id)?;
            let mut state = segment.state.lock();
            state.perm.check_owner(&cx.cred, &objects.owner)?;
            state.perm.set(&new.perm, &cx.cred)?;
            state.change_time = now();
            Ok(0)
        }
        IPC_RMID => {
            let segment = objects.segments.get(id)?;
            let state = segment.state.lock();
            state.perm.check_owner(&cx.cred, &objects.owner)?;
            if state.gone {
                return Err(Errno::EIDRM);
            }
            drop(state);
            segment.remove(&**objects);
            Ok(0)
        }
        SHM_LOCK | SHM_UNLOCK => {
            let segment = objects.segments.get(id)?;
            lock(cx, objects, &segment, command == SHM_LOCK).map(|()| 0)
        }
        _ => Err(Errno::EINVAL),
    }
}

fn info(objects: &Objects, buffer: UserAddr) -> Result<usize> {
    let limits = &objects.limits;
    let most = u64::from(limits.shm_most.load(Relaxed));
    let mut info = ShmInfo64::default();
    info[0] = limits.shm_max.load(Relaxed);
    info[1] = 1;
    info[2] = most;
    info[3] = most;
    info[4] = limits.shm_all.load(Relaxed);
    user::write(buffer, &info)?;
    Ok(objects.segments.totals().1)
}

fn usage(objects: &Objects, buffer: UserAddr) -> Result<usize> {
    let (mut from, mut in_memory) = (0, 0);
    while let Some((index, segment)) = objects.segments.next(from) {
        in_memory += segment.pages_in_memory();
        from = index + 1;
    }
    let (used, highest, pages) = objects.segments.totals();
    let info: ShmInfo = [used.into(), pages, in_memory, 0, 0, 0];
    user::write(buffer, &info)?;
    Ok(highest)
}

fn stat(cx: &Cx, objects: &Objects, id: i32, command: u32, buffer: UserAddr) -> Result<usize> {
    let segment = match command {
        IPC_STAT => objects.segments.get(id)?,
        _ => objects.segments.at(id)?,
    };
    let state = segment.state.lock();
    if command != SHM_STAT_ANY {
        state.perm.check(&cx.cred, &objects.owner, READ)?;
    }
    if state.gone {
        return Err(Errno::EIDRM);
    }
    let shown = Shmid64Ds {
        perm: state.perm.show(segment.id(), &cx.cred.user_ns),
        segsz: segment.size,
        atime: state.attach_time,
        dtime: state.detach_time,
        ctime: state.change_time,
        cpid: state.maker.nr_in(cx.pids()),
        lpid: state.last.nr_in(cx.pids()),
        nattch: state.attached,
        unused: [0; 2],
    };
    drop(state);
    user::write(buffer, &shown)?;
    Ok(match command {
        IPC_STAT => 0,
        _ => segment.id() as usize,
    })
}

/// Nothing is ever swapped out: what is locked is only counted.
fn lock(cx: &Cx, objects: &Arc<Objects>, segment: &Segment, locks: bool) -> Result<()> {
    let may = cx.cred.ns_capable(&objects.owner, cap::IPC_LOCK);
    let limit = cx.process().limits().cur(Resource::Memlock);
    let locked = if locks {
        locked_by(objects, cx.cred.uid)
    } else {
        0
    };
    let mut state = segment.state.lock();
    if state.gone {
        return Err(Errno::EIDRM);
    }
    if !may && (!state.perm.is_of(&cx.cred) || locks && limit == 0) {
        return Err(Errno::EPERM);
    }
    if !locks {
        state.perm.mode &= !SHM_LOCKED;
        state.locker = None;
    } else if state.perm.mode & SHM_LOCKED == 0 {
        let wanted = (locked + segment.pages()).saturating_mul(abi::PAGE_SIZE as u64);
        if !cx.cred.capable(cap::IPC_LOCK) && wanted > limit {
            return Err(Errno::ENOMEM);
        }
        state.perm.mode |= SHM_LOCKED;
        state.locker = Some(cx.cred.uid);
    }
    Ok(())
}

/// Pages that a user has locked in the segments of a namespace.
fn locked_by(objects: &Objects, user: Kuid) -> u64 {
    let (mut from, mut pages) = (0, 0);
    while let Some((index, segment)) = objects.segments.next(from) {
        if segment.state.lock().locker == Some(user) {
            pages += segment.pages();
        }
        from = index + 1;
    }
    pages
}
