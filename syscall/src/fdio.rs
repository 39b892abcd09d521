//! System calls: what is done with descriptors. `rw` reads and writes, `fcntl` is fcntl(2), flock(2) and ioctl(2),
//! `copy` moves data between files; here are the short ones.
mod copy;
mod fcntl;
mod rw;
mod splice;

pub(crate) use rw::{apply, range, with_segments, write_failed};

use crate::Call;
use crate::bounds::{check_size_limit, fd_limit};
use abi::raw::{
    __NR_close, __NR_close_range, __NR_copy_file_range, __NR_dup, __NR_dup2, __NR_dup3,
    __NR_fadvise64, __NR_fallocate, __NR_fcntl, __NR_fdatasync, __NR_flock, __NR_fsync,
    __NR_ftruncate, __NR_ioctl, __NR_lseek, __NR_pread64, __NR_preadv, __NR_preadv2, __NR_pwrite64,
    __NR_pwritev, __NR_pwritev2, __NR_read, __NR_readahead, __NR_readv, __NR_sendfile, __NR_splice,
    __NR_sync_file_range, __NR_tee, __NR_vmsplice, __NR_write, __NR_writev, O_CLOEXEC,
};
use abi::{Errno, Result};
use task::Cx;
use vfs::{FileMode, FileType, OnExec};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_read, "read", rw::sys_read),
    (__NR_write, "write", rw::sys_write),
    (__NR_pread64, "pread64", rw::sys_pread64),
    (__NR_pwrite64, "pwrite64", rw::sys_pwrite64),
    (__NR_readv, "readv", rw::sys_readv),
    (__NR_writev, "writev", rw::sys_writev),
    (__NR_preadv, "preadv", rw::sys_preadv),
    (__NR_pwritev, "pwritev", rw::sys_pwritev),
    (__NR_preadv2, "preadv2", rw::sys_preadv2),
    (__NR_pwritev2, "pwritev2", rw::sys_pwritev2),
    (__NR_lseek, "lseek", sys_lseek),
    (__NR_close, "close", sys_close),
    (__NR_close_range, "close_range", sys_close_range),
    (__NR_dup, "dup", sys_dup),
    (__NR_dup2, "dup2", sys_dup2),
    (__NR_dup3, "dup3", sys_dup3),
    (__NR_fcntl, "fcntl", fcntl::sys_fcntl),
    (__NR_flock, "flock", fcntl::sys_flock),
    (__NR_ioctl, "ioctl", fcntl::sys_ioctl),
    (__NR_fsync, "fsync", sys_fsync),
    (__NR_fdatasync, "fdatasync", sys_fdatasync),
    (
        __NR_sync_file_range,
        "sync_file_range",
        copy::sys_sync_file_range,
    ),
    (__NR_ftruncate, "ftruncate", sys_ftruncate),
    (__NR_fallocate, "fallocate", copy::sys_fallocate),
    (__NR_fadvise64, "fadvise64", copy::sys_fadvise64),
    (__NR_readahead, "readahead", copy::sys_readahead),
    (__NR_sendfile, "sendfile64", copy::sys_sendfile64),
    (
        __NR_copy_file_range,
        "copy_file_range",
        copy::sys_copy_file_range,
    ),
    (__NR_splice, "splice", splice::sys_splice),
    (__NR_tee, "tee", splice::sys_tee),
    (__NR_vmsplice, "vmsplice", splice::sys_vmsplice),
];

fn sys_lseek(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = cx.files.file_io(a[0] as i32)?;
    Ok(file.seek(a[1] as i64, a[2] as u32)? as usize)
}

fn sys_close(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.files.close(a[0] as i32).map_err(|e| match e {
        // The descriptor is gone: nobody may call again.
        Errno::ERESTARTSYS | Errno::ERESTARTNOINTR => Errno::EINTR,
        e => e,
    })?;
    Ok(0)
}

fn sys_close_range(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const UNSHARE: u32 = 2;
    const CLOEXEC: u32 = 4;
    let (first, last, flags) = (a[0] as u32, a[1] as u32, a[2] as u32);
    if flags & !(UNSHARE | CLOEXEC) != 0 || first > last {
        return Err(Errno::EINVAL);
    }
    if flags & UNSHARE != 0 {
        let own = cx.files.try_clone()?;
        cx.set_files(own);
    }
    cx.files.close_range(first, last, flags & CLOEXEC != 0);
    Ok(0)
}

fn sys_dup(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = cx.files.get(a[0] as i32)?;
    Ok(cx.files.alloc(0, fd_limit(cx), file, OnExec::Keep)? as usize)
}

fn sys_dup2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (old, new) = (a[0] as i32, a[1] as i32);
    if old == new {
        cx.files.get(old)?;
        return Ok(new as usize);
    }
    Ok(cx.files.dup_to(old, new, fd_limit(cx), OnExec::Keep)? as usize)
}

fn sys_dup3(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (old, new, flags) = (a[0] as i32, a[1] as i32, a[2] as u32);
    if flags & !O_CLOEXEC != 0 || old == new {
        return Err(Errno::EINVAL);
    }
    let on_exec = OnExec::from_flag(flags & O_CLOEXEC != 0);
    Ok(cx.files.dup_to(old, new, fd_limit(cx), on_exec)? as usize)
}

fn sys_fsync(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.files.get_io(a[0] as i32)?.fsync(false)?;
    Ok(0)
}

fn sys_fdatasync(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    cx.files.get_io(a[0] as i32)?.fsync(true)?;
    Ok(0)
}

fn sys_ftruncate(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let size = u64::try_from(a[1] as i64).map_err(|_| Errno::EINVAL)?;
    let file = cx.files.get_io(a[0] as i32)?;
    let regular = file.inode().kind() == FileType::Regular;
    if regular && file.mode().contains(FileMode::WRITE) {
        check_size_limit(cx, file.inode(), size)?;
    }
    vfs::ftruncate(&file, size)?;
    Ok(0)
}
