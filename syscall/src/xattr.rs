//! System calls: extended attributes. What they are and who may is `vfs`'; a file system without them answers that there are
//! none (listxattr), or EOPNOTSUPP.
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
use alloc::vec::Vec;
use kmem::TryVec;
use kmem::user::{self, UserAddr};
use task::Cx;
use vfs::{LookupFlags, Path, SetXattr};

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
const XATTR_CREATE: u32 = 1;
const XATTR_REPLACE: u32 = 2;

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

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

/// What one of the calls does with the place that it names; its own arguments begin at the second.
type At = fn(&Cx, &[usize; 6], &Path) -> Result<usize>;

fn at_path(cx: &Cx, a: &[usize; 6], flags: LookupFlags, f: At) -> Result<usize> {
    f(cx, a, &find(cx, a[0], flags)?)
}

fn at_fd(cx: &Cx, a: &[usize; 6], f: At) -> Result<usize> {
    f(cx, a, cx.files.get_io(a[0] as i32)?.path())
}

fn set(cx: &Cx, a: &[usize; 6], at: &Path) -> Result<usize> {
    at.mnt.require_write()?;
    let flags = a[4] as u32;
    if flags & !(XATTR_CREATE | XATTR_REPLACE) != 0 {
        return Err(Errno::EINVAL);
    }
    let how = SetXattr {
        create: flags & XATTR_CREATE != 0,
        replace: flags & XATTR_REPLACE != 0,
    };
    let name = Name::read(a[1])?;
    if a[3] > SIZE_MAX {
        return Err(Errno::E2BIG);
    }
    let mut value = Vec::try_filled(0, a[3])?;
    user::copy_from_user(&mut value, UserAddr(a[2]))?;
    vfs::set_xattr(at, name.bytes(), value, how, &cx.cred)?;
    Ok(0)
}

fn get(cx: &Cx, a: &[usize; 6], at: &Path) -> Result<usize> {
    let name = Name::read(a[1])?;
    let (to, size) = (UserAddr(a[2]), a[3]);
    vfs::get_xattr(at.inode()?, name.bytes(), &cx.cred, |value| {
        if size != 0 {
            if value.len() > size {
                return Err(Errno::ERANGE);
            }
            user::copy_to_user(to, value)?;
        }
        Ok(value.len())
    })
}

fn list(cx: &Cx, a: &[usize; 6], at: &Path) -> Result<usize> {
    let (to, size) = (a[1], a[2]);
    let mut done = 0;
    vfs::list_xattrs(at.inode()?, &cx.cred, |name| {
        if size != 0 {
            if done + name.len() + 1 > size {
                return Err(Errno::ERANGE);
            }
            user::copy_to_user(UserAddr(to.wrapping_add(done)), name)?;
            user::write(UserAddr(to.wrapping_add(done + name.len())), &0u8)?;
        }
        done += name.len() + 1;
        Ok(())
    })?;
    Ok(done)
}

fn remove(cx: &Cx, a: &[usize; 6], at: &Path) -> Result<usize> {
    at.mnt.require_write()?;
    vfs::remove_xattr(at, Name::read(a[1])?.bytes(), &cx.cred)?;
    Ok(0)
}

fn sys_setxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::FOLLOW, set)
}

fn sys_lsetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::empty(), set)
}

fn sys_fsetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a, set)
}

fn sys_getxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::FOLLOW, get)
}

fn sys_lgetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::empty(), get)
}

fn sys_fgetxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a, get)
}

fn sys_listxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::FOLLOW, list)
}

fn sys_llistxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::empty(), list)
}

fn sys_flistxattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a, list)
}

fn sys_removexattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::FOLLOW, remove)
}

fn sys_lremovexattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_path(cx, a, LookupFlags::empty(), remove)
}

fn sys_fremovexattr(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    at_fd(cx, a, remove)
}
