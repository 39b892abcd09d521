//! semctl(2).
use crate::caller::now;
use crate::objects::{Objects, of};
use crate::perm::{Ipc64Perm, READ, WRITE};
use crate::sem::{SemSet, State, VALUE_MAX};
use abi::ipc::{
    GETALL, GETNCNT, GETPID, GETVAL, GETZCNT, IPC_INFO, IPC_RMID, IPC_SET, IPC_STAT, SEM_INFO,
    SEM_STAT, SEM_STAT_ANY, SETALL, SETVAL,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::Relaxed;
use hal::addr::UserAddr;
use kmem::{TryVec, user};
use sync::SpinGuard;
use task::Cx;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct semid64_ds`.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Semid64Ds {
    perm: Ipc64Perm,
    otime: u64,
    unused1: u64,
    ctime: u64,
    unused2: u64,
    nsems: u64,
    unused: [u64; 2],
}
const _: () = assert!(size_of::<Semid64Ds>() == 104);

/// `struct seminfo`: map, mni, mns, mnu, msl, opm, ume, usz, vmx, aem.
type Seminfo = [i32; 10];

/// semctl(2).
///
/// # Errors
/// `EINVAL`, `EIDRM`: no such set, semaphore or command; `EACCES`, `EPERM`, `EFAULT`, `ERANGE`, `ENOMEM`.
pub fn control(cx: &Cx, id: i32, num: i32, command: u32, arg: usize) -> Result<usize> {
    let objects = of(cx)?;
    if id < 0 {
        return Err(Errno::EINVAL);
    }
    match command {
        IPC_INFO | SEM_INFO => info(objects, command, UserAddr(arg)),
        IPC_STAT | SEM_STAT | SEM_STAT_ANY => stat(cx, objects, id, command, UserAddr(arg)),
        GETVAL | GETPID | GETNCNT | GETZCNT => look(cx, objects, id, num, command),
        GETALL => get_all(cx, objects, id, UserAddr(arg)),
        SETALL => set_all(cx, objects, id, UserAddr(arg)),
        SETVAL => set_value(cx, objects, id, num, arg as i32),
        IPC_SET => {
            let new: Semid64Ds = user::read(UserAddr(arg))?;
            let set = objects.sets.get(id)?;
            let mut state = set.state.lock();
            state.perm.check_owner(&cx.cred, &objects.owner)?;
            state.perm.set(&new.perm, &cx.cred)?;
            state.changed = now();
            Ok(0)
        }
        IPC_RMID => remove(cx, objects, id),
        _ => Err(Errno::EINVAL),
    }
}

fn remove(cx: &Cx, objects: &Objects, id: i32) -> Result<usize> {
    let set = objects.sets.get(id)?;
    let key = {
        let state = set.state.lock();
        state.perm.check_owner(&cx.cred, &objects.owner)?;
        state.perm.key
    };
    if !objects.sets.remove(&set, key, set.count() as u64) || !set.expel() {
        return Err(Errno::EIDRM);
    }
    Ok(0)
}

fn info(objects: &Objects, command: u32, buffer: UserAddr) -> Result<usize> {
    let [msl, mns, opm, mni] = [0, 1, 2, 3].map(|at| objects.limits.sem[at].load(Relaxed) as i32);
    let (used, highest, sems) = objects.sets.totals();
    let (usz, aem) = match command {
        SEM_INFO => (used as i32, sems as i32),
        _ => (20, VALUE_MAX),
    };
    let all = 32000 * 32000;
    let info: Seminfo = [all, mni, mns, all, msl, opm, 500, usz, VALUE_MAX, aem];
    user::write(buffer, &info)?;
    Ok(highest)
}

fn stat(cx: &Cx, objects: &Objects, id: i32, command: u32, buffer: UserAddr) -> Result<usize> {
    let set = match command {
        IPC_STAT => objects.sets.get(id)?,
        _ => objects.sets.at(id)?,
    };
    let state = set.state.lock();
    if command != SEM_STAT_ANY {
        state.perm.check(&cx.cred, &objects.owner, READ)?;
    }
    if state.gone {
        return Err(Errno::EIDRM);
    }
    let shown = Semid64Ds {
        perm: state.perm.show(set.id(), &cx.cred.user_ns),
        otime: state.operated / 1_000_000_000,
        ctime: state.changed,
        nsems: set.count() as u64,
        ..Semid64Ds::default()
    };
    drop(state);
    user::write(buffer, &shown)?;
    Ok(match command {
        IPC_STAT => 0,
        _ => set.id() as usize,
    })
}

/// The set with its lock, which the caller may read or write.
fn locked<'a>(
    cx: &Cx,
    objects: &Objects,
    set: &'a Arc<SemSet>,
    wanted: u32,
) -> Result<SpinGuard<'a, State>> {
    let state = set.state.lock();
    state.perm.check(&cx.cred, &objects.owner, wanted)?;
    if state.gone {
        return Err(Errno::EIDRM);
    }
    Ok(state)
}

fn number(set: &SemSet, num: i32) -> Result<usize> {
    let num = usize::try_from(num).ok();
    num.filter(|num| *num < set.count()).ok_or(Errno::EINVAL)
}

fn look(cx: &Cx, objects: &Objects, id: i32, num: i32, command: u32) -> Result<usize> {
    let set = objects.sets.get(id)?;
    let state = set.state.lock();
    state.perm.check(&cx.cred, &objects.owner, READ)?;
    let num = number(&set, num)?;
    if state.gone {
        return Err(Errno::EIDRM);
    }
    let sem = &state.set.sems[num];
    Ok(match command {
        GETVAL => sem.value as usize,
        GETPID => sem.process.nr_in(cx.pids()) as usize,
        GETNCNT => state.set.waiting(num, false),
        _ => state.set.waiting(num, true),
    })
}

fn get_all(cx: &Cx, objects: &Objects, id: i32, buffer: UserAddr) -> Result<usize> {
    let set = objects.sets.get(id)?;
    let mut values: Vec<u16> = Vec::try_filled(0, set.count())?;
    let state = locked(cx, objects, &set, READ)?;
    for (value, sem) in values.iter_mut().zip(&state.set.sems) {
        *value = sem.value as u16;
    }
    drop(state);
    user::write(buffer, &values[..])?;
    Ok(0)
}

fn set_all(cx: &Cx, objects: &Objects, id: i32, buffer: UserAddr) -> Result<usize> {
    let set = objects.sets.get(id)?;
    drop(locked(cx, objects, &set, WRITE)?);
    let mut values: Vec<u16> = Vec::try_filled(0, set.count())?;
    user::copy_from_user(values.as_mut_bytes(), buffer)?;
    if values.iter().any(|value| i32::from(*value) > VALUE_MAX) {
        return Err(Errno::ERANGE);
    }
    let mut state = locked(cx, objects, &set, WRITE)?;
    for (value, sem) in values.iter().zip(&mut state.set.sems) {
        sem.value = (*value).into();
        sem.process.note(cx.process().pid());
    }
    state.forget_undo(None);
    state.changed = now();
    state.settle_all();
    Ok(0)
}

fn set_value(cx: &Cx, objects: &Objects, id: i32, num: i32, value: i32) -> Result<usize> {
    if !(0..=VALUE_MAX).contains(&value) {
        return Err(Errno::ERANGE);
    }
    let set = objects.sets.get(id)?;
    let num = number(&set, num)?;
    let mut state = locked(cx, objects, &set, WRITE)?;
    let sem = &mut state.set.sems[num];
    sem.value = value;
    sem.process.note(cx.process().pid());
    state.forget_undo(Some(num));
    state.changed = now();
    state.settle_all();
    Ok(0)
}
