//! What happens to files, told to those who want to know: inotify(7), fanotify(7) and the signals of `F_NOTIFY`
//! (`dnotify.rs`).
//!
//! The calls that change or use files tell what they did through the functions here, which cost one load while nobody
//! watches. Who watches stands in `marks.rs`. An event of a file goes to those who watch its directory (with its name), to
//! those who watch the file itself, then to groups (`groups.rs`).
//!
//! A watch ends with the file's last name and user, with the file system's last mount, or when the watcher says so.
//! Watchers queue the event and wake their reader. Only groups are waited for, where they are asked for permission.
use crate::groups::{self, Places};
use crate::happening::may_ask;
pub use crate::happening::{Group, Happening, Met, Of};
pub use crate::limits::Limit;
pub use crate::marks::{Again, Watch, add, flush, for_each_watch, forget, remove, unwatch, watch};
pub(crate) use crate::marks::{active, find, forget_some};
use crate::marks::{end_inode, end_mount, end_sb};
use crate::objects::{Dentry, File, Inode, Mount, Path, SuperBlock};
use crate::types::{FileMode, OpenFlags, SetAttr};
pub use crate::watcher::{Event, Object, Seen, Watcher};
use abi::raw::{
    IN_ACCESS, IN_ALL_EVENTS, IN_ATTRIB, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_EXCL_UNLINK,
    IN_ISDIR, IN_MODIFY, IN_MOVE_SELF, IN_MOVED_FROM, IN_MOVED_TO, IN_OPEN,
};
use abi::{NAME_MAX, Result, fan};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};

/// A rename within one directory, beside its halves: an event for `F_NOTIFY` and groups alone.
pub(crate) const RENAMED: u32 = fan::FAN_RENAME;
/// All that can be asked for by who is no group.
const EVENTS: u32 = IN_ALL_EVENTS | RENAMED;

/// The last cookie of a rename.
static COOKIE: AtomicU32 = AtomicU32::new(0);

/// Tells the watchers of `inode` that are no groups.
fn tell(inode: &Inode, mask: u32, cookie: u32, name: &[u8]) {
    crate::marks::tell(inode, mask, cookie, name, EVENTS, 0);
}

/// Tells groups what happened to `inode` itself, wherever it is.
fn tell_self(inode: &Inode, mask: u32) {
    let places = Places::of(inode);
    if places.any_watched() {
        let what = Happening {
            mask: mask | kind_bit(inode),
            path: None,
            inode,
            dir: None,
            name: &[],
            moved: None,
        };
        let _ = groups::tell(&places, &what); // nobody is asked
    }
}

/// Tells groups what happened to the entry `name` of `dir`.
fn tell_entry(dir: &Inode, inode: &Inode, mask: u32, name: &[u8], moved: Option<(&Inode, &[u8])>) {
    let places = Places {
        second: moved.map(|(to, _)| to),
        ..Places::of(dir)
    };
    if places.any_watched() {
        let what = Happening {
            mask: mask | kind_bit(inode),
            path: None,
            inode,
            dir: Some(dir),
            name,
            moved,
        };
        let _ = groups::tell(&places, &what); // nobody is asked
    }
}

fn kind_bit(inode: &Inode) -> u32 {
    if inode.is_dir() { IN_ISDIR } else { 0 }
}

/// Something happened to what is at `dentry`, reached by `path` if that is known: to its directory's watchers, then to its
/// own, then to groups. An error is a group's refusal.
#[cold]
#[inline(never)]
fn at(dentry: &Dentry, path: Option<&Path>, mask: u32) -> Result<()> {
    let Some(inode) = dentry.inode() else {
        return Ok(());
    };
    let mask = mask | kind_bit(inode);
    let parent = dentry.parent();
    let dir = parent.as_ref().and_then(|parent| parent.inode());
    let places = Places {
        parent: dir.map(|dir| &**dir),
        mount: path.map(|path| &*path.mnt),
        ..Places::of(inode)
    };
    if !places.any_watched() {
        return Ok(());
    }
    let mut name = [0; NAME_MAX];
    let len = name_of(dentry, &mut name);
    let name = &name[..len];
    if mask & fan::PERM_EVENTS == 0 {
        // To those who are no groups it is an open like any other.
        let mask = mask & !fan::FAN_OPEN_EXEC;
        if let Some(dir) = dir {
            let skip = if dentry.is_deleted() {
                IN_EXCL_UNLINK
            } else {
                0
            };
            crate::marks::tell(dir, mask, 0, name, EVENTS, skip);
        }
        tell(inode, mask, 0, &[]);
    }
    // A directory is known by itself, a file by its directory and its name there.
    let dir = dir.filter(|_| !inode.is_dir());
    let what = Happening {
        mask,
        path,
        inode,
        dir: dir.map(|dir| &**dir),
        name: if dir.is_some() { name } else { &[] },
        moved: None,
    };
    groups::tell(&places, &what)
}

fn name_of(dentry: &Dentry, name: &mut [u8; NAME_MAX]) -> usize {
    dentry.with_name(|bytes| {
        name[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    })
}

/// The same through an open file, unless that is quiet.
#[cold]
#[inline(never)]
fn by(file: &File, mask: u32) -> Result<()> {
    if file.mode().contains(FileMode::QUIET) {
        return Ok(());
    }
    at(file.dentry(), Some(file.path()), mask)
}

/// Asks whether what is at a place may be opened so (fanotify(7), permission events). EPERM; ERESTARTSYS: the caller is killed.
#[inline]
pub(crate) fn may_open(path: &Path, flags: OpenFlags) -> Result<()> {
    if !may_ask() || flags.contains(OpenFlags::QUIET) {
        return Ok(());
    }
    if flags.contains(OpenFlags::EXEC) {
        at(&path.dentry, Some(path), fan::FAN_OPEN_EXEC_PERM)?;
    }
    at(&path.dentry, Some(path), fan::FAN_OPEN_PERM)
}

/// Asks whether an open file may be read. EPERM; ERESTARTSYS: the caller is killed.
#[inline]
pub(crate) fn may_read(file: &File) -> Result<()> {
    if may_ask() {
        by(file, fan::FAN_ACCESS_PERM)
    } else {
        Ok(())
    }
}

/// A file was opened.
pub(crate) fn opened(file: &File) {
    if active() && !file.mode().contains(FileMode::PATH) {
        let exec = match file.mode().contains(FileMode::EXEC) {
            true => fan::FAN_OPEN_EXEC,
            false => 0,
        };
        let _ = by(file, IN_OPEN | exec); // nobody is asked
    }
}

/// Something was done with an open file.
#[inline]
pub(crate) fn file(file: &File, mask: u32) {
    if active() {
        let _ = by(file, mask); // nobody is asked
    }
}

/// Bytes were moved by a read or a write (`mask`), if any were.
#[inline]
pub(crate) fn moved(file: &File, mask: u32, result: Result<usize>) {
    if active() {
        moved_some(file, mask, result);
    }
}

#[cold]
#[inline(never)]
fn moved_some(file: &File, mask: u32, result: Result<usize>) {
    if let Ok(1..) = result {
        let _ = by(file, mask); // nobody is asked
    }
}

/// Attributes were changed.
pub(crate) fn changed(dentry: &Dentry, attr: &SetAttr) {
    if !active() {
        return;
    }
    let mut mask = 0;
    if attr.uid.is_some() || attr.gid.is_some() || attr.mode.is_some() {
        mask |= IN_ATTRIB;
    }
    if attr.size.is_some() {
        mask |= IN_MODIFY;
    }
    mask |= match (attr.atime.is_some(), attr.mtime.is_some()) {
        (true, true) => IN_ATTRIB,
        (true, false) => IN_ACCESS,
        (false, true) => IN_MODIFY,
        (false, false) => 0,
    };
    let _ = at(dentry, None, mask); // nobody is asked
}

/// Extended attributes were changed.
pub(crate) fn attributes(dentry: &Dentry) {
    if active() {
        let _ = at(dentry, None, IN_ATTRIB); // nobody is asked
    }
}

/// `inode` has a new name in `dir`; `linked`: besides others.
pub(crate) fn created(dir: &Inode, inode: &Inode, name: &[u8], linked: bool) {
    if active() {
        if linked {
            tell(inode, IN_ATTRIB, 0, &[]);
            tell_self(inode, IN_ATTRIB);
        }
        tell(dir, IN_CREATE | kind_bit(inode), 0, name);
        tell_entry(dir, inode, IN_CREATE, name, None);
    }
}

/// Takes `victim`, whose file the file system has removed, out of the cache and tells. Answers what is to be dropped once
/// the directory's lock is.
pub(crate) fn delete(dir: &Inode, victim: Arc<Dentry>) -> Option<Arc<Inode>> {
    victim.delete();
    let inode = victim.inode()?.clone();
    if !active() {
        return Some(inode);
    }
    if !inode.is_dir() {
        tell(&inode, IN_ATTRIB, 0, &[]);
        tell_self(&inode, IN_ATTRIB);
    }
    let mut name = [0; NAME_MAX];
    let len = name_of(&victim, &mut name);
    // The file's own end comes before its entry's, where nobody has it open.
    drop(victim);
    tell(dir, IN_DELETE | kind_bit(&inode), 0, &name[..len]);
    tell_entry(dir, &inode, IN_DELETE, &name[..len], None);
    Some(inode)
}

/// `inode` went from one name to another, in place of `replaced`.
pub(crate) fn renamed(
    inode: &Inode,
    (from, old): (&Inode, &[u8]),
    (to, new): (&Inode, &[u8]),
    replaced: Option<&Inode>,
) {
    if !active() {
        return;
    }
    let cookie = COOKIE.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let bit = kind_bit(inode);
    if core::ptr::eq(from, to) {
        tell(from, RENAMED | bit, 0, old);
    }
    tell_entry(from, inode, fan::FAN_RENAME, old, Some((to, new)));
    tell(from, IN_MOVED_FROM | bit, cookie, old);
    tell_entry(from, inode, IN_MOVED_FROM, old, None);
    tell(to, IN_MOVED_TO | bit, cookie, new);
    tell_entry(to, inode, IN_MOVED_TO, new, None);
    if let Some(replaced) = replaced {
        tell(replaced, IN_ATTRIB | kind_bit(replaced), 0, &[]);
        tell_self(replaced, IN_ATTRIB);
    }
    tell(inode, IN_MOVE_SELF, 0, &[]);
    tell_self(inode, IN_MOVE_SELF);
}

/// The last user of a removed name is gone: with the last name the file is.
#[inline]
pub(crate) fn name_dropped(inode: &Inode) {
    if active() && inode.nlink() == 0 && Places::of(inode).any_watched() {
        gone(inode);
    }
}

#[cold]
fn gone(inode: &Inode) {
    tell(inode, IN_DELETE_SELF, 0, &[]);
    tell_self(inode, IN_DELETE_SELF);
    if inode.watched.load(Ordering::Relaxed) {
        end_inode(inode);
    }
}

/// The inode goes out of memory; what still watches it did not hold it.
#[inline]
pub(crate) fn evicted(inode: &Inode) {
    if inode.watched.load(Ordering::Relaxed) {
        end_inode(inode);
    }
}

/// The mount is gone.
pub(crate) fn mount_gone(mount: &Mount) {
    if mount.watched.load(Ordering::Relaxed) {
        end_mount(mount);
    }
}

/// The last mount of a file system is gone.
pub(crate) fn unmounted(sb: &SuperBlock) {
    if active() {
        end_sb(sb);
    }
}
