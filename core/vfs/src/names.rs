//! Making, removing and moving names: mknod, mkdir, symlink, link, unlink, rmdir, rename.
//!
//! Each call walks to the directory, locks its inode, looks the name up once more under the lock, checks, lets the file
//! system do it, and then changes the dentry cache. A rename between two directories first takes the superblock's rename
//! mutex, then the directory nearer to the root.
use crate::fresh::{Fresh, new_node};
use crate::name::Name;
use crate::namei::{Last, Walk, WalkCtx, lookup_locked};
use crate::notify;
use crate::objects::{Dentry, Inode, MakeEntry, Path, RenameTarget};
use crate::types::{Access, FileType, LookupFlags, PERM_MASK, RenameFlags};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use cred::{Cred, cap};
use sync::MutexGuard;

/// What to make: the kind and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub enum Make<'a> {
    /// mkdir(2), with this mode.
    Directory(u32),
    /// symlink(2), to this target.
    Symlink(&'a [u8]),
    /// mknod(2) of this kind, with this mode and device number.
    Node(FileType, u32, u64),
}

/// Makes what `make` says under the name `path`. EEXIST, ENOENT, EACCES, EPERM, EROFS, ENOSPC, EMLINK, and the errors of
/// a walk.
pub fn make(ctx: WalkCtx<'_>, path: &[u8], make: Make<'_>) -> Result<()> {
    make_there(ctx, path, make).map(drop)
}

/// [`make`], and where it now is.
pub fn make_there(ctx: WalkCtx<'_>, path: &[u8], make: Make<'_>) -> Result<Path> {
    let (kind, mode, rdev, target) = match make {
        Make::Directory(mode) => (
            FileType::Directory,
            mode & !raw::S_ISUID & !raw::S_ISGID,
            0,
            &[][..],
        ),
        Make::Symlink(target) => (FileType::Symlink, 0o777, 0, target),
        Make::Node(kind, mode, rdev) => (kind, mode, rdev, &[][..]),
    };
    let device = matches!(kind, FileType::CharDevice | FileType::BlockDevice);
    if kind == FileType::Symlink && target.is_empty() {
        return Err(Errno::ENOENT);
    }
    let (parent, last) = parent_of(ctx, path)?;
    // A last component that is no name exists: ".", "..", "/".
    let name = last.name().ok_or(Errno::EEXIST)?;
    let dir = parent.inode()?.clone();
    let _lock = dir.lock();
    if lookup_locked(&parent.dentry, &dir, name)?.is_some() {
        return Err(Errno::EEXIST);
    }
    if last.wants_dir() && kind != FileType::Directory {
        return Err(Errno::ENOENT);
    }
    parent.mnt.require_write()?;
    may_create(&parent.dentry, &dir, ctx.cred)?;
    if device && !ctx.cred.capable(cap::MKNOD) {
        return Err(Errno::EPERM);
    }
    let mut new = new_node(&dir, ctx.cred, kind, mode & PERM_MASK, ctx.fs.umask())?;
    new.node.rdev = rdev;
    new.node.target = target;
    let dentry = create_locked(&parent.dentry, &dir, name, new)?;
    Ok(Path {
        mnt: parent.mnt.clone(),
        dentry,
    })
}

/// Walks to the directory that the last component of `path` is in.
fn parent_of<'a>(ctx: WalkCtx<'a>, path: &'a [u8]) -> Result<(Path, Last<'a>)> {
    let mut walk = Walk::new(ctx, path, LookupFlags::empty())?;
    let last = walk.walk_to_last()?;
    Ok((walk.at, last))
}

/// Whether entries may be made in a directory. ENOENT: it was removed; EACCES; EROFS; EOVERFLOW: as `require_known`.
pub(crate) fn may_create(parent: &Dentry, dir: &Inode, cred: &Cred) -> Result<()> {
    if parent.is_deleted() {
        return Err(Errno::ENOENT);
    }
    dir.sb().require_known(cred)?;
    dir.permission(cred, Access::WRITE | Access::EXEC)
}

/// Lets the file system make a node and enters it into the cache. The directory is locked and checked.
pub(crate) fn create_locked(
    parent: &Arc<Dentry>,
    dir: &Arc<Inode>,
    name: &[u8],
    new: Fresh<'_>,
) -> Result<Arc<Dentry>> {
    create_with(parent, dir, name, new, &mut |dir, dentry, new| {
        dir.ops().create(dir, dentry, new)
    })
}

/// The same, with the node made by `make`.
pub(crate) fn create_with(
    parent: &Arc<Dentry>,
    dir: &Arc<Inode>,
    name: &[u8],
    new: Fresh<'_>,
    make: MakeEntry<'_>,
) -> Result<Arc<Dentry>> {
    let dentry = Dentry::new(parent, name)?;
    parent.make_room()?;
    // Once the file system has made the node nothing may fail.
    if new.node.kind == FileType::Directory {
        dentry.prepare_children()?;
    }
    let inode = make(dir, &dentry, &new.node)?;
    if let Some(inherited) = new.inherited {
        inode.adopt(inherited);
    }
    parent.forget_negative(name);
    dentry.instantiate(inode)?;
    if dir.caching() != crate::Caching::Never {
        parent.add_child(&dentry)?;
    }
    if let Some(inode) = dentry.inode() {
        notify::created(dir, inode, name, false);
    }
    Ok(dentry)
}

/// Whether `cred` may take the entry `victim` out of `dir`. EACCES, EROFS, EPERM (sticky bit), ENOTDIR, EISDIR, EBUSY.
fn may_delete(dir: &Inode, victim: &Dentry, cred: &Cred, as_dir: bool) -> Result<()> {
    let inode = victim.inode().ok_or(Errno::ENOENT)?;
    dir.permission(cred, Access::WRITE | Access::EXEC)?;
    let sticky = dir.mode() & raw::S_ISVTX != 0
        && cred.fsuid != inode.uid()
        && cred.fsuid != dir.uid()
        && !cred.capable_over(inode.uid(), inode.gid(), cap::FOWNER);
    if sticky {
        return Err(Errno::EPERM);
    }
    match (as_dir, inode.is_dir()) {
        (true, false) => Err(Errno::ENOTDIR),
        (false, true) => Err(Errno::EISDIR),
        _ => Ok(()),
    }
}

/// unlink(2). EISDIR, ENOENT, EACCES, EPERM, EBUSY, EROFS.
pub fn unlink(ctx: WalkCtx<'_>, path: &[u8]) -> Result<()> {
    let (parent, last) = parent_of(ctx, path)?;
    let name = last.name().ok_or(Errno::EISDIR)?;
    let dir = parent.inode()?.clone();
    // Declared before the lock: what the last count frees is freed after the lock.
    let _freed;
    let _lock = dir.lock();
    let victim = lookup_locked(&parent.dentry, &dir, name)?.ok_or(Errno::ENOENT)?;
    let inode = victim.inode().ok_or(Errno::ENOENT)?;
    if last.wants_dir() {
        return Err(if inode.is_dir() {
            Errno::EISDIR
        } else {
            Errno::ENOTDIR
        });
    }
    parent.mnt.require_write()?;
    may_delete(&dir, &victim, ctx.cred, false)?;
    if victim.is_mountpoint() {
        return Err(Errno::EBUSY);
    }
    dir.ops().unlink(&dir, &victim)?;
    _freed = notify::delete(&dir, victim);
    Ok(())
}

/// rmdir(2). ENOTDIR, ENOTEMPTY, ENOENT, EINVAL, EBUSY, EACCES, EPERM, EROFS.
pub fn rmdir(ctx: WalkCtx<'_>, path: &[u8]) -> Result<()> {
    let (parent, last) = parent_of(ctx, path)?;
    let name = match &last {
        Last::DotDot => return Err(Errno::ENOTEMPTY),
        Last::Dot => return Err(Errno::EINVAL),
        Last::Here => return Err(Errno::EBUSY),
        Last::Name { .. } => last.name().ok_or(Errno::ENOENT)?,
    };
    let dir = parent.inode()?.clone();
    let inode;
    let _lock = dir.lock();
    let victim = lookup_locked(&parent.dentry, &dir, name)?.ok_or(Errno::ENOENT)?;
    parent.mnt.require_write()?;
    may_delete(&dir, &victim, ctx.cred, true)?;
    if victim.is_mountpoint() {
        return Err(Errno::EBUSY);
    }
    inode = victim.inode().ok_or(Errno::ENOENT)?.clone();
    // Nobody makes entries in it meanwhile, nor afterwards: they find it deleted.
    let _inner = inode.lock();
    dir.ops().rmdir(&dir, &victim)?;
    notify::delete(&dir, victim);
    Ok(())
}

/// link(2): gives what `old` names the name `path` as well. EXDEV, EPERM, EEXIST, ENOENT, EMLINK, EACCES, EROFS.
pub fn link(ctx: WalkCtx<'_>, old: &Path, path: &[u8]) -> Result<()> {
    let inode = old.inode()?.clone();
    let (parent, last) = parent_of(ctx, path)?;
    let name = last.name().ok_or(Errno::EEXIST)?;
    let dir = parent.inode()?.clone();
    let _lock = dir.lock();
    if lookup_locked(&parent.dentry, &dir, name)?.is_some() {
        return Err(Errno::EEXIST);
    }
    if last.wants_dir() {
        return Err(Errno::ENOENT);
    }
    if !Arc::ptr_eq(&old.mnt, &parent.mnt) {
        return Err(Errno::EXDEV);
    }
    parent.mnt.require_write()?;
    may_create(&parent.dentry, &dir, ctx.cred)?;
    if inode.is_dir() {
        return Err(Errno::EPERM);
    }
    // A file that lost its last name stays nameless; one that never had one (O_TMPFILE) may get one.
    if inode.nlink() == 0 && !inode.is_linkable() {
        return Err(Errno::ENOENT);
    }
    let dentry = Dentry::new(&parent.dentry, name)?;
    parent.dentry.make_room()?;
    dir.ops().link(&dir, &dentry, &inode)?;
    inode.set_linkable(false);
    parent.dentry.forget_negative(name);
    dentry.instantiate(inode.clone())?;
    parent.dentry.add_child(&dentry)?;
    notify::created(&dir, &inode, name, true);
    Ok(())
}

/// Locks two directories for a rename. The second answer is the entry on the way from one down to the other.
struct TwoDirs<'a> {
    _rename: Option<MutexGuard<'a, ()>>,
    _first: MutexGuard<'a, ()>,
    _second: Option<MutexGuard<'a, ()>>,
}

fn lock_two<'a>(a: &'a Path, b: &'a Path) -> Result<TwoDirs<'a>> {
    let (ia, ib) = (a.inode()?, b.inode()?);
    if Arc::ptr_eq(ia, ib) {
        return Ok(TwoDirs {
            _rename: None,
            _first: ia.lock(),
            _second: None,
        });
    }
    let rename = Some(ia.sb().lock_rename());
    // The tree cannot change its shape now: an ancestor first, otherwise any fixed order.
    let a_first = a.dentry.is_ancestor_of(&b.dentry)
        || (!b.dentry.is_ancestor_of(&a.dentry) && Arc::as_ptr(ia) < Arc::as_ptr(ib));
    let (first, second) = if a_first { (ia, ib) } else { (ib, ia) };
    Ok(TwoDirs {
        _rename: rename,
        _first: first.lock(),
        _second: Some(second.lock()),
    })
}

/// renameat2(2). EXDEV, EBUSY, EEXIST, ENOENT, ENOTDIR, EISDIR, ENOTEMPTY, EINVAL, EACCES, EPERM, EROFS.
pub fn rename(
    old_ctx: WalkCtx<'_>,
    old_path: &[u8],
    new_ctx: WalkCtx<'_>,
    new_path: &[u8],
    flags: RenameFlags,
) -> Result<()> {
    let exchange = flags.contains(RenameFlags::EXCHANGE);
    if (exchange && flags.contains(RenameFlags::NOREPLACE)) || flags.contains(RenameFlags::WHITEOUT)
    {
        return Err(Errno::EINVAL);
    }
    let (from, old_last) = parent_of(old_ctx, old_path)?;
    let (to, new_last) = parent_of(new_ctx, new_path)?;
    if !Arc::ptr_eq(&from.mnt, &to.mnt) {
        return Err(Errno::EXDEV);
    }
    let old_name = old_last.name().ok_or(Errno::EBUSY)?;
    let no_name = if flags.contains(RenameFlags::NOREPLACE) {
        Errno::EEXIST
    } else {
        Errno::EBUSY
    };
    let new_name = new_last.name().ok_or(no_name)?;
    from.mnt.require_write()?;
    let replaced;
    let _locks = lock_two(&from, &to)?;
    let (from_dir, to_dir) = (from.inode()?, to.inode()?);
    let old = lookup_locked(&from.dentry, from_dir, old_name)?.ok_or(Errno::ENOENT)?;
    replaced = lookup_locked(&to.dentry, to_dir, new_name)?;
    let inode = old.inode().ok_or(Errno::ENOENT)?.clone();
    let slashes = (old_last.wants_dir(), new_last.wants_dir());
    check_targets(&inode, replaced.as_ref(), flags, slashes)?;
    if old.is_ancestor_of(&to.dentry) {
        return Err(Errno::EINVAL);
    }
    if let Some(new) = &replaced {
        if new.is_ancestor_of(&from.dentry) {
            return Err(if exchange {
                Errno::EINVAL
            } else {
                Errno::ENOTEMPTY
            });
        }
        if new.inode().is_some_and(|n| Arc::ptr_eq(n, &inode)) {
            return Ok(());
        }
    }
    let moves = !Arc::ptr_eq(&from.dentry, &to.dentry);
    may_rename(
        from_dir,
        &old,
        to_dir,
        &to.dentry,
        replaced.as_ref(),
        old_ctx.cred,
        exchange,
        moves,
    )?;
    let placeholder = match &replaced {
        Some(new) => new.clone(),
        None => Dentry::new(&to.dentry, new_name)?,
    };
    let names = (Name::new(old_name)?, Name::new(new_name)?);
    to.dentry.make_room()?;
    from.dentry.make_room()?;
    let victim = replaced
        .as_ref()
        .filter(|_| !exchange)
        .and_then(|d| d.inode())
        .filter(|i| i.is_dir());
    let _victim = victim.map(|v| v.lock());
    let target = RenameTarget {
        dir: to_dir,
        dentry: &placeholder,
        flags,
    };
    from_dir.ops().rename(from_dir, &old, &target)?;
    match &replaced {
        Some(new) if exchange => new.move_to(&from.dentry, names.0)?,
        Some(new) => new.delete(),
        None => to.dentry.forget_negative(new_name),
    }
    old.move_to(&to.dentry, names.1)?;
    let other = replaced.as_ref().and_then(|d| d.inode()).map(|i| &**i);
    let (here, there) = ((&**from_dir, old_name), (&**to_dir, new_name));
    notify::renamed(&inode, here, there, other.filter(|_| !exchange));
    if let Some(other) = other.filter(|_| exchange) {
        notify::renamed(other, there, here, None);
    }
    Ok(())
}

/// What can be said by looking at both ends. EEXIST, ENOENT, ENOTDIR, EISDIR.
fn check_targets(
    old: &Inode,
    new: Option<&Arc<Dentry>>,
    flags: RenameFlags,
    (old_slash, new_slash): (bool, bool),
) -> Result<()> {
    let exchange = flags.contains(RenameFlags::EXCHANGE);
    let new_is_dir = new.and_then(|d| d.inode()).is_some_and(|i| i.is_dir());
    if flags.contains(RenameFlags::NOREPLACE) && new.is_some() {
        return Err(Errno::EEXIST);
    }
    if exchange && new.is_none() {
        return Err(Errno::ENOENT);
    }
    if exchange && !new_is_dir && new_slash {
        return Err(Errno::ENOTDIR);
    }
    if !old.is_dir() && (old_slash || (!exchange && new_slash)) {
        return Err(Errno::ENOTDIR);
    }
    if !exchange && new.is_some() {
        match (old.is_dir(), new_is_dir) {
            (true, false) => return Err(Errno::ENOTDIR),
            (false, true) => return Err(Errno::EISDIR),
            _ => {}
        }
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "both ends of a rename")]
fn may_rename(
    from_dir: &Inode,
    old: &Dentry,
    to_dir: &Inode,
    to: &Dentry,
    new: Option<&Arc<Dentry>>,
    cred: &Cred,
    exchange: bool,
    moves: bool,
) -> Result<()> {
    let old_inode = old.inode().ok_or(Errno::ENOENT)?;
    may_delete(from_dir, old, cred, old_inode.is_dir())?;
    match new {
        None => may_create(to, to_dir, cred)?,
        Some(new) => {
            let is_dir = new.inode().is_some_and(|i| i.is_dir());
            may_delete(to_dir, new, cred, is_dir)?;
            // Its ".." changes.
            if exchange && moves && is_dir {
                new.inode()
                    .ok_or(Errno::ENOENT)?
                    .permission(cred, Access::WRITE)?;
            }
            if new.is_mountpoint() {
                return Err(Errno::EBUSY);
            }
        }
    }
    if moves && old_inode.is_dir() {
        old_inode.permission(cred, Access::WRITE)?;
    }
    if old.is_mountpoint() {
        Err(Errno::EBUSY)
    } else {
        Ok(())
    }
}
