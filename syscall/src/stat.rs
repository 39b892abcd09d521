//! System calls: attributes of files and file systems.
use crate::Call;
use crate::fs::{at_flags, find, find_at};
use abi::pod::{Stat, Statfs, Statx, StatxTimestamp, Timespec, Timeval};
use abi::raw::{
    __NR_chmod, __NR_chown, __NR_fchmod, __NR_fchmodat, __NR_fchown, __NR_fchownat, __NR_fstat,
    __NR_fstatfs, __NR_futimesat, __NR_lchown, __NR_lstat, __NR_newfstatat, __NR_stat, __NR_statfs,
    __NR_statx, __NR_utime, __NR_utimensat, __NR_utimes, AT_EMPTY_PATH, AT_FDCWD, AT_NO_AUTOMOUNT,
    AT_STATX_DONT_SYNC, AT_STATX_FORCE_SYNC, AT_SYMLINK_NOFOLLOW, STATX_ATTR_MOUNT_ROOT,
    STATX_BASIC_STATS, STATX_BTIME, STATX_MNT_ID, UTIME_NOW, UTIME_OMIT,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Kgid, Kuid, UserNamespace};
use kmem::user::{self, UserAddr};
use task::Cx;
use vfs::{Kstat, LookupFlags, MountFlags, Path, SetTime, major, minor};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_stat, "newstat", sys_newstat),
    (__NR_lstat, "newlstat", sys_newlstat),
    (__NR_fstat, "newfstat", sys_newfstat),
    (__NR_newfstatat, "newfstatat", sys_newfstatat),
    (__NR_statx, "statx", sys_statx),
    (__NR_statfs, "statfs", sys_statfs),
    (__NR_fstatfs, "fstatfs", sys_fstatfs),
    (__NR_chmod, "chmod", sys_chmod),
    (__NR_fchmod, "fchmod", sys_fchmod),
    (__NR_fchmodat, "fchmodat", sys_fchmodat),
    (__NR_chown, "chown", sys_chown),
    (__NR_lchown, "lchown", sys_lchown),
    (__NR_fchown, "fchown", sys_fchown),
    (__NR_fchownat, "fchownat", sys_fchownat),
    (__NR_utime, "utime", sys_utime),
    (__NR_utimes, "utimes", sys_utimes),
    (__NR_futimesat, "futimesat", sys_futimesat),
    (__NR_utimensat, "utimensat", sys_utimensat),
];

fn write_stat(stat: &Kstat, ns: &UserNamespace, out: usize) -> Result<usize> {
    let stat = Stat {
        st_dev: stat.dev,
        st_ino: stat.ino,
        st_nlink: u64::from(stat.nlink),
        st_mode: stat.mode,
        st_uid: ns.uid(stat.uid),
        st_gid: ns.gid(stat.gid),
        st_rdev: stat.rdev,
        st_size: stat.size as i64,
        st_blksize: i64::from(stat.blksize),
        st_blocks: stat.blocks as i64,
        st_atime: stat.atime,
        st_mtime: stat.mtime,
        st_ctime: stat.ctime,
        ..Stat::default()
    };
    user::write(UserAddr(out), &stat)?;
    Ok(0)
}

fn stat_at(cx: &Cx, at: &Path, out: usize) -> Result<usize> {
    write_stat(&at.inode()?.getattr(), &cx.cred.user_ns, out)
}

fn sys_newstat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    stat_at(cx, &find(cx, a[0], LookupFlags::FOLLOW)?, a[1])
}

fn sys_newlstat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    stat_at(cx, &find(cx, a[0], LookupFlags::empty())?, a[1])
}

fn sys_newfstat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let stat = cx.files.file(a[0] as i32)?.inode().getattr();
    write_stat(&stat, &cx.cred.user_ns, a[1])
}

fn sys_newfstatat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = at_flags(a[3], AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT)?;
    // What fstat(3) of glibc does: the empty path of a descriptor.
    if flags.contains(LookupFlags::EMPTY)
        && a[0] as i32 != AT_FDCWD
        && user::read::<u8>(UserAddr(a[1])) == Ok(0)
    {
        return sys_newfstat(cx, &[a[0], a[2], 0, 0, 0, 0]);
    }
    stat_at(cx, &find_at(cx, a[0], a[1], flags)?, a[2])
}

fn sys_statx(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const RESERVED: u32 = 1 << 31;
    const SYNC: u32 = AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC;
    let wanted = a[3] as u32;
    if wanted & RESERVED != 0 || a[2] as u32 & SYNC == SYNC {
        return Err(Errno::EINVAL);
    }
    let flags = at_flags(
        a[2],
        AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH | AT_NO_AUTOMOUNT | SYNC,
    )?;
    let at = find_at(cx, a[0], a[1], flags)?;
    let stat = at.inode()?.getattr();
    let time = |t: Timespec| StatxTimestamp {
        tv_sec: t.tv_sec,
        tv_nsec: t.tv_nsec as u32,
        __reserved: 0,
    };
    let born = stat.btime.map_or(0, |_| STATX_BTIME);
    let is_root = Arc::ptr_eq(&at.dentry, at.mnt.root());
    let root = u64::from(STATX_ATTR_MOUNT_ROOT);
    let ns = &cx.cred.user_ns;
    let out = Statx {
        stx_mask: STATX_BASIC_STATS | STATX_MNT_ID | born,
        stx_blksize: stat.blksize,
        stx_nlink: stat.nlink,
        stx_uid: ns.uid(stat.uid),
        stx_gid: ns.gid(stat.gid),
        stx_mode: stat.mode as u16,
        stx_ino: stat.ino,
        stx_size: stat.size,
        stx_blocks: stat.blocks,
        stx_atime: time(stat.atime),
        stx_btime: stat.btime.map_or_else(StatxTimestamp::default, time),
        stx_ctime: time(stat.ctime),
        stx_mtime: time(stat.mtime),
        stx_rdev_major: major(stat.rdev),
        stx_rdev_minor: minor(stat.rdev),
        stx_dev_major: major(stat.dev),
        stx_dev_minor: minor(stat.dev),
        stx_attributes: if is_root { root } else { 0 },
        stx_attributes_mask: root,
        stx_mnt_id: u64::from(at.mnt.id()),
        ..Statx::default()
    };
    user::write(UserAddr(a[4]), &out)?;
    Ok(0)
}

fn write_statfs(at: &Path, out: usize) -> Result<usize> {
    /// `ST_VALID`: the flags mean something.
    const VALID: i64 = 0x20;
    let stat = vfs::statfs(at)?;
    let pairs = [
        (MountFlags::RDONLY, 1),
        (MountFlags::NOSUID, 2),
        (MountFlags::NODEV, 4),
        (MountFlags::NOEXEC, 8),
        (MountFlags::NOATIME, 1024),
        (MountFlags::NODIRATIME, 2048),
        (MountFlags::RELATIME, 4096),
    ];
    let mount = at.mnt.flags();
    let flags = pairs
        .iter()
        .filter(|(flag, _)| mount.contains(*flag))
        .map(|(_, bit)| *bit);
    let dev = at.mnt.sb().dev();
    let out_stat = Statfs {
        f_type: stat.magic as i64,
        f_bsize: stat.block_size as i64,
        f_blocks: stat.blocks,
        f_bfree: stat.blocks_free,
        f_bavail: stat.blocks_available,
        f_files: stat.files,
        f_ffree: stat.files_free,
        f_fsid: [dev as i32, (dev >> 32) as i32],
        f_namelen: stat.name_max as i64,
        f_frsize: stat.block_size as i64,
        f_flags: flags.fold(VALID, |all, bit| all | bit),
        ..Statfs::default()
    };
    user::write(UserAddr(out), &out_stat)?;
    Ok(0)
}

fn sys_statfs(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    write_statfs(&find(cx, a[0], LookupFlags::FOLLOW)?, a[1])
}

fn sys_fstatfs(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    write_statfs(cx.files.get(a[0] as i32)?.path(), a[1])
}

fn chmod(cx: &Cx, at: &Path, mode: usize) -> Result<usize> {
    vfs::chmod(at, mode as u32, &cx.cred).map(|()| 0)
}

fn sys_chmod(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    chmod(cx, &find(cx, a[0], LookupFlags::FOLLOW)?, a[1])
}

fn sys_fchmod(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    chmod(cx, cx.files.get_io(a[0] as i32)?.path(), a[1])
}

fn sys_fchmodat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    chmod(cx, &find_at(cx, a[0], a[1], LookupFlags::FOLLOW)?, a[2])
}

fn chown(cx: &Cx, at: &Path, uid: usize, gid: usize) -> Result<usize> {
    let (uid, gid) = (uid as u32, gid as u32);
    let ns = &cx.cred.user_ns;
    // -1 stays; an id that the namespace has no user for cannot be set.
    let uid = if uid == u32::MAX {
        None
    } else {
        Some(ns.kuid(uid))
    };
    let gid = if gid == u32::MAX {
        None
    } else {
        Some(ns.kgid(gid))
    };
    if uid.is_some_and(|u: Kuid| !u.is_valid()) || gid.is_some_and(|g: Kgid| !g.is_valid()) {
        return Err(Errno::EINVAL);
    }
    vfs::chown(at, uid, gid, &cx.cred).map(|()| 0)
}

fn sys_chown(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    chown(cx, &find(cx, a[0], LookupFlags::FOLLOW)?, a[1], a[2])
}

fn sys_lchown(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    chown(cx, &find(cx, a[0], LookupFlags::empty())?, a[1], a[2])
}

fn sys_fchown(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    chown(cx, cx.files.get_io(a[0] as i32)?.path(), a[1], a[2])
}

fn sys_fchownat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = at_flags(a[4], AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    chown(cx, &find_at(cx, a[0], a[1], flags)?, a[2], a[3])
}

/// Access and modification time to set.
type Times = (Option<SetTime>, Option<SetTime>);

const NOW: Times = (Some(SetTime::Now), Some(SetTime::Now));

fn set_times(cx: &Cx, at: &Path, times: Times) -> Result<usize> {
    vfs::set_times(at, times.0, times.1, &cx.cred).map(|()| 0)
}

fn from_timespec(t: Timespec) -> Result<Option<SetTime>> {
    match u32::try_from(t.tv_nsec) {
        Ok(UTIME_NOW) => Ok(Some(SetTime::Now)),
        Ok(UTIME_OMIT) => Ok(None),
        Ok(0..1_000_000_000) => Ok(Some(SetTime::To(t))),
        _ => Err(Errno::EINVAL),
    }
}

fn from_timeval(t: Timeval) -> Result<Option<SetTime>> {
    if !(0..1_000_000).contains(&t.tv_usec) {
        return Err(Errno::EINVAL);
    }
    Ok(Some(SetTime::To(Timespec {
        tv_sec: t.tv_sec,
        tv_nsec: t.tv_usec * 1000,
    })))
}

fn timevals(addr: usize) -> Result<Times> {
    if addr == 0 {
        return Ok(NOW);
    }
    let [atime, mtime]: [Timeval; 2] = user::read(UserAddr(addr))?;
    Ok((from_timeval(atime)?, from_timeval(mtime)?))
}

/// The file that a call without a path is about. EFAULT: not even a descriptor is named.
fn pathless(cx: &Cx, dirfd: usize) -> Result<alloc::sync::Arc<vfs::File>> {
    if dirfd as i32 == abi::raw::AT_FDCWD {
        return Err(Errno::EFAULT);
    }
    cx.files.get_io(dirfd as i32)
}

fn sys_utimensat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let times = if a[2] == 0 {
        NOW
    } else {
        let [atime, mtime]: [Timespec; 2] = user::read(UserAddr(a[2]))?;
        (from_timespec(atime)?, from_timespec(mtime)?)
    };
    if times == (None, None) {
        return Ok(0);
    }
    if a[1] == 0 {
        // Without a path: the descriptor itself.
        if a[3] != 0 {
            return Err(Errno::EINVAL);
        }
        return set_times(cx, pathless(cx, a[0])?.path(), times);
    }
    let flags = at_flags(a[3], AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    set_times(cx, &find_at(cx, a[0], a[1], flags)?, times)
}

fn sys_utimes(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let times = timevals(a[1])?;
    set_times(cx, &find(cx, a[0], LookupFlags::FOLLOW)?, times)
}

fn sys_futimesat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let times = timevals(a[2])?;
    if a[1] == 0 {
        return set_times(cx, pathless(cx, a[0])?.path(), times);
    }
    set_times(cx, &find_at(cx, a[0], a[1], LookupFlags::FOLLOW)?, times)
}

fn sys_utime(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let times = if a[1] == 0 {
        NOW
    } else {
        let seconds: [i64; 2] = user::read(UserAddr(a[1]))?;
        let time = |s| {
            Some(SetTime::To(Timespec {
                tv_sec: s,
                tv_nsec: 0,
            }))
        };
        (time(seconds[0]), time(seconds[1]))
    };
    set_times(cx, &find(cx, a[0], LookupFlags::FOLLOW)?, times)
}
