//! Directories.
use crate::{evict, limits, new_inode};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use kmem::try_box;
use kmem::user::UserBuf;
use sync::{LockClass, Mutex, rank};
use vfs::{
    AFTER_DOTS, Caching, Dentry, DirEntry, DirSink, File, FileOps, FileOpsRef, FileType, Inode,
    InodeOps, Io, Name, NewNode, OpenArgs, RenameFlags, RenameTarget, Sink, emit_dots,
};
use xarray::XArray;

static INDEX: LockClass = LockClass::new("tmpfs.index", rank::DIR_INDEX);

/// What an entry adds to the size of its directory.
pub(crate) const ENTRY_SIZE: u64 = 20;

/// A directory: its entries by position. The position of an entry is also its dentry's cookie.
pub(crate) struct Directory {
    index: Mutex<Index>,
}

struct Index {
    /// In boxes, so that a node of the index stays small.
    entries: XArray<Box<Entry>>,
    next: u64,
}

struct Entry {
    name: Name,
    ino: u64,
    kind: FileType,
}

impl Entry {
    fn new(name: &Dentry, inode: &Inode) -> Result<Self> {
        let name = name.name()?;
        Ok(Self {
            name: Name::new(&name)?,
            ino: inode.ino(),
            kind: inode.kind(),
        })
    }
}

/// The directory behind an inode of one.
fn of(inode: &Inode) -> Result<&Directory> {
    inode.ops_as().ok_or(Errno::ENOTDIR)
}

impl Directory {
    pub(crate) const fn new() -> Self {
        Self {
            index: Mutex::new(
                &INDEX,
                Index {
                    entries: XArray::new(),
                    next: AFTER_DOTS,
                },
            ),
        }
    }

    /// Enters `inode` under the name of `dentry`.
    fn enter(&self, dir: &Inode, dentry: &Dentry, inode: &Inode) -> Result<()> {
        let entry = try_box(Entry::new(dentry, inode)?)?;
        let mut index = self.index.lock();
        let at = index.next;
        index
            .entries
            .insert_alloc(at, entry)
            .map_err(|_| Errno::ENOMEM)?;
        index.next += 1;
        dentry.set_cookie(at);
        drop(index);
        dir.set_size(dir.size() + ENTRY_SIZE);
        dir.touch_modified();
        Ok(())
    }

    fn remove(&self, dir: &Inode, dentry: &Dentry) {
        let gone = self.index.lock().entries.remove(dentry.cookie());
        if gone.is_some() {
            dir.set_size(dir.size() - ENTRY_SIZE);
        }
        dir.touch_modified();
    }

    /// Puts another inode behind an entry.
    fn retarget(&self, dir: &Inode, cookie: u64, inode: &Inode) {
        if let Some(entry) = self.index.lock().entries.get_mut(cookie) {
            (entry.ino, entry.kind) = (inode.ino(), inode.kind());
        }
        dir.touch_modified();
    }
}

/// The inode of an entry that exists.
fn inode_of(dentry: &Dentry) -> Result<&Arc<Inode>> {
    dentry.inode().ok_or(Errno::ENOENT)
}

impl InodeOps for Directory {
    fn caching(&self) -> Caching {
        Caching::Complete
    }

    fn create(&self, dir: &Arc<Inode>, dentry: &Dentry, new: &NewNode<'_>) -> Result<Arc<Inode>> {
        let limits = limits(dir)?;
        limits.take_inode()?;
        let inode = new_inode(dir.sb(), limits, new)?;
        self.enter(dir, dentry, &inode)?;
        if inode.is_dir() {
            dir.inc_nlink();
        }
        Ok(inode)
    }

    fn tmpfile(&self, dir: &Arc<Inode>, new: &NewNode<'_>) -> Result<Arc<Inode>> {
        let limits = limits(dir)?;
        limits.take_inode()?;
        let inode = new_inode(dir.sb(), limits, new)?;
        inode.set_nlink(0);
        Ok(inode)
    }

    fn link(&self, dir: &Arc<Inode>, dentry: &Dentry, inode: &Arc<Inode>) -> Result<()> {
        self.enter(dir, dentry, inode)?;
        inode.inc_nlink();
        inode.touch_changed();
        Ok(())
    }

    fn unlink(&self, dir: &Arc<Inode>, dentry: &Dentry) -> Result<()> {
        let inode = inode_of(dentry)?;
        self.remove(dir, dentry);
        inode.dec_nlink();
        inode.touch_changed();
        Ok(())
    }

    fn rmdir(&self, dir: &Arc<Inode>, dentry: &Dentry) -> Result<()> {
        if dentry.has_children() {
            return Err(Errno::ENOTEMPTY);
        }
        let inode = inode_of(dentry)?;
        self.remove(dir, dentry);
        dir.dec_nlink();
        inode.set_nlink(0);
        Ok(())
    }

    fn rename(&self, from: &Arc<Inode>, old: &Dentry, to: &RenameTarget<'_>) -> Result<()> {
        let inode = inode_of(old)?;
        let target = of(to.dir)?;
        let replaced = to.dentry.inode();
        if to.flags.contains(RenameFlags::EXCHANGE) {
            let other = replaced.ok_or(Errno::ENOENT)?;
            let (here, there) = (old.cookie(), to.dentry.cookie());
            self.retarget(from, here, other);
            target.retarget(to.dir, there, inode);
            old.set_cookie(there);
            to.dentry.set_cookie(here);
            match (inode.is_dir(), other.is_dir()) {
                (true, false) => move_link(from, to.dir),
                (false, true) => move_link(to.dir, from),
                _ => {}
            }
            inode.touch_changed();
            other.touch_changed();
            return Ok(());
        }
        if let Some(replaced) = replaced {
            if replaced.is_dir() && to.dentry.has_children() {
                return Err(Errno::ENOTEMPTY);
            }
            // Its entry becomes that of what is moved: nothing that could fail.
            let there = to.dentry.cookie();
            target.retarget(to.dir, there, inode);
            self.remove(from, old);
            old.set_cookie(there);
            if replaced.is_dir() {
                replaced.set_nlink(0);
                from.dec_nlink();
            } else {
                replaced.dec_nlink();
            }
            replaced.touch_changed();
        } else {
            target.enter(to.dir, to.dentry, inode)?;
            self.remove(from, old);
            old.set_cookie(to.dentry.cookie());
            if inode.is_dir() {
                move_link(from, to.dir);
            }
        }
        inode.touch_changed();
        Ok(())
    }

    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(Some(FileOpsRef::shared(&OpenDirectory)))
    }

    fn evict(&self, inode: &Inode) {
        evict(inode);
    }
}

/// A subdirectory went from one directory to another.
fn move_link(from: &Inode, to: &Inode) {
    from.dec_nlink();
    to.inc_nlink();
}

/// An open directory.
struct OpenDirectory;

impl FileOps for OpenDirectory {
    fn read(&self, _file: &File, _buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn readdir(&self, file: &File, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        if emit_dots(file, pos, sink)? == Sink::Full {
            return Ok(());
        }
        let index = of(file.inode())?.index.lock();
        let ended = index.entries.for_each_from(*pos, |at, entry| {
            let found = DirEntry {
                name: entry.name.as_bytes(),
                ino: entry.ino,
                kind: entry.kind,
                next: at + 1,
            };
            sink.give(&found, pos)
        });
        ended.break_value().unwrap_or(Ok(()))
    }

    fn fsync(&self, _file: &File, _data_only: bool) -> Result<()> {
        Ok(())
    }
}
