//! System calls: mount(2), umount2(2), pivot_root(2), sync(2), syncfs(2).
use crate::Call;
use crate::fs::find;
use abi::raw::{
    __NR_mount, __NR_pivot_root, __NR_sync, __NR_syncfs, __NR_umount2, MNT_DETACH, MNT_FORCE,
    MS_BIND, MS_MOVE, MS_NOATIME, MS_PRIVATE, MS_RDONLY, MS_REC, MS_RELATIME, MS_REMOUNT,
    MS_SHARED, MS_SILENT, MS_SLAVE, MS_STRICTATIME, MS_UNBINDABLE, UMOUNT_NOFOLLOW,
};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::cap;
use kmem::TryVec;
use kmem::user::{self, UserAddr};
use task::Cx;
use vfs::{FsStruct, LookupFlags, MountFlags, Path, Spread, Unmount};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_mount, "mount", sys_mount),
    (__NR_umount2, "umount", sys_umount),
    (__NR_pivot_root, "pivot_root", sys_pivot_root),
    (__NR_sync, "sync", sys_sync),
    (__NR_syncfs, "syncfs", sys_syncfs),
];

/// A string that may be missing, at most a page long. EINVAL: longer.
fn optional(addr: usize) -> Result<Vec<u8>> {
    if addr == 0 {
        return Ok(Vec::new());
    }
    let mut text = Vec::try_filled(0, PAGE_SIZE)?;
    let len = user::strncpy(&mut text, UserAddr(addr)).map_err(|e| match e {
        Errno::ENAMETOOLONG => Errno::EINVAL,
        e => e,
    })?;
    text.truncate(len);
    Ok(text)
}

/// Options are as many bytes as there are, up to a page.
fn options(addr: usize) -> Result<Vec<u8>> {
    if addr == 0 {
        return Ok(Vec::new());
    }
    let mut text = Vec::try_filled(0, PAGE_SIZE)?;
    let len = user::copy_from_user_partial(&mut text, UserAddr(addr))?;
    let end = text[..len].iter().position(|byte| *byte == 0);
    text.truncate(end.unwrap_or(len));
    Ok(text)
}

fn sys_mount(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    const MAGIC: u32 = 0xc0ed_0000;
    const MAGIC_MASK: u32 = 0xffff_0000;
    let mut flags = a[3] as u32;
    if flags & MAGIC_MASK == MAGIC {
        flags &= !MAGIC_MASK;
    }
    let kind = optional(a[2])?;
    let source = optional(a[0])?;
    let data = options(a[4])?;
    let at = find(cx, a[1], LookupFlags::FOLLOW)?;
    may_mount(cx)?;
    in_own_ns(cx, &at)?;
    if flags & (MS_REMOUNT | MS_BIND) == MS_REMOUNT | MS_BIND {
        vfs::remount(&at, mount_flags(flags), None)?;
    } else if flags & MS_REMOUNT != 0 {
        if !cx.cred.ns_capable(&at.mnt.sb().owner()?, cap::SYS_ADMIN) {
            return Err(Errno::EPERM);
        }
        vfs::remount(&at, mount_flags(flags), Some(&data))?;
    } else if flags & MS_BIND != 0 {
        let from = find_source(cx, &source)?;
        may_bind(cx, &from)?;
        vfs::bind(&from, &at, flags & MS_REC != 0)?;
    } else if flags & PROPAGATION != 0 {
        vfs::set_propagation(&at, spread(flags)?, flags & MS_REC != 0)?;
    } else if flags & MS_MOVE != 0 {
        let from = find_source(cx, &source)?;
        in_own_ns(cx, &from)?;
        vfs::move_mount(&from, &at)?;
    } else {
        new_mount(cx, &kind, &source, &data, flags, &at)?;
    }
    Ok(0)
}

const PROPAGATION: u32 = MS_SHARED | MS_PRIVATE | MS_SLAVE | MS_UNBINDABLE;

/// The one kind that the flags name. EINVAL: several, or other flags.
fn spread(flags: u32) -> Result<Spread> {
    match flags & !(MS_REC | MS_SILENT) {
        MS_SHARED => Ok(Spread::Shared),
        MS_PRIVATE => Ok(Spread::Private),
        MS_SLAVE => Ok(Spread::Slave),
        MS_UNBINDABLE => Ok(Spread::Unbindable),
        _ => Err(Errno::EINVAL),
    }
}

/// EPERM: without `CAP_SYS_ADMIN` over what the caller sees mounted.
fn may_mount(cx: &Cx) -> Result<()> {
    if cx.cred.ns_capable(cx.ns.mnt().owner(), cap::SYS_ADMIN) {
        Ok(())
    } else {
        Err(Errno::EPERM)
    }
}

/// EINVAL: a place in another namespace of mounts than the caller's.
fn in_own_ns(cx: &Cx, at: &Path) -> Result<()> {
    if Arc::ptr_eq(&at.mnt.ns()?, cx.ns.mnt()) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// What can be bound: a place of the caller's namespace, or the file of any namespace that does not hold the mount itself. Of
/// those of mounts none older than the caller's can have one of the same age or more. EINVAL.
fn may_bind(cx: &Cx, from: &Path) -> Result<()> {
    let inode = from.inode()?;
    if let Some(ns) = inode.ops().mount_ns() {
        let newer = ns.number() > cx.ns.mnt().number();
        return if newer { Ok(()) } else { Err(Errno::EINVAL) };
    }
    if task::nsfs::of_inode(inode).is_some() {
        return Ok(());
    }
    in_own_ns(cx, from)
}

fn is_mount_root(at: &Path) -> bool {
    Arc::ptr_eq(&at.dentry, at.mnt.root())
}

fn find_source(cx: &Cx, source: &[u8]) -> Result<Path> {
    if source.is_empty() {
        return Err(Errno::EINVAL);
    }
    vfs::lookup(crate::fs::ctx(cx, None), source, LookupFlags::FOLLOW)
}

fn new_mount(
    cx: &Cx,
    kind: &[u8],
    source: &[u8],
    data: &[u8],
    flags: u32,
    at: &Path,
) -> Result<()> {
    if kind.is_empty() {
        return Err(Errno::EINVAL);
    }
    let kind = vfs::find_filesystem(kind)?;
    let sb = kind.mount_for(source, data, &cx.cred)?;
    if flags & MS_RDONLY != 0 {
        sb.set_read_only(true)?;
    }
    let source = if source.is_empty() { b"none" } else { source };
    vfs::mount_on(&sb, source, mount_flags(flags), at).map(drop)
}

/// The flags of the mount itself; access times are relative unless something else is said.
fn mount_flags(flags: u32) -> MountFlags {
    let mut mount = MountFlags::from_bits_truncate(flags);
    if flags & (MS_NOATIME | MS_STRICTATIME) == 0 {
        mount |= MountFlags::RELATIME;
    } else if flags & MS_RELATIME == 0 {
        mount.remove(MountFlags::RELATIME);
    }
    mount
}

fn sys_umount(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[1] as u32;
    // Expiry (MNT_EXPIRE) is not there.
    if flags & !(MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW) != 0 {
        return Err(Errno::EINVAL);
    }
    let mut lookup = LookupFlags::COVER;
    lookup.set(LookupFlags::FOLLOW, flags & UMOUNT_NOFOLLOW == 0);
    let at = find(cx, a[0], lookup)?;
    may_mount(cx)?;
    let how = if flags & MNT_DETACH != 0 {
        Unmount::Detach
    } else {
        Unmount::IfIdle
    };
    if is_mount_root(&at) {
        in_own_ns(cx, &at)?;
    }
    vfs::unmount(at, how)?;
    Ok(0)
}

fn sys_pivot_root(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    may_mount(cx)?;
    let find_dir = |path| find(cx, path, LookupFlags::FOLLOW | LookupFlags::DIRECTORY);
    let (new, put) = (find_dir(a[0])?, find_dir(a[1])?);
    let old = cx.fs.root();
    in_own_ns(cx, &old)?;
    in_own_ns(cx, &new)?;
    vfs::pivot_root(&old, &new, &put)?;
    for_each_fs(|fs| fs.pivot(&old, &new));
    Ok(0)
}

/// Runs `f` for root and working directory of every thread.
fn for_each_fs(mut f: impl FnMut(&FsStruct)) {
    let mut nr = 1;
    while let Some(process) = task::next_process(nr) {
        nr = process.nr() + 1;
        let mut n = 0;
        while let Some(thread) = process.nth_thread(n) {
            if let Some(fs) = thread.fs() {
                f(&fs);
            }
            n += 1;
        }
    }
}

fn sys_sync(cx: &mut Cx, _a: &[usize; 6]) -> Result<usize> {
    let _ = with_mounts(cx);
    Ok(0)
}

/// Writes every mounted file system back; errors show where data is asked for next.
fn with_mounts(cx: &Cx) -> Result<()> {
    for mount in cx.ns.mnt().mounts()? {
        let _ = mount.sb().ops().sync(mount.sb());
    }
    Ok(())
}

fn sys_syncfs(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let file = cx.files.get_io(a[0] as i32)?;
    let sb = file.inode().sb();
    sb.ops().sync(sb)?;
    Ok(0)
}
