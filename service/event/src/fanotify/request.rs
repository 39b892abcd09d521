//! fanotify_mark(2).
use super::group::{FID_FLAGS, Group};
use abi::{Errno, Result, fan};
use alloc::sync::Arc;
use cred::{Cred, cap};
use vfs::notify::{self, Object, Watcher};
use vfs::{Access, Handle, LookupFlags, Path};

const COMMANDS: u32 = fan::FAN_MARK_ADD | fan::FAN_MARK_REMOVE | fan::FAN_MARK_FLUSH;
const KINDS: u32 = fan::FAN_MARK_MOUNT | fan::FAN_MARK_FILESYSTEM;
const IGNORES: u32 = fan::FAN_MARK_IGNORED_MASK | fan::FAN_MARK_IGNORE;
const FLAGS: u32 = COMMANDS
    | KINDS
    | IGNORES
    | fan::FAN_MARK_DONT_FOLLOW
    | fan::FAN_MARK_ONLYDIR
    | fan::FAN_MARK_IGNORED_SURV_MODIFY
    | fan::FAN_MARK_EVICTABLE;
/// What only a directory can have.
const DIR_ONLY: u32 = fan::DIRENT_EVENTS | fan::EVENT_FLAGS;

/// A call of fanotify_mark(2), its arguments checked as far as they can be without the group.
pub struct Request {
    flags: u32,
    mask: u32,
    /// What removing does not touch.
    lasting: u32,
}

impl Request {
    /// EINVAL: flags or mask.
    pub fn new(flags: u32, mask: u64) -> Result<Self> {
        let mut mask = u32::try_from(mask).map_err(|_| Errno::EINVAL)?;
        let bad = flags & !FLAGS != 0
            || flags & KINDS == KINDS
            || match flags & COMMANDS {
                fan::FAN_MARK_ADD | fan::FAN_MARK_REMOVE => mask == 0,
                fan::FAN_MARK_FLUSH => flags & !(KINDS | fan::FAN_MARK_FLUSH) != 0,
                _ => true,
            }
            || mask & !(fan::ALL_EVENTS | fan::EVENT_FLAGS) != 0
            || flags & IGNORES == IGNORES;
        if bad {
            return Err(Errno::EINVAL);
        }
        let mut lasting = 0;
        if flags & IGNORES == fan::FAN_MARK_IGNORED_MASK {
            // The old kind knows no such flags.
            mask &= !fan::EVENT_FLAGS;
            lasting = fan::EVENT_FLAGS;
        }
        Ok(Self {
            flags,
            mask,
            lasting,
        })
    }

    /// Whether `cred` may ask that of a group. EPERM; EINVAL: no such group can have such marks.
    pub fn check(&self, group: &Group, cred: &Cred) -> Result<()> {
        let of_inode = self.flags & KINDS == 0;
        if !of_inode && (group.is_unprivileged || !cred.capable(cap::SYS_ADMIN)) {
            return Err(Errno::EPERM);
        }
        let mask = self.mask;
        let fid = group.flags & FID_FLAGS;
        let pathless = mask & !(fan::PATH_EVENTS | fan::PERM_EVENTS | fan::EVENT_FLAGS) != 0;
        let bad = mask & fan::PERM_EVENTS != 0 && group.class() == 0
            || mask & fan::FAN_FS_ERROR != 0 && self.flags & KINDS != fan::FAN_MARK_FILESYSTEM
            || self.flags & fan::FAN_MARK_EVICTABLE != 0 && !of_inode
            || pathless && (fid == 0 || self.flags & KINDS == fan::FAN_MARK_MOUNT)
            || mask & fan::FAN_RENAME != 0 && fid & fan::FAN_REPORT_NAME == 0;
        if bad { Err(Errno::EINVAL) } else { Ok(()) }
    }

    /// Ends all marks of its kind, if that is what it asks.
    pub fn flush(&self, group: &Group, any: &Path) -> Result<bool> {
        let flushes = self.flags & fan::FAN_MARK_FLUSH != 0;
        if flushes {
            notify::flush(group, &self.object(any)?);
        }
        Ok(flushes)
    }

    /// How its path is walked.
    pub fn lookup(&self) -> LookupFlags {
        let mut flags = LookupFlags::empty();
        flags.set(
            LookupFlags::FOLLOW,
            self.flags & fan::FAN_MARK_DONT_FOLLOW == 0,
        );
        flags.set(
            LookupFlags::DIRECTORY,
            self.flags & fan::FAN_MARK_ONLYDIR != 0,
        );
        flags
    }

    /// What of a path is marked.
    fn object<'a>(&self, at: &'a Path) -> Result<Object<'a>> {
        Ok(match self.flags & KINDS {
            0 => Object::Inode(at.inode()?),
            fan::FAN_MARK_MOUNT => Object::Mount(&at.mnt),
            _ => Object::SuperBlock(at.mnt.sb()),
        })
    }

    /// Does it to what is at a place.
    ///
    /// # Errors
    /// EACCES: it may not be read; EINVAL, ENOTDIR, EISDIR: it can have no such mark; ENODEV: its file system has no names that last; EEXIST: the
    /// mark there is forbids it; ENOENT: there is none to remove; ENOSPC: the user has too many; ENOMEM.
    pub fn apply(mut self, group: &Arc<Group>, at: &Path, cred: &Cred) -> Result<()> {
        let inode = at.inode()?;
        inode.permission(cred, Access::READ)?;
        let adds = self.flags & fan::FAN_MARK_ADD != 0;
        let of_inode = self.flags & KINDS == 0;
        if adds {
            self.check_supported(group, at)?;
        }
        let fid = group.flags & FID_FLAGS;
        if fid != 0 && Handle::of(inode).is_none() {
            return Err(Errno::ENODEV);
        }
        let of_dir = of_inode && inode.is_dir();
        let ignores = self.flags & IGNORES;
        let survives = self.flags & fan::FAN_MARK_IGNORED_SURV_MODIFY != 0;
        if adds && ignores == fan::FAN_MARK_IGNORE && !survives && (!of_inode || of_dir) {
            return Err(if of_inode {
                Errno::EISDIR
            } else {
                Errno::EINVAL
            });
        }
        if !of_dir {
            self.mask &= !fan::FAN_EVENT_ON_CHILD;
            self.lasting = fan::FAN_EVENT_ON_CHILD;
            // Linux' way to know that a mark wants the directory and the name with its events.
            if fid & fan::FAN_REPORT_DIR_FID != 0 && adds && ignores == 0 {
                self.mask |= fan::FAN_EVENT_ON_CHILD;
            }
        }
        let object = self.object(at)?;
        let watcher: Arc<dyn Watcher> = group.clone();
        if !adds {
            return notify::remove(object, &watcher, self.mask, self.flags, self.lasting);
        }
        // Somebody writes to it already: what is ignored until then is not ignored at all.
        if of_inode && ignores != 0 && !survives && inode.is_written() {
            return Ok(());
        }
        notify::add(object, &watcher, self.mask, self.flags)
    }

    fn check_supported(&self, group: &Group, at: &Path) -> Result<()> {
        let of_inode = self.flags & KINDS == 0;
        let asks = self.mask & fan::PERM_EVENTS != 0;
        // Linux' /proc opens files under locks that an answer might need.
        if asks && at.mnt.sb().kind() == "proc" || !of_inode && at.mnt.is_internal() {
            return Err(Errno::EINVAL);
        }
        let strict = group.flags & fan::FAN_REPORT_TARGET_FID != 0
            || self.mask & fan::FAN_RENAME != 0
            || self.flags & fan::FAN_MARK_IGNORE != 0;
        if strict && of_inode && !at.inode()?.is_dir() && self.mask & DIR_ONLY != 0 {
            return Err(Errno::ENOTDIR);
        }
        Ok(())
    }
}
