//! The file system: one root directory, in which every queue is a file.
//!
//! Names are in the dentry cache, which is complete; an index of its own gives a directory's reader stable positions.
use crate::attr::Attr;
use crate::file::{self, MqFile};
use crate::limits::Limits;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use cred::{Kgid, Kuid};
use kmem::try_box;
use kmem::user::UserBuf;
use sync::{LockClass, Mutex, rank};
use vfs::{
    AFTER_DOTS, Caching, Dentry, DirEntry, DirSink, File, FileOps, FileOpsRef, FileType, Inode, InodeOps, Io, Name, NewInode, NewNode, OpenArgs, Sink, SuperBlock, SuperOps,
    emit_dots,
};
use xarray::XArray;

static INDEX: LockClass = LockClass::new("mqueue.index", rank::DIR_INDEX);

/// What statfs(2) says.
const MAGIC: u64 = 0x1980_0202;
/// What an entry adds to the size of the directory.
const ENTRY_SIZE: u64 = 20;

/// The file system of one set of queues.
struct MqSuper {
    limits: Arc<Limits>,
}

impl SuperOps for MqSuper {}

/// A new one, empty. ENOMEM.
pub(crate) fn superblock(limits: &Arc<Limits>) -> Result<Arc<SuperBlock>> {
    let ops = try_box(MqSuper {
        limits: limits.clone(),
    })?;
    let sb = SuperBlock::new("mqueue", MAGIC, i64::MAX as u64, ops)?;
    let new = NewInode {
        ino: sb.next_ino(),
        mode: FileType::Directory.mode_bits() | 0o1777,
        uid: Kuid::ROOT,
        gid: Kgid::ROOT,
        nlink: 2,
        rdev: 0,
        cache: None,
    };
    let root = Inode::new(&sb, new, try_box(Root::new())?)?;
    sb.set_root(Dentry::new_root(root)?);
    Ok(sb)
}

/// The directory: its entries by position. The position of an entry is also its dentry's cookie.
struct Root {
    index: Mutex<Index>,
}

struct Index {
    entries: XArray<Box<Entry>>,
    next: u64,
}

struct Entry {
    name: Name,
    ino: u64,
}

impl Root {
    const fn new() -> Self {
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

    fn enter(&self, dentry: &Dentry, ino: u64) -> Result<()> {
        let name = dentry.name()?;
        let entry = try_box(Entry {
            name: Name::new(&name)?,
            ino,
        })?;
        let mut index = self.index.lock();
        let at = index.next;
        index
            .entries
            .insert_alloc(at, entry)
            .map_err(|_| Errno::ENOMEM)?;
        index.next += 1;
        dentry.set_cookie(at);
        Ok(())
    }
}

fn touch(inode: &Inode) {
    let now = vfs::now();
    inode.update_times(|times| (times.atime, times.mtime, times.ctime) = (now, now, now));
}

/// Makes a queue under the name of `dentry` in the root directory `dir`, with these attributes or the usual ones.
///
/// # Errors
/// `EINVAL`, `EOVERFLOW`: attributes that no queue can have; `EMFILE`: `RLIMIT_MSGQUEUE`; `ENOSPC`: there are as many as may
/// be; `ENOMEM`.
pub(crate) fn make(
    dir: &Arc<Inode>,
    dentry: &Dentry,
    new: &NewNode<'_>,
    attr: Option<Attr>,
) -> Result<Arc<Inode>> {
    let root: &Root = dir.ops_as().ok_or(Errno::ENOTDIR)?;
    let sb = dir.sb();
    let limits = &sb.ops_as::<MqSuper>().ok_or(Errno::EIO)?.limits;
    let ops = MqFile::new(limits, attr)?;
    let init = NewInode {
        ino: sb.next_ino(),
        mode: FileType::Regular.mode_bits() | new.mode,
        uid: new.uid,
        gid: new.gid,
        nlink: 1,
        rdev: 0,
        cache: None,
    };
    let inode = Inode::new(sb, init, try_box(ops)?)?;
    inode.set_size(file::SIZE);
    root.enter(dentry, inode.ino())?;
    dir.set_size(dir.size() + ENTRY_SIZE);
    touch(dir);
    Ok(inode)
}

impl InodeOps for Root {
    fn caching(&self) -> Caching {
        Caching::Complete
    }

    /// By open(2) with `O_CREAT` or mknod(2).
    fn create(&self, dir: &Arc<Inode>, dentry: &Dentry, new: &NewNode<'_>) -> Result<Arc<Inode>> {
        match new.kind {
            FileType::Regular => make(dir, dentry, new, None),
            _ => Err(Errno::EPERM),
        }
    }

    fn unlink(&self, dir: &Arc<Inode>, dentry: &Dentry) -> Result<()> {
        let inode = dentry.inode().ok_or(Errno::ENOENT)?;
        let gone = self.index.lock().entries.remove(dentry.cookie());
        drop(gone);
        dir.set_size(dir.size() - ENTRY_SIZE);
        touch(dir);
        inode.dec_nlink();
        inode.touch_changed();
        Ok(())
    }

    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(Some(FileOpsRef::shared(&OpenRoot)))
    }
}

/// The open directory.
struct OpenRoot;

impl FileOps for OpenRoot {
    fn read(&self, _file: &File, _buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Err(Errno::EISDIR)
    }

    fn readdir(&self, file: &File, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        if emit_dots(file, pos, sink)? == Sink::Full {
            return Ok(());
        }
        let root: &Root = file.inode().ops_as().ok_or(Errno::ENOTDIR)?;
        let index = root.index.lock();
        let ended = index.entries.for_each_from(*pos, |at, entry| {
            let found = DirEntry {
                name: entry.name.as_bytes(),
                ino: entry.ino,
                kind: FileType::Regular,
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
