//! System calls: opening and finding files, working and root directory, umask; and how all calls take paths.
use crate::Call;
use crate::bounds::{check_size_limit, fd_limit};
use abi::pod::OpenHow as RawOpenHow;
use abi::raw::{
    __NR_access, __NR_chdir, __NR_chroot, __NR_creat, __NR_faccessat, __NR_faccessat2, __NR_fchdir,
    __NR_memfd_create, __NR_open, __NR_openat, __NR_openat2, __NR_truncate, __NR_umask, AT_EACCESS,
    AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CREAT, O_LARGEFILE, O_PATH, O_TRUNC, O_WRONLY,
    RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV,
};
use abi::{Errno, PATH_MAX, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::user::{self, UserAddr};
use kmem::{TryVec, try_arc};
use task::Cx;
use vfs::{Access, LookupFlags, OnExec, OpenFlags, OpenHow, Path, WalkCtx};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_open, "open", sys_open),
    (__NR_openat, "openat", sys_openat),
    (__NR_openat2, "openat2", sys_openat2),
    (__NR_creat, "creat", sys_creat),
    (__NR_memfd_create, "memfd_create", sys_memfd_create),
    (__NR_access, "access", sys_access),
    (__NR_faccessat, "faccessat", sys_faccessat),
    (__NR_faccessat2, "faccessat2", sys_faccessat2),
    (__NR_chdir, "chdir", sys_chdir),
    (__NR_fchdir, "fchdir", sys_fchdir),
    (__NR_chroot, "chroot", sys_chroot),
    (__NR_umask, "umask", sys_umask),
    (__NR_truncate, "truncate", sys_truncate),
];

/// Paths up to this long need no allocation.
const SHORT: usize = 256;

/// Calls `f` with the path at `addr`. EFAULT, ENAMETOOLONG, ENOMEM.
#[inline]
pub(crate) fn with_path<R>(addr: usize, f: impl FnOnce(&[u8]) -> Result<R>) -> Result<R> {
    let mut short = [0; SHORT];
    match user::strncpy(&mut short, UserAddr(addr)) {
        Ok(len) => f(&short[..len]),
        Err(Errno::ENAMETOOLONG) => {
            let mut long = Vec::try_filled(0, PATH_MAX)?;
            let len = user::strncpy(&mut long, UserAddr(addr))?;
            f(&long[..len])
        }
        Err(e) => Err(e),
    }
}

/// Where a relative path of a `*at` call starts; `None` is the working directory. EBADF; ENOENT: the path is empty and
/// may not be.
#[inline]
pub(crate) fn base(cx: &Cx, dirfd: usize, path: &[u8], flags: LookupFlags) -> Result<Option<Path>> {
    if path.is_empty() && !flags.contains(LookupFlags::EMPTY) {
        return Err(Errno::ENOENT);
    }
    if dirfd as i32 == AT_FDCWD || path.first() == Some(&b'/') {
        return Ok(None);
    }
    Ok(Some(cx.files.get(dirfd as i32)?.path().clone()))
}

/// The caller, walking from `base`.
#[inline]
pub(crate) fn ctx<'a>(cx: &'a Cx, base: Option<&'a Path>) -> WalkCtx<'a> {
    WalkCtx {
        fs: &cx.fs,
        cred: &cx.cred,
        base,
    }
}

/// Finds what a `*at` call names.
#[inline]
pub(crate) fn find_at(cx: &Cx, dirfd: usize, path: usize, flags: LookupFlags) -> Result<Path> {
    with_path(path, |path| {
        let base = base(cx, dirfd, path, flags)?;
        vfs::lookup(ctx(cx, base.as_ref()), path, flags)
    })
}

/// Finds what a path from the working directory names.
pub(crate) fn find(cx: &Cx, path: usize, flags: LookupFlags) -> Result<Path> {
    find_at(cx, AT_FDCWD as usize, path, flags)
}

/// `AT_*` flags as a walk takes them; those of `allowed` and no others. EINVAL.
pub(crate) fn at_flags(flags: usize, allowed: u32) -> Result<LookupFlags> {
    let flags = flags as u32;
    if flags & !allowed != 0 {
        return Err(Errno::EINVAL);
    }
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, flags & AT_SYMLINK_NOFOLLOW == 0);
    lookup.set(LookupFlags::EMPTY, flags & AT_EMPTY_PATH != 0);
    Ok(lookup)
}

// Every open passes here: /proc/kallsyms has it as `do_sys_openat2`.
#[inline(never)]
fn open_at(cx: &Cx, dirfd: usize, path: usize, how: &OpenHow) -> Result<usize> {
    with_path(path, |path| {
        let on_exec = OnExec::from_flag(how.flags.contains(OpenFlags::CLOEXEC));
        let base = base(cx, dirfd, path, LookupFlags::empty())?;
        let fd = cx.files.reserve(0, fd_limit(cx), on_exec)?;
        let file = vfs::open(ctx(cx, base.as_ref()), path, how)?;
        Ok(fd.install(file) as usize)
    })
}

fn how(flags: usize, mode: usize) -> OpenHow {
    let flags = flags as u32;
    let large = if flags & O_PATH == 0 { O_LARGEFILE } else { 0 };
    OpenHow::new(flags | large, mode as u32)
}

fn sys_open(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    open_at(cx, AT_FDCWD as usize, a[0], &how(a[1], a[2]))
}

fn sys_openat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    open_at(cx, a[0], a[1], &how(a[2], a[3]))
}

fn sys_creat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = O_CREAT | O_WRONLY | O_TRUNC;
    open_at(cx, AT_FDCWD as usize, a[0], &how(flags as usize, a[1]))
}

fn sys_openat2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const SIZE: usize = size_of::<RawOpenHow>();
    if a[3] < SIZE {
        return Err(Errno::EINVAL);
    }
    if a[3] > abi::PAGE_SIZE {
        return Err(Errno::E2BIG);
    }
    let raw: RawOpenHow = user::read(UserAddr(a[2]))?;
    for at in SIZE..a[3] {
        if user::read::<u8>(UserAddr(a[2] + at))? != 0 {
            return Err(Errno::E2BIG);
        }
    }
    let known = OpenFlags::all().difference(OpenFlags::EXEC).bits();
    if raw.flags & !u64::from(known) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut how = how(raw.flags as usize, raw.mode as usize);
    let makes = how
        .flags
        .intersects(OpenFlags::CREAT | OpenFlags::TMPFILE_BIT);
    if raw.mode & !0o7777 != 0 || (raw.mode != 0 && !makes) {
        return Err(Errno::EINVAL);
    }
    how.resolve = resolve(raw.resolve)?;
    open_at(cx, a[0], a[1], &how)
}

fn resolve(bits: u64) -> Result<LookupFlags> {
    let pairs = [
        (RESOLVE_NO_XDEV, LookupFlags::NO_XDEV),
        (RESOLVE_NO_MAGICLINKS, LookupFlags::NO_MAGICLINKS),
        (RESOLVE_NO_SYMLINKS, LookupFlags::NO_SYMLINKS),
        (RESOLVE_BENEATH, LookupFlags::BENEATH),
        (RESOLVE_IN_ROOT, LookupFlags::IN_ROOT),
    ];
    let mut flags = LookupFlags::empty();
    let mut rest = bits;
    for (bit, flag) in pairs {
        flags.set(flag, bits & u64::from(bit) != 0);
        rest &= !u64::from(bit);
    }
    if rest != 0 || flags.contains(LookupFlags::BENEATH | LookupFlags::IN_ROOT) {
        return Err(Errno::EINVAL);
    }
    Ok(flags)
}

fn sys_memfd_create(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const CLOEXEC: usize = 1;
    const NAME_MAX: usize = 249;
    const ALLOW_SEALING: usize = 2;
    const HUGETLB: usize = 4;
    const HUGE_SHIFT: u32 = 26;
    const HUGE_MASK: usize = 0x3f << HUGE_SHIFT;
    let flags = a[1] & u32::MAX as usize;
    let huge = flags & HUGETLB != 0;
    let known = CLOEXEC | ALLOW_SEALING | HUGETLB | if huge { HUGE_MASK } else { 0 };
    if flags & !known != 0 {
        return Err(Errno::EINVAL);
    }
    let mut name = [0; NAME_MAX + 1];
    let len = user::strncpy(&mut name, UserAddr(a[0])).map_err(|e| match e {
        Errno::ENAMETOOLONG => Errno::EINVAL,
        e => e,
    })?;
    let name = core::str::from_utf8(&name[..len]).map_err(|_| Errno::EINVAL)?;
    let fd = cx
        .files
        .reserve(0, fd_limit(cx), OnExec::from_flag(a[1] & CLOEXEC != 0))?;
    let pages = if huge {
        mm::huge_size((flags >> HUGE_SHIFT) as u32).map_err(|_| Errno::ENODEV)?;
        tmpfs::Pages::Huge
    } else {
        tmpfs::Pages::Small
    };
    let file = tmpfs::memfd(name, pages, OpenFlags::LARGEFILE, &cx.cred)?;
    if a[1] & ALLOW_SEALING != 0 {
        file.inode().make_sealable();
    }
    Ok(fd.install(file) as usize)
}

fn access_at(cx: &Cx, dirfd: usize, path: usize, mode: usize, flags: usize) -> Result<usize> {
    let wanted = Access::from_bits(mode as u32).ok_or(Errno::EINVAL)?;
    let effective = flags as u32 & AT_EACCESS != 0;
    let flags = at_flags(flags, AT_EACCESS | AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)?;
    let cred = if effective {
        cx.cred.clone()
    } else {
        real_cred(cx)?
    };
    with_path(path, |path| {
        let base = base(cx, dirfd, path, flags)?;
        let ctx = WalkCtx {
            fs: &cx.fs,
            cred: &cred,
            base: base.as_ref(),
        };
        let at = vfs::lookup(ctx, path, flags)?;
        vfs::access(&at, wanted, &cred)?;
        Ok(0)
    })
}

/// The credentials that access(2) checks with: the caller's own, as long as they are the real user's anyway.
fn real_cred(cx: &Cx) -> Result<Arc<cred::Cred>> {
    let own = &cx.cred;
    if own.uid == own.fsuid && own.gid == own.fsgid {
        let real = own.for_access();
        return if real.effective == own.effective {
            Ok(own.clone())
        } else {
            try_arc(real)
        };
    }
    try_arc(own.for_access())
}

fn sys_access(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    access_at(cx, AT_FDCWD as usize, a[0], a[1], 0)
}

fn sys_faccessat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    access_at(cx, a[0], a[1], a[2], 0)
}

fn sys_faccessat2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    access_at(cx, a[0], a[1], a[2], a[3])
}

fn sys_chdir(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let at = with_path(a[0], |path| vfs::lookup_dir(ctx(cx, None), path))?;
    cx.fs.set_cwd(at);
    Ok(0)
}

fn sys_fchdir(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let at = cx.files.get(a[0] as i32)?.path().clone();
    let inode = at.inode()?;
    if !inode.is_dir() {
        return Err(Errno::ENOTDIR);
    }
    inode.permission(&cx.cred, Access::EXEC)?;
    cx.fs.set_cwd(at);
    Ok(0)
}

fn sys_chroot(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    with_path(a[0], |path| vfs::chroot(ctx(cx, None), path))?;
    Ok(0)
}

fn sys_umask(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    Ok(cx.fs.set_umask(a[0] as u32) as usize)
}

fn sys_truncate(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let size = u64::try_from(a[1] as i64).map_err(|_| Errno::EINVAL)?;
    let at = find(cx, a[0], LookupFlags::FOLLOW)?;
    check_size_limit(cx, at.inode()?, size)?;
    vfs::truncate(&at, size, &cx.cred)?;
    Ok(0)
}
