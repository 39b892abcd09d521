//! System calls: names in directories, and reading directories.
use crate::Call;
use crate::fs::{base, ctx, find_at, with_path};
use abi::raw::{
    __NR_getcwd, __NR_getdents, __NR_getdents64, __NR_link, __NR_linkat, __NR_mkdir, __NR_mkdirat,
    __NR_mknod, __NR_mknodat, __NR_readlink, __NR_readlinkat, __NR_rename, __NR_renameat,
    __NR_renameat2, __NR_rmdir, __NR_symlink, __NR_symlinkat, __NR_unlink, __NR_unlinkat,
    AT_EMPTY_PATH, AT_FDCWD, AT_REMOVEDIR, AT_SYMLINK_FOLLOW,
};
use abi::{Errno, Result};
use cred::cap;
use kmem::user::{self, UserAddr};
use task::Cx;
use vfs::{DirEntry, DirSink, FileType, LookupFlags, Make, RenameFlags, Sink};

/// This family.
pub(crate) const CALLS: &[Call] = &[
    (__NR_mkdir, "mkdir", sys_mkdir),
    (__NR_mkdirat, "mkdirat", sys_mkdirat),
    (__NR_mknod, "mknod", sys_mknod),
    (__NR_mknodat, "mknodat", sys_mknodat),
    (__NR_symlink, "symlink", sys_symlink),
    (__NR_symlinkat, "symlinkat", sys_symlinkat),
    (__NR_link, "link", sys_link),
    (__NR_linkat, "linkat", sys_linkat),
    (__NR_unlink, "unlink", sys_unlink),
    (__NR_unlinkat, "unlinkat", sys_unlinkat),
    (__NR_rmdir, "rmdir", sys_rmdir),
    (__NR_rename, "rename", sys_rename),
    (__NR_renameat, "renameat", sys_renameat),
    (__NR_renameat2, "renameat2", sys_renameat2),
    (__NR_readlink, "readlink", sys_readlink),
    (__NR_readlinkat, "readlinkat", sys_readlinkat),
    (__NR_getcwd, "getcwd", sys_getcwd),
    (__NR_getdents, "getdents", sys_getdents),
    (__NR_getdents64, "getdents64", sys_getdents64),
];

const CWD: usize = AT_FDCWD as usize;
const NONE: LookupFlags = LookupFlags::empty();

fn make_at(cx: &Cx, dirfd: usize, path: usize, make: Make<'_>) -> Result<usize> {
    with_path(path, |path| {
        let base = base(cx, dirfd, path, NONE)?;
        vfs::make(ctx(cx, base.as_ref()), path, make).map(|()| 0)
    })
}

fn sys_mkdir(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    make_at(cx, CWD, a[0], Make::Directory(a[1] as u32))
}

fn sys_mkdirat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    make_at(cx, a[0], a[1], Make::Directory(a[2] as u32))
}

fn mknod_at(cx: &Cx, dirfd: usize, path: usize, mode: usize, dev: usize) -> Result<usize> {
    let mode = mode as u32;
    let kind = match (mode & abi::raw::S_IFMT, FileType::from_mode(mode)) {
        (0, _) => FileType::Regular,
        (_, Some(FileType::Directory)) => return Err(Errno::EPERM),
        (_, Some(FileType::Symlink | FileType::Anonymous) | None) => return Err(Errno::EINVAL),
        (_, Some(kind)) => kind,
    };
    // The number of a call has 32 bits: 12 of the major, 20 of the minor number.
    let dev = dev as u32;
    let rdev = vfs::makedev(dev >> 8 & 0xfff, (dev & 0xff) | (dev >> 12 & 0xfff00));
    make_at(cx, dirfd, path, Make::Node(kind, mode, rdev))
}

fn sys_mknod(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    mknod_at(cx, CWD, a[0], a[1], a[2])
}

fn sys_mknodat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    mknod_at(cx, a[0], a[1], a[2], a[3])
}

fn symlink_at(cx: &Cx, target: usize, dirfd: usize, path: usize) -> Result<usize> {
    with_path(target, |target| {
        make_at(cx, dirfd, path, Make::Symlink(target))
    })
}

fn sys_symlink(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    symlink_at(cx, a[0], CWD, a[1])
}

fn sys_symlinkat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    symlink_at(cx, a[0], a[1], a[2])
}

fn link_at(cx: &Cx, old: (usize, usize), new: (usize, usize), flags: usize) -> Result<usize> {
    let flags = flags as u32;
    if flags & !(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH) != 0 {
        return Err(Errno::EINVAL);
    }
    if flags & AT_EMPTY_PATH != 0 && !cx.cred.capable(cap::DAC_READ_SEARCH) {
        return Err(Errno::ENOENT);
    }
    let mut lookup = LookupFlags::empty();
    lookup.set(LookupFlags::FOLLOW, flags & AT_SYMLINK_FOLLOW != 0);
    lookup.set(LookupFlags::EMPTY, flags & AT_EMPTY_PATH != 0);
    let old = find_at(cx, old.0, old.1, lookup)?;
    with_path(new.1, |path| {
        let base = base(cx, new.0, path, NONE)?;
        vfs::link(ctx(cx, base.as_ref()), &old, path).map(|()| 0)
    })
}

fn sys_link(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    link_at(cx, (CWD, a[0]), (CWD, a[1]), 0)
}

fn sys_linkat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    link_at(cx, (a[0], a[1]), (a[2], a[3]), a[4])
}

fn remove_at(cx: &Cx, dirfd: usize, path: usize, dir: bool) -> Result<usize> {
    with_path(path, |path| {
        let base = base(cx, dirfd, path, NONE)?;
        let ctx = ctx(cx, base.as_ref());
        if dir {
            vfs::rmdir(ctx, path)
        } else {
            vfs::unlink(ctx, path)
        }
        .map(|()| 0)
    })
}

fn sys_unlink(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    remove_at(cx, CWD, a[0], false)
}

fn sys_unlinkat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let flags = a[2] as u32;
    if flags & !AT_REMOVEDIR != 0 {
        return Err(Errno::EINVAL);
    }
    remove_at(cx, a[0], a[1], flags & AT_REMOVEDIR != 0)
}

fn sys_rmdir(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    remove_at(cx, CWD, a[0], true)
}

fn rename_at(cx: &Cx, old: (usize, usize), new: (usize, usize), flags: usize) -> Result<usize> {
    let flags = RenameFlags::from_bits(flags as u32).ok_or(Errno::EINVAL)?;
    with_path(old.1, |old_path| {
        with_path(new.1, |new_path| {
            let from = base(cx, old.0, old_path, NONE)?;
            let to = base(cx, new.0, new_path, NONE)?;
            let (from, to) = (ctx(cx, from.as_ref()), ctx(cx, to.as_ref()));
            vfs::rename(from, old_path, to, new_path, flags).map(|()| 0)
        })
    })
}

fn sys_rename(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    rename_at(cx, (CWD, a[0]), (CWD, a[1]), 0)
}

fn sys_renameat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    rename_at(cx, (a[0], a[1]), (a[2], a[3]), 0)
}

fn sys_renameat2(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    rename_at(cx, (a[0], a[1]), (a[2], a[3]), a[4])
}

fn readlink_at(cx: &Cx, dirfd: usize, path: usize, out: usize, len: usize) -> Result<usize> {
    let len = usize::try_from(len as i32)
        .ok()
        .filter(|len| *len > 0)
        .ok_or(Errno::EINVAL)?;
    let (at, empty) = with_path(path, |path| {
        let flags = LookupFlags::EMPTY;
        // Only of a descriptor can an empty path say anything.
        if path.is_empty() && dirfd == CWD {
            return Err(Errno::ENOENT);
        }
        let base = base(cx, dirfd, path, flags)?;
        Ok((
            vfs::lookup(ctx(cx, base.as_ref()), path, flags)?,
            path.is_empty(),
        ))
    })?;
    let body = vfs::read_link(&at, &cx.cred).map_err(|e| match e {
        Errno::EINVAL if empty => Errno::ENOENT,
        e => e,
    })?;
    let len = len.min(body.len());
    user::copy_to_user(UserAddr(out), &body[..len])?;
    Ok(len)
}

fn sys_readlink(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    readlink_at(cx, CWD, a[0], a[1], a[2])
}

fn sys_readlinkat(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    readlink_at(cx, a[0], a[1], a[2], a[3])
}

fn sys_getcwd(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    let cwd = cx.fs.cwd();
    if cwd.dentry.is_deleted() {
        return Err(Errno::ENOENT);
    }
    let path = cwd.to_bytes_from(Some(&cx.fs.root()))?;
    if path.len() + 1 > abi::PATH_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    if path.len() + 1 > a[1] {
        return Err(Errno::ERANGE);
    }
    user::copy_to_user(UserAddr(a[0]), &path)?;
    user::write(UserAddr(a[0]).add(path.len()), &0_u8)?;
    Ok(path.len() + 1)
}

/// Which of the two layouts of an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// `struct linux_dirent`: the type stands in the last byte.
    Old,
    /// `struct linux_dirent64`: the type stands before the name.
    New,
}

/// Writes entries to user memory.
struct Entries {
    layout: Layout,
    at: UserAddr,
    left: usize,
    done: usize,
    /// An entry did not fit although nothing stood before it.
    too_short: bool,
    /// The entry being written.
    bytes: [u8; ENTRY_MAX],
}

/// Bytes before the name in the new layout; the old one has one less.
const HEAD: usize = 19;
/// Longest entry: head, name, NUL and type, padding.
const ENTRY_MAX: usize = (HEAD + abi::NAME_MAX + 2).next_multiple_of(8);

impl DirSink for Entries {
    fn entry(&mut self, entry: &DirEntry<'_>) -> Result<Sink> {
        let name_at = if self.layout == Layout::New {
            HEAD
        } else {
            HEAD - 1
        };
        // Both end up equally long: the old layout has the type behind the NUL.
        let len = (HEAD + entry.name.len() + 1).next_multiple_of(8);
        if len > self.left {
            self.too_short = self.done == 0;
            return Ok(Sink::Full);
        }
        let bytes = &mut self.bytes;
        bytes[..8].copy_from_slice(&entry.ino.to_le_bytes());
        bytes[8..16].copy_from_slice(&entry.next.to_le_bytes());
        bytes[16..18].copy_from_slice(&(len as u16).to_le_bytes());
        let name_end = name_at + entry.name.len();
        bytes[name_at..name_end].copy_from_slice(entry.name);
        bytes[name_end..len].fill(0);
        let kind_at = if self.layout == Layout::New {
            HEAD - 1
        } else {
            len - 1
        };
        bytes[kind_at] = entry.kind as u8;
        user::copy_to_user(self.at, &bytes[..len])?;
        self.at = self.at.add(len);
        self.left -= len;
        self.done += len;
        Ok(Sink::Taken)
    }
}

fn getdents(cx: &mut Cx, a: &[usize; 6], layout: Layout) -> Result<usize> {
    let file = cx.files.file_io(a[0] as i32)?;
    // An unsigned int that Linux goes on to use as a signed one.
    let left = usize::try_from(a[2] as i32).unwrap_or(0);
    let mut entries = Entries {
        layout,
        at: UserAddr(a[1]),
        left,
        done: 0,
        too_short: false,
        bytes: [0; ENTRY_MAX],
    };
    match file.read_dir(&mut entries) {
        Err(e) if entries.done == 0 => Err(e),
        _ if entries.too_short => Err(Errno::EINVAL),
        _ => Ok(entries.done),
    }
}

fn sys_getdents(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    getdents(cx, a, Layout::Old)
}

fn sys_getdents64(cx: &mut Cx, a: &[usize; 6]) -> Result<usize> {
    getdents(cx, a, Layout::New)
}
