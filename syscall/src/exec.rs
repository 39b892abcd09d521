//! System calls: execve(2), execveat(2).
use crate::Call;
use abi::raw::{__NR_execve, __NR_execveat, AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW};
use abi::{Errno, PATH_MAX, Result};
use alloc::vec::Vec;
use exec::Strings;
use hal::addr::UserAddr;
use kmem::{TryVec, user};
use task::Cx;
use vfs::{LookupFlags, OnExec};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_execve, "execve", sys_execve),
    (__NR_execveat, "execveat", sys_execveat),
];

/// Paths up to this long need no allocation.
const SHORT: usize = 256;

fn sys_execve(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    with_path(UserAddr(a[0]), |path| {
        let (argv, envp) = (Strings::User(UserAddr(a[1])), Strings::User(UserAddr(a[2])));
        exec::execve(cx, None, path, LookupFlags::FOLLOW, None, argv, envp)
    })
}

fn sys_execveat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let (fd, flags) = (a[0] as i32, a[4] as u32);
    if flags & !(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, flags & AT_SYMLINK_NOFOLLOW == 0);
    lookup.set(LookupFlags::EMPTY, flags & AT_EMPTY_PATH != 0);
    with_path(UserAddr(a[1]), |path| {
        let (argv, envp) = (Strings::User(UserAddr(a[2])), Strings::User(UserAddr(a[3])));
        if fd == AT_FDCWD || path.starts_with(b"/") {
            return exec::execve(cx, None, path, lookup, None, argv, envp);
        }
        let base = cx.files.get(fd)?.path().clone();
        // What the program is told, and what a script's interpreter opens: it must still be there then.
        let name = kmem::try_format!("/dev/fd/{fd}")?;
        let mut name = name.into_bytes();
        if !path.is_empty() {
            name.try_push(b'/')?;
            name.try_extend(path)?;
        }
        let reachable = cx.files.on_exec(fd)? == OnExec::Keep;
        exec::execve(
            cx,
            Some(&base),
            path,
            lookup,
            Some((&name, reachable)),
            argv,
            envp,
        )
    })
}

/// Calls `f` with the path at `addr`. `EFAULT`, `ENAMETOOLONG`, `ENOMEM`.
fn with_path(addr: UserAddr, f: impl FnOnce(&[u8]) -> Result<usize>) -> Result<usize> {
    let mut short = [0; SHORT];
    match user::strncpy(&mut short, addr) {
        Ok(len) => f(&short[..len]),
        Err(Errno::ENAMETOOLONG) => {
            let mut long = Vec::try_filled(0, PATH_MAX)?;
            let len = user::strncpy(&mut long, addr)?;
            f(&long[..len])
        }
        Err(e) => Err(e),
    }
}
