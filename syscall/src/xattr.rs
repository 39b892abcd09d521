//! System calls: extended attributes. No file system here has any: what is named must exist, name and value are looked at as
//! on a file system without them, and the answer is that there are none (listxattr), or EOPNOTSUPP.
//!
//! Specification: xattr(7), setxattr(2), getxattr(2), listxattr(2), removexattr(2).
use crate::Call;
use crate::fs::find;
use abi::raw::{
    __NR_fgetxattr, __NR_flistxattr, __NR_fremovexattr, __NR_fsetxattr, __NR_getxattr,
    __NR_lgetxattr, __NR_listxattr, __NR_llistxattr, __NR_lremovexattr, __NR_lsetxattr,
    __NR_removexattr, __NR_setxattr,
};
use abi::{Errno, Result};
use kmem::user::{self, UserAddr};
use task::Cx;
use vfs::{FileType, Inode, LookupFlags};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_setxattr, "setxattr", sys_setxattr),
    (__NR_lsetxattr, "lsetxattr", sys_lsetxattr),
    (__NR_fsetxattr, "fsetxattr", sys_fsetxattr),
    (__NR_getxattr, "getxattr", sys_getxattr),
    (__NR_lgetxattr, "lgetxattr", sys_lgetxattr),
    (__NR_fgetxattr, "fgetxattr", sys_fgetxattr),
    (__NR_listxattr, "listxattr", sys_listxattr),
    (__NR_llistxattr, "llistxattr", sys_llistxattr),
    (__NR_flistxattr, "flistxattr", sys_flistxattr),
    (__NR_removexattr, "removexattr", sys_removexattr),
    (__NR_lremovexattr, "lremovexattr", sys_lremovexattr),
    (__NR_fremovexattr, "fremovexattr", sys_fremovexattr),
];

/// Longest name with its NUL; longest value.
const NAME_MAX: usize = 256;
const SIZE_MAX: usize = 65536;
const FLAGS: u32 = 3;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    Read,
    Write,
}

struct Name {
    bytes: [u8; NAME_MAX],
    len: usize,
}

impl Name {
    /// ERANGE: empty, or longer than a name may be; EFAULT.
    fn read(at: usize) -> Result<Self> {
        let mut bytes = [0; NAME_MAX];
        match user::strncpy(&mut bytes, UserAddr(at)) {
            Ok(0) | Err(Errno::ENAMETOOLONG) => Err(Errno::ERANGE),
            Ok(len) => Ok(Self { bytes, len }),
            Err(e) => Err(e),
        }
    }

    /// What a file system without attributes answers: user attributes stand on regular files and directories alone.
    fn refuse(&self, inode: &Inode, want: Want) -> Errno {
        let of_user = self.bytes[..self.len].starts_with(b"user.");
        match (of_user, inode.kind()) {
            (true, FileType::Regular | FileType::Directory) | (false, _) => Errno::EOPNOTSUPP,
            (true, _) if want == Want::Write => Errno::EPERM,
            (true, _) => Errno::ENODATA,
        }
    }
}

/// Calls `f` with the inode that the path names.
fn at_path(
    cx: &Cx,
    path: usize,
    flags: LookupFlags,
    f: impl FnOnce(&Inode) -> Result<usize>,
) -> Result<usize> {
    f(find(cx, path, flags)?.inode()?)
}

fn at_fd(cx: &Cx, fd: usize, f: impl FnOnce(&Inode) -> Result<usize>) -> Result<usize> {
    f(cx.files.get_io(fd as i32)?.inode())
}

fn set(a: &[usize; 6], inode: &Inode) -> Result<usize> {
    if a[4] as u32 & !FLAGS != 0 {
        return Err(Errno::EINVAL);
    }
    let name = Name::read(a[1])?;
    let (value, size) = (a[2], a[3]);
    if size > SIZE_MAX {
        return Err(Errno::E2BIG);
    }
    let mut chunk = [0; 256];
    let mut done = 0;
    while done < size {
        let n = chunk.len().min(size - done);
        user::copy_from_user(&mut chunk[..n], UserAddr(value.wrapping_add(done)))?;
        done += n;
    }
    Err(name.refuse(inode, Want::Write))
}

fn get(a: &[usize; 6], inode: &Inode) -> Result<usize> {
    Err(Name::read(a[1])?.refuse(inode, Want::Read))
}

fn remove(a: &[usize; 6], inode: &Inode) -> Result<usize> {
    Err(Name::read(a[1])?.refuse(inode, Want::Write))
}

fn sys_setxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::FOLLOW, |inode| set(a, inode))
}

fn sys_lsetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::empty(), |inode| set(a, inode))
}

fn sys_fsetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a[0], |inode| set(a, inode))
}

fn sys_getxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::FOLLOW, |inode| get(a, inode))
}

fn sys_lgetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::empty(), |inode| get(a, inode))
}

fn sys_fgetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a[0], |inode| get(a, inode))
}

fn sys_listxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::FOLLOW, |_| Ok(0))
}

fn sys_llistxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::empty(), |_| Ok(0))
}

fn sys_flistxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a[0], |_| Ok(0))
}

fn sys_removexattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::FOLLOW, |inode| remove(a, inode))
}

fn sys_lremovexattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a[0], LookupFlags::empty(), |inode| remove(a, inode))
}

fn sys_fremovexattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a[0], |inode| remove(a, inode))
}
