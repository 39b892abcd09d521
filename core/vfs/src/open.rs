//! Opening files (open(2), openat2(2), and for exec).
use crate::fresh::new_node;
use crate::mount::MountFlags;
use crate::namei::{Last, Step, Walk, WalkCtx, lookup_child, lookup_locked};
use crate::names::{create_locked, may_create};
use crate::notify;
use crate::objects::{Dentry, File, FileOpsRef, Inode, OpenArgs, Path};
use crate::regular::{self, path_ops};
use crate::types::{Access, FileType, LookupFlags, OpenFlags, PERM_MASK, SetAttr, SetTime};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::Cred;

/// How to open.
#[derive(Clone, Copy, Debug)]
pub struct OpenHow {
    pub flags: OpenFlags,
    /// Permissions of a file that is made, before the umask.
    pub mode: u32,
    /// Restrictions on the walk (openat2(2)).
    pub resolve: LookupFlags,
}

impl OpenHow {
    /// As open(2) has it: unknown flags are ignored, a mode without use as well.
    pub fn new(flags: u32, mode: u32) -> Self {
        let mut flags = OpenFlags::from_bits_truncate(flags).difference(OpenFlags::KERNEL);
        if flags.contains(OpenFlags::PATH) {
            let kept =
                OpenFlags::PATH | OpenFlags::DIRECTORY | OpenFlags::NOFOLLOW | OpenFlags::CLOEXEC;
            flags = flags.intersection(kept);
        }
        Self {
            flags,
            mode: mode & PERM_MASK,
            resolve: LookupFlags::empty(),
        }
    }
}

/// Opens what `path` names, or makes it. The errors of open(2).
pub fn open(ctx: WalkCtx<'_>, path: &[u8], how: &OpenHow) -> Result<Arc<File>> {
    open_untold(ctx, path, how).inspect(|file| notify::opened(file))
}

fn open_untold(ctx: WalkCtx<'_>, path: &[u8], how: &OpenHow) -> Result<Arc<File>> {
    let flags = how.flags;
    if flags.contains(OpenFlags::TMPFILE_BIT) {
        if !flags.contains(OpenFlags::DIRECTORY) || !flags.writes() {
            return Err(Errno::EINVAL);
        }
        return open_tmpfile(ctx, path, flags, how.mode);
    }
    if flags.contains(OpenFlags::CREAT | OpenFlags::DIRECTORY) {
        return Err(Errno::EINVAL);
    }
    let exclusive = flags.contains(OpenFlags::CREAT | OpenFlags::EXCL);
    let mut lookup = how.resolve;
    lookup.set(
        LookupFlags::FOLLOW,
        !flags.contains(OpenFlags::NOFOLLOW) && !exclusive,
    );
    let mut walk = Walk::new(ctx, path, lookup)?;
    let mut wants_dir = flags.contains(OpenFlags::DIRECTORY);
    loop {
        let last = walk.walk_to_last()?;
        // Without a component there is nothing to make: slashes, or the place that a magic link led to.
        let here = matches!(last, Last::Here);
        wants_dir |= last.wants_dir() && !here;
        let step = if here || !flags.contains(OpenFlags::CREAT) {
            walk.step(&last)?
        } else {
            // "." and ".." are there, and that is all O_EXCL asks.
            if exclusive && last.name().is_none() {
                return Err(Errno::EEXIST);
            }
            if wants_dir {
                return Err(Errno::EISDIR);
            }
            match step_or_create(&mut walk, &last, ctx, how)? {
                Found::Stepped(step) => step,
                Found::Made => {
                    let flags = flags.difference(OpenFlags::TRUNC);
                    notify::may_open(&walk.at, flags)?;
                    return open_path(walk.at, flags, ctx.cred);
                }
            }
        };
        if let Step::Arrived = step {
            break;
        }
    }
    let at = walk.at;
    let inode = at.inode()?;
    if wants_dir && !matches!(inode.kind(), FileType::Directory) {
        return Err(Errno::ENOTDIR);
    }
    if flags.contains(OpenFlags::CREAT) && inode.is_dir() && !flags.contains(OpenFlags::PATH) {
        return Err(Errno::EISDIR);
    }
    open_here(at, flags, ctx.cred)
}

/// Opens what was found without a path (open_by_handle_at(2)). The errors of open(2).
pub fn open_found(at: Path, how: &OpenHow, cred: &Arc<Cred>) -> Result<Arc<File>> {
    let flags = how.flags;
    if flags.contains(OpenFlags::DIRECTORY) && !at.inode()?.is_dir() {
        return Err(Errno::ENOTDIR);
    }
    open_here(at, flags, cred).inspect(|file| notify::opened(file))
}

fn open_here(at: Path, flags: OpenFlags, cred: &Arc<Cred>) -> Result<Arc<File>> {
    if flags.contains(OpenFlags::PATH) {
        return File::new(at, path_ops(), flags, cred);
    }
    may_open(&at, at.inode()?, flags, cred)?;
    notify::may_open(&at, flags)?;
    let file = open_path(at, flags, cred)?;
    if flags.contains(OpenFlags::TRUNC) && file.inode().kind() == FileType::Regular {
        truncate_opened(&file)?;
    }
    Ok(file)
}

enum Found {
    Stepped(Step),
    Made,
}

/// Steps on the last component, or makes a regular file there. EEXIST with `O_EXCL`.
fn step_or_create(
    walk: &mut Walk<'_>,
    last: &Last<'_>,
    ctx: WalkCtx<'_>,
    how: &OpenHow,
) -> Result<Found> {
    let name = last.name().ok_or(Errno::EISDIR)?;
    let parent = walk.at.dentry.clone();
    let dir = walk.at.inode()?.clone();
    let mut child = lookup_child(&parent, &dir, name)?;
    if child.is_none() {
        let _lock = dir.lock();
        child = lookup_locked(&parent, &dir, name)?;
        if child.is_none() {
            walk.at.mnt.require_write()?;
            may_create(&parent, &dir, ctx.cred)?;
            let new = new_node(&dir, ctx.cred, FileType::Regular, how.mode, ctx.fs.umask())?;
            walk.at.dentry = create_locked(&parent, &dir, name, new)?;
            return Ok(Found::Made);
        }
    }
    if how.flags.contains(OpenFlags::EXCL) {
        return Err(Errno::EEXIST);
    }
    let follow = !how.flags.contains(OpenFlags::NOFOLLOW);
    walk.enter(child.ok_or(Errno::ENOENT)?, follow)
        .map(Found::Stepped)
}

/// Whether `cred` may open what is at `at` so. ELOOP: a symbolic link; EISDIR, EACCES, EPERM, EROFS.
fn may_open(at: &Path, inode: &Inode, flags: OpenFlags, cred: &Cred) -> Result<()> {
    let writes = flags.writes() || flags.contains(OpenFlags::TRUNC);
    let mount = at.mnt.flags();
    match inode.kind() {
        FileType::Symlink => return Err(Errno::ELOOP),
        FileType::Directory if writes => return Err(Errno::EISDIR),
        FileType::Directory if flags.contains(OpenFlags::EXEC) => return Err(Errno::EACCES),
        FileType::CharDevice | FileType::BlockDevice if mount.contains(MountFlags::NODEV) => {
            return Err(Errno::EACCES);
        }
        FileType::Regular if writes => at.mnt.require_write()?,
        _ => {}
    }
    let mut access = Access::empty();
    if flags.contains(OpenFlags::EXEC) {
        if inode.kind() != FileType::Regular || mount.contains(MountFlags::NOEXEC) {
            return Err(Errno::EACCES);
        }
        access = Access::EXEC;
    } else {
        access.set(Access::READ, flags.reads());
        access.set(Access::WRITE, writes);
    }
    inode.permission(cred, access)?;
    if flags.contains(OpenFlags::NOATIME) && !inode.owner_or_capable(cred) {
        return Err(Errno::EPERM);
    }
    Ok(())
}

/// A file that only names the place `at` (`O_PATH`). ENOENT, ENFILE, ENOMEM.
pub fn open_place(at: Path, cred: &Arc<Cred>) -> Result<Arc<File>> {
    File::new(at, path_ops(), OpenFlags::PATH, cred)
}

/// Opens what is at `at`, without a check of permission. ENXIO, ENODEV, ETXTBSY, ENOMEM, what the driver says.
pub fn open_path(at: Path, flags: OpenFlags, cred: &Arc<Cred>) -> Result<Arc<File>> {
    let inode = at.inode()?;
    let args = OpenArgs {
        path: &at,
        flags,
        cred,
    };
    let ops = match inode.ops().open(inode, &args)? {
        Some(ops) => ops,
        None => regular::open_by_kind(inode, &args)?,
    };
    File::new(at, ops, flags, cred)
}

/// `O_TRUNC`. ETXTBSY.
fn truncate_opened(file: &Arc<File>) -> Result<()> {
    let inode = file.inode();
    inode.get_write_access()?;
    let attr = SetAttr {
        size: Some(0),
        mode: inode.mode_without_setid(),
        mtime: Some(SetTime::Now),
        ..SetAttr::default()
    };
    let result = {
        let _lock = inode.lock();
        inode.drop_file_caps();
        inode.ops().setattr(inode, &attr)
    };
    if result.is_ok() {
        notify::changed(file.dentry(), &attr);
    }
    inode.put_write_access();
    result
}

/// Opens a program to execute it: a regular file that `ctx.cred` may execute and that nobody may write to while the file
/// lives. EACCES, ETXTBSY, and the errors of a walk.
pub fn open_exec(ctx: WalkCtx<'_>, path: &[u8], lookup: LookupFlags) -> Result<Arc<File>> {
    let at = crate::namei::lookup(ctx, path, lookup)?;
    let flags = OpenFlags::EXEC;
    let inode = at.inode()?;
    may_open(&at, inode, flags, ctx.cred)?;
    notify::may_open(&at, flags)?;
    open_path(at, flags, ctx.cred).inspect(|file| notify::opened(file))
}

/// A file of `at` that does what `ops` says (pipes, sockets and the like that have a place of their own).
pub fn open_with(
    at: Path,
    ops: FileOpsRef,
    flags: OpenFlags,
    cred: &Arc<Cred>,
) -> Result<Arc<File>> {
    File::new(at, ops, flags, cred)
}

/// Opens a regular file without a name in the directory `path` (`O_TMPFILE`). EOPNOTSUPP, EACCES, EROFS.
fn open_tmpfile(ctx: WalkCtx<'_>, path: &[u8], flags: OpenFlags, mode: u32) -> Result<Arc<File>> {
    let at = crate::namei::lookup(ctx, path, LookupFlags::FOLLOW | LookupFlags::DIRECTORY)?;
    let dir = at.inode()?;
    at.mnt.require_write()?;
    may_create(&at.dentry, dir, ctx.cred)?;
    let new = new_node(
        dir,
        ctx.cred,
        FileType::Regular,
        mode & PERM_MASK,
        ctx.fs.umask(),
    )?;
    let inode = dir.ops().tmpfile(dir, &new.node)?;
    if let Some(inherited) = new.inherited {
        inode.adopt(inherited);
    }
    inode.set_linkable(!flags.contains(OpenFlags::EXCL));
    let mut name = [0; 21];
    let dentry = Dentry::new(&at.dentry, tmp_name(inode.ino(), &mut name))?;
    dentry.instantiate(inode)?;
    dentry.mark_deleted();
    let flags = flags.difference(OpenFlags::TMPFILE_BIT | OpenFlags::DIRECTORY);
    let place = Path {
        mnt: at.mnt.clone(),
        dentry,
    };
    notify::may_open(&place, flags)?;
    open_path(place, flags, ctx.cred)
}

/// "#" and the number.
fn tmp_name(ino: u64, buf: &mut [u8; 21]) -> &[u8] {
    let mut at = buf.len();
    let mut rest = ino;
    loop {
        at -= 1;
        buf[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    at -= 1;
    buf[at] = b'#';
    &buf[at..]
}
