//! System calls: credentials and capabilities.
use crate::Call;
use crate::limits::memory_limits;
use abi::process::{CapData, CapHeader};
use abi::raw::{
    __NR_capget, __NR_capset, __NR_getegid, __NR_geteuid, __NR_getgid, __NR_getgroups,
    __NR_getresgid, __NR_getresuid, __NR_getuid, __NR_setfsgid, __NR_setfsuid, __NR_setgid,
    __NR_setgroups, __NR_setregid, __NR_setresgid, __NR_setresuid, __NR_setreuid, __NR_setuid,
};
use abi::{Errno, Result};
use alloc::vec::Vec;
use cred::{CapSet, Cred, GroupList, Kgid, Kuid, NGROUPS_MAX, cap};
use hal::addr::UserAddr;
use kmem::{TryVec, user};
use task::Cx;

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_getuid, "getuid", sys_getuid),
    (__NR_geteuid, "geteuid", sys_geteuid),
    (__NR_getgid, "getgid", sys_getgid),
    (__NR_getegid, "getegid", sys_getegid),
    (__NR_getresuid, "getresuid", sys_getresuid),
    (__NR_getresgid, "getresgid", sys_getresgid),
    (__NR_setuid, "setuid", sys_setuid),
    (__NR_setgid, "setgid", sys_setgid),
    (__NR_setreuid, "setreuid", sys_setreuid),
    (__NR_setregid, "setregid", sys_setregid),
    (__NR_setresuid, "setresuid", sys_setresuid),
    (__NR_setresgid, "setresgid", sys_setresgid),
    (__NR_setfsuid, "setfsuid", sys_setfsuid),
    (__NR_setfsgid, "setfsgid", sys_setfsgid),
    (__NR_getgroups, "getgroups", sys_getgroups),
    (__NR_setgroups, "setgroups", sys_setgroups),
    (__NR_capget, "capget", sys_capget),
    (__NR_capset, "capset", sys_capset),
];

fn show_uid(cx: &Cx, uid: Kuid) -> usize {
    cx.cred.user_ns.uid(uid) as usize
}

fn show_gid(cx: &Cx, gid: Kgid) -> usize {
    cx.cred.user_ns.gid(gid) as usize
}

fn sys_getuid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(show_uid(cx, cx.cred.uid))
}
fn sys_geteuid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(show_uid(cx, cx.cred.euid))
}
fn sys_getgid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(show_gid(cx, cx.cred.gid))
}
fn sys_getegid(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    Ok(show_gid(cx, cx.cred.egid))
}

fn sys_getresuid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    for (at, uid) in a.iter().zip([cx.cred.uid, cx.cred.euid, cx.cred.suid]) {
        user::write(UserAddr(*at), &(show_uid(cx, uid) as u32))?;
    }
    Ok(0)
}

fn sys_getresgid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    for (at, gid) in a.iter().zip([cx.cred.gid, cx.cred.egid, cx.cred.sgid]) {
        user::write(UserAddr(*at), &(show_gid(cx, gid) as u32))?;
    }
    Ok(0)
}

/// An id that must name somebody. `EINVAL`.
fn uid(cx: &Cx, raw: usize) -> Result<Kuid> {
    let uid = cx.cred.user_ns.kuid(raw as u32);
    if uid.is_valid() {
        Ok(uid)
    } else {
        Err(Errno::EINVAL)
    }
}
fn gid(cx: &Cx, raw: usize) -> Result<Kgid> {
    let gid = cx.cred.user_ns.kgid(raw as u32);
    if gid.is_valid() {
        Ok(gid)
    } else {
        Err(Errno::EINVAL)
    }
}
/// An id, or -1 for "leave it". `EINVAL`.
fn uid_or_keep(cx: &Cx, raw: usize) -> Result<Option<Kuid>> {
    if raw as u32 == u32::MAX {
        Ok(None)
    } else {
        uid(cx, raw).map(Some)
    }
}
fn gid_or_keep(cx: &Cx, raw: usize) -> Result<Option<Kgid>> {
    if raw as u32 == u32::MAX {
        Ok(None)
    } else {
        gid(cx, raw).map(Some)
    }
}

/// Changes a copy of the credentials and installs it.
fn change(cx: &mut Cx, change: impl FnOnce(&mut Cred) -> Result<()>) -> Result<usize> {
    let mut new = (*cx.cred).clone();
    change(&mut new)?;
    let lifted = new.has_cap(cap::IPC_LOCK) != cx.cred.has_cap(cap::IPC_LOCK);
    cx.set_cred(new)?;
    if lifted {
        // The limit on locked memory holds for those without the capability.
        cx.mm.set_limits(memory_limits(cx.process(), &cx.cred));
    }
    Ok(0)
}

fn sys_setuid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let uid = uid(cx, a[0])?;
    change(cx, |cred| cred.set_uid(uid))
}

fn sys_setgid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let gid = gid(cx, a[0])?;
    change(cx, |cred| cred.set_gid(gid))
}

fn sys_setreuid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (real, effective) = (uid_or_keep(cx, a[0])?, uid_or_keep(cx, a[1])?);
    change(cx, |cred| cred.set_reuid(real, effective))
}

fn sys_setregid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (real, effective) = (gid_or_keep(cx, a[0])?, gid_or_keep(cx, a[1])?);
    change(cx, |cred| cred.set_regid(real, effective))
}

fn sys_setresuid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (r, e, s) = (
        uid_or_keep(cx, a[0])?,
        uid_or_keep(cx, a[1])?,
        uid_or_keep(cx, a[2])?,
    );
    change(cx, |cred| cred.set_resuid(r, e, s))
}

fn sys_setresgid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (r, e, s) = (
        gid_or_keep(cx, a[0])?,
        gid_or_keep(cx, a[1])?,
        gid_or_keep(cx, a[2])?,
    );
    change(cx, |cred| cred.set_resgid(r, e, s))
}

fn sys_setfsuid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let new = cx.cred.user_ns.kuid(a[0] as u32);
    let mut old = cx.cred.fsuid;
    change(cx, |cred| {
        old = cred.set_fsuid(new);
        Ok(())
    })?;
    Ok(show_uid(cx, old))
}

fn sys_setfsgid(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let new = cx.cred.user_ns.kgid(a[0] as u32);
    let mut old = cx.cred.fsgid;
    change(cx, |cred| {
        old = cred.set_fsgid(new);
        Ok(())
    })?;
    Ok(show_gid(cx, old))
}

fn sys_getgroups(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let groups = cx.cred.groups();
    let room = a[0] as i32;
    if room < 0 || (room != 0 && (room as usize) < groups.len()) {
        return Err(Errno::EINVAL);
    }
    if room != 0 {
        for (i, gid) in groups.iter().enumerate() {
            user::write(UserAddr(a[1] + 4 * i), &(show_gid(cx, *gid) as u32))?;
        }
    }
    Ok(groups.len())
}

fn sys_setgroups(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    if !cx.cred.may_setgroups() {
        return Err(Errno::EPERM);
    }
    let count = a[0] as u32 as usize;
    if count > NGROUPS_MAX {
        return Err(Errno::EINVAL);
    }
    let mut groups: Vec<Kgid> = Vec::try_with_capacity(count)?;
    for i in 0..count {
        let raw: u32 = user::read(UserAddr(a[1] + 4 * i))?;
        groups.try_push(gid(cx, raw as usize)?)?;
    }
    let list = GroupList::new(&groups)?;
    change(cx, |cred| cred.set_groups(list))
}

const CAPS_V1: u32 = 0x1998_0330;
const CAPS_V2: u32 = 0x2007_1026;
const CAPS_V3: u32 = 0x2008_0522;

/// How many 32-bit parts a version has; an unknown version is answered with the one to use. `EINVAL`.
fn parts(at: usize, header: &CapHeader) -> Result<usize> {
    match header.version {
        CAPS_V1 => Ok(1),
        CAPS_V2 | CAPS_V3 => Ok(2),
        _ => {
            user::write(UserAddr(at), &CAPS_V3)?;
            Err(Errno::EINVAL)
        }
    }
}

fn sys_capget(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let header: CapHeader = user::read(UserAddr(a[0]))?;
    let parts = match parts(a[0], &header) {
        Err(Errno::EINVAL) if a[1] == 0 => return Ok(0), // only the version was asked for
        other => other?,
    };
    if header.pid < 0 {
        return Err(Errno::EINVAL);
    }
    let cred = crate::process::thread_of(cx, header.pid)?.cred()?;
    if a[1] == 0 {
        return Ok(0);
    }
    for part in 0..parts {
        let half = |set: CapSet| (set.0 >> (32 * part)) as u32;
        let data = CapData {
            effective: half(cred.effective),
            permitted: half(cred.permitted),
            inheritable: half(cred.inheritable),
        };
        user::write(UserAddr(a[1] + part * size_of::<CapData>()), &data)?;
    }
    Ok(0)
}

fn sys_capset(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let header: CapHeader = user::read(UserAddr(a[0]))?;
    let parts = parts(a[0], &header)?;
    if header.pid != 0 && header.pid != cx.task.local_tid() {
        return Err(Errno::EPERM);
    }
    let (mut effective, mut permitted, mut inheritable) =
        (CapSet::EMPTY, CapSet::EMPTY, CapSet::EMPTY);
    for part in 0..parts {
        let data: CapData = user::read(UserAddr(a[1] + part * size_of::<CapData>()))?;
        let shifted = |bits: u32| u64::from(bits) << (32 * part) & CapSet::FULL.0;
        effective.0 |= shifted(data.effective);
        permitted.0 |= shifted(data.permitted);
        inheritable.0 |= shifted(data.inheritable);
    }
    change(cx, |cred| cred.set_caps(effective, permitted, inheritable))
}
