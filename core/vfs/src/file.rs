//! Open files.
use crate::cost::{Cost, CostCounters};
use crate::count;
use crate::dnotify;
use crate::locks;
use crate::mount::MountFlags;
use crate::notify;
use crate::objects::{Dentry, File, FileOps, FileOpsRef, Inode, Path};
use crate::owner::FileOwner;
use crate::poll::{PollEvents, PollTable};
use crate::readdir::DirSink;
use crate::types::{FileMode, FileType, OpenFlags, Times, earlier_or_same, now};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use cred::Cred;
use kmem::try_arc;
use pagecache::MapObject;
use sync::{LockClass, Mutex, Once, rank};

static POS: LockClass = LockClass::new("file.pos", rank::FILE_POS);

impl File {
    /// A file of `path` that does what `ops` says. Notes writers and executors at the inode: ETXTBSY; ENFILE: there are
    /// too many; ENOMEM.
    pub fn new(
        path: Path,
        ops: FileOpsRef,
        flags: OpenFlags,
        cred: &Arc<Cred>,
    ) -> Result<Arc<Self>> {
        let inode = path.inode()?.clone();
        let mode = file_mode(&inode, &ops, flags);
        let regular = inode.kind() == FileType::Regular;
        count::opened(cred)?;
        let noted = if mode.contains(FileMode::WRITE) && regular {
            inode.get_write_access().map(|()| inode.sb().add_writer())
        } else if mode.contains(FileMode::EXEC) {
            inode.deny_write_access()
        } else {
            Ok(())
        };
        noted.inspect_err(|_| count::closed())?;
        let kept = flags.difference(
            OpenFlags::CREAT
                | OpenFlags::EXCL
                | OpenFlags::NOCTTY
                | OpenFlags::TRUNC
                | OpenFlags::CLOEXEC
                | OpenFlags::KERNEL,
        );
        // From here on a failure drops the file, which gives the counts back.
        try_arc(Self {
            ops,
            mode,
            flags: AtomicU32::new(kept.bits()),
            pos: AtomicU64::new(0),
            pos_lock: Mutex::new(&POS, ()),
            inode,
            path,
            has_locks: AtomicBool::new(false),
            owner: Once::new(),
            cred: cred.clone(),
            cost: Once::new(),
        })
    }

    /// What it does.
    #[inline]
    pub fn ops(&self) -> &dyn FileOps {
        &*self.ops
    }
    /// Its operations as the type they are, if they are of that type (a pipe end, an epoll set).
    pub fn ops_as<T: FileOps>(&self) -> Option<&T> {
        (&*self.ops as &dyn Any).downcast_ref()
    }
    /// Its operations, shared, as the type they are.
    pub fn ops_arc<T: FileOps>(&self) -> Option<Arc<T>> {
        let ops: Arc<dyn Any + Send + Sync> = self.ops.arc()?;
        ops.downcast().ok()
    }
    /// What it allows.
    #[inline]
    pub const fn mode(&self) -> FileMode {
        self.mode
    }
    /// Its flags as fcntl(F_GETFL) tells them.
    #[inline]
    pub fn flags(&self) -> OpenFlags {
        OpenFlags::from_bits_retain(self.flags.load(Ordering::Relaxed))
    }
    /// Whether `O_NONBLOCK` is set.
    #[inline]
    pub fn is_nonblock(&self) -> bool {
        self.flags().contains(OpenFlags::NONBLOCK)
    }
    /// Changes the flags that may change (`O_APPEND`, `O_ASYNC`, `O_DIRECT`, `O_NOATIME`, `O_NONBLOCK`), by a descriptor.
    pub fn set_flags(&self, flags: OpenFlags, fd: i32) -> Result<()> {
        let may = OpenFlags::APPEND
            | OpenFlags::ASYNC
            | OpenFlags::DIRECT
            | OpenFlags::NOATIME
            | OpenFlags::NONBLOCK;
        let old = self.flags();
        let new = old.difference(may) | flags.intersection(may);
        self.flags.store(new.bits(), Ordering::Relaxed);
        self.ops.flags_changed(self, old, fd).inspect_err(|_| {
            self.flags.store(old.bits(), Ordering::Relaxed);
        })
    }
    /// The inode.
    #[inline]
    pub fn inode(&self) -> &Arc<Inode> {
        &self.inode
    }
    /// Where it was opened.
    #[inline]
    pub fn path(&self) -> &Path {
        &self.path
    }
    /// The dentry.
    pub fn dentry(&self) -> &Arc<Dentry> {
        &self.path.dentry
    }
    /// Who opened it.
    pub fn cred(&self) -> &Arc<Cred> {
        &self.cred
    }
    /// The file position.
    #[inline]
    pub fn pos(&self) -> u64 {
        self.pos.load(Ordering::Relaxed)
    }
    /// Sets the file position, unchecked.
    #[inline]
    pub fn set_pos(&self, pos: u64) {
        self.pos.store(pos, Ordering::Relaxed);
    }
    /// Whether it is a directory.
    pub fn is_dir(&self) -> bool {
        self.inode.is_dir()
    }

    /// Whom SIGIO goes to, if anybody asked.
    pub fn owner(&self) -> Option<&FileOwner> {
        self.owner.get().map(|o| &**o)
    }

    /// Whom SIGIO goes to. ENOMEM.
    pub fn owner_or_new(&self) -> Result<&Arc<FileOwner>> {
        if self.owner.get().is_none() {
            let _ = self.owner.set(kmem::try_arc(FileOwner::new())?);
        }
        let owner = self.owner.get_or_init(|| unreachable!("just set"));
        self.ops.owned(self, owner);
        Ok(owner)
    }

    /// What calls by its descriptors have cost; none: none was counted.
    pub fn cost(&self) -> Option<Cost> {
        self.cost.get().map(|counters| counters.get())
    }

    /// Adds a call's cost. Its counters are made by the first; without memory for them that is left out.
    pub fn add_cost(&self, more: &Cost) {
        let counters = match self.cost.get() {
            Some(counters) => counters,
            None => {
                let Ok(fresh) = kmem::try_box(CostCounters::default()) else {
                    return;
                };
                self.cost.get_or_init(|| fresh)
            }
        };
        counters.add(more);
    }

    /// Whether poll means something; without, it is [always](PollEvents::ALWAYS) ready.
    #[inline]
    pub fn can_poll(&self) -> bool {
        self.mode.contains(FileMode::POLL)
    }

    /// What it is ready for.
    #[inline]
    pub fn poll(&self, table: &mut PollTable<'_>) -> PollEvents {
        if self.can_poll() {
            self.ops.poll(self, table)
        } else {
            PollEvents::ALWAYS
        }
    }

    /// What a memory mapping of it shows. EACCES: not open for reading; ENODEV.
    pub fn mmap(self: &Arc<Self>) -> Result<Arc<dyn MapObject>> {
        if !self.mode.contains(FileMode::READ) {
            return Err(Errno::EACCES);
        }
        self.ops.mmap(self)
    }

    /// Takes the lock that makes reads and writes at the file position exclude each other, where they do.
    #[inline]
    pub(crate) fn lock_pos(&self) -> Option<sync::MutexGuard<'_, ()>> {
        self.mode
            .contains(FileMode::ATOMIC_POS)
            .then(|| self.pos_lock.lock())
    }

    /// ESPIPE where positions mean nothing.
    pub fn require_seek(&self) -> Result<()> {
        if self.mode.contains(FileMode::SEEK) {
            Ok(())
        } else {
            Err(Errno::ESPIPE)
        }
    }

    /// Moves the file position (lseek(2)). ESPIPE, EINVAL, ENXIO.
    pub fn seek(&self, offset: i64, whence: u32) -> Result<u64> {
        if self.mode.contains(FileMode::PATH) {
            return Err(Errno::EBADF);
        }
        if whence > raw::SEEK_HOLE {
            return Err(Errno::EINVAL);
        }
        // Linux lets these be sought and stay where they are.
        if self.inode.kind() == FileType::Anonymous {
            return Ok(self.pos());
        }
        self.require_seek()?;
        let _pos = self.lock_pos();
        let pos = self.ops.seek(self, offset, whence)?;
        self.set_pos(pos);
        Ok(pos)
    }

    /// Hands directory entries from the file position on to `sink`. ENOTDIR, ENOENT: the directory was removed.
    pub fn read_dir(&self, sink: &mut dyn DirSink) -> Result<()> {
        if self.mode.contains(FileMode::PATH) {
            return Err(Errno::EBADF);
        }
        // A directory is never open for writing alone.
        if !self.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        notify::may_read(self)?;
        let _pos = self.lock_pos();
        let _dir = self.inode.lock();
        if self.dentry().is_deleted() {
            return Err(Errno::ENOENT);
        }
        let mut pos = self.pos();
        let result = self.ops.readdir(self, &mut pos, sink);
        self.set_pos(pos);
        self.touch_access();
        if result.is_ok() {
            notify::file(self, raw::IN_ACCESS);
        }
        result
    }

    /// The kernel reads a piece of it, to execute it: as read(2), those who watch are asked and told. EPERM.
    pub fn read_by_kernel(&self) -> Result<()> {
        notify::may_read(self)?;
        notify::file(self, raw::IN_ACCESS);
        Ok(())
    }

    /// Device control, the general commands aside.
    pub fn ioctl(&self, cmd: u32, arg: usize) -> Result<usize> {
        if self.mode.contains(FileMode::PATH) {
            return Err(Errno::EBADF);
        }
        self.ops.ioctl(self, cmd, arg)
    }

    /// Writes what it holds to where it is kept. EBADF, EINVAL, EIO.
    pub fn fsync(&self, data_only: bool) -> Result<()> {
        if self.mode.contains(FileMode::PATH) {
            return Err(Errno::EBADF);
        }
        self.ops.fsync(self, data_only)
    }

    /// A descriptor of it was closed by the owner of the table `table`: its record locks and its watch of a directory go.
    pub fn close(&self, table: u64) -> Result<()> {
        if self.has_locks.load(Ordering::Relaxed) || self.inode.lock_list().is_some() {
            locks::remove_posix(&self.inode, table);
            dnotify::end(self, Some(table));
        }
        self.ops.flush(self)
    }

    /// Notes that it was read, if access times are kept (relatime unless the mount says otherwise).
    pub fn touch_access(&self) {
        let forbids = MountFlags::NOATIME;
        if !self.flags().contains(OpenFlags::NOATIME) && !self.path.mnt.flags().intersects(forbids)
        {
            touch_access(&self.path);
        }
    }
}

/// Notes that `path` was read, by the rules of `relatime`: at most once between changes and once a day.
pub(crate) fn touch_access(path: &Path) {
    const DAY: i64 = 24 * 3600;
    let Some(inode) = path.dentry.inode() else {
        return;
    };
    let flags = path.mnt.flags();
    if flags.contains(MountFlags::NOATIME)
        || path.mnt.require_write().is_err()
        || (inode.is_dir() && flags.contains(MountFlags::NODIRATIME))
    {
        return;
    }
    let times: Times = inode.times();
    let stale = flags.contains(MountFlags::STRICTATIME)
        || earlier_or_same(times.atime, times.mtime)
        || earlier_or_same(times.atime, times.ctime);
    // Without a change since, the clock need not even be read within the day it was read last.
    let present = now();
    if stale && times.atime != present || present.tv_sec - times.atime.tv_sec >= DAY {
        inode.update_times(|t| t.atime = present);
    }
}

fn file_mode(inode: &Inode, ops: &FileOpsRef, flags: OpenFlags) -> FileMode {
    if flags.contains(OpenFlags::PATH) {
        return FileMode::PATH;
    }
    let mut mode = FileMode::empty();
    mode.set(FileMode::READ, flags.reads());
    mode.set(FileMode::WRITE, flags.writes());
    mode.set(FileMode::EXEC, flags.contains(OpenFlags::EXEC));
    mode.set(FileMode::QUIET, flags.contains(OpenFlags::QUIET));
    let seeks = !ops.is_stream();
    mode.set(FileMode::SEEK, seeks);
    let exact = matches!(inode.kind(), FileType::Regular | FileType::Directory);
    mode.set(FileMode::ATOMIC_POS, exact && seeks);
    mode.set(FileMode::POLL, ops.can_poll());
    mode
}

impl Drop for File {
    fn drop(&mut self) {
        count::closed();
        if self.mode.contains(FileMode::PATH) {
            return;
        }
        notify::file(
            self,
            match self.mode.contains(FileMode::WRITE) {
                true => raw::IN_CLOSE_WRITE,
                false => raw::IN_CLOSE_NOWRITE,
            },
        );
        self.ops.release(self);
        if self.has_locks.load(Ordering::Relaxed) {
            locks::remove_of_file(self);
            dnotify::end(self, None);
        }
        if self.mode.contains(FileMode::WRITE) && self.inode.kind() == FileType::Regular {
            self.inode.put_write_access();
            self.inode.sb().remove_writer();
        } else if self.mode.contains(FileMode::EXEC) {
            self.inode.allow_write_access();
        }
    }
}
