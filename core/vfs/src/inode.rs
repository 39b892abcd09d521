//! Inodes: what a file is, apart from its names.
use crate::locklist::LockList;
use crate::notify;
use crate::objects::{CUSTOM, Inode, InodeExtra, InodeOps, LISTED, SuperBlock};
use crate::types::{Access, FileType, Kstat, PERM_MASK, SetAttr, SetTime, Times, now};
use crate::types::{Caching, NewInode};
use abi::{Errno, PAGE_SIZE, Result, raw};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, Ordering};
use cred::{Cred, Kgid, Kuid};
use kmem::try_arc;
use pagecache::PageCache;
use sync::{LockClass, Mutex, MutexGuard, Once, SeqLock, rank};

static DIR: LockClass = LockClass::new("inode.dir", rank::INODE_DIR);
static FILE: LockClass = LockClass::new("inode.file", rank::INODE);
static TIMES: LockClass = LockClass::new("inode.times", rank::INODE_TIMES);

impl Inode {
    /// An inode of `sb`. ENOMEM; EIO for a mode without a type.
    pub fn new(sb: &Arc<SuperBlock>, new: NewInode, ops: Box<dyn InodeOps>) -> Result<Arc<Self>> {
        let time = now();
        let kind = FileType::from_mode(new.mode).ok_or(Errno::EIO)?;
        try_arc(Self {
            ino: new.ino,
            kind,
            checks: AtomicU8::new(if ops.has_permission() { CUSTOM } else { 0 }),
            caching: ops.caching(),
            mode: AtomicU32::new(new.mode),
            uid: AtomicU32::new(new.uid.0),
            gid: AtomicU32::new(new.gid.0),
            nlink: AtomicU32::new(new.nlink),
            rdev: new.rdev,
            size: AtomicU64::new(0),
            writers: AtomicI32::new(0),
            times: SeqLock::new(
                &TIMES,
                Times {
                    atime: time,
                    mtime: time,
                    ctime: time,
                },
            ),
            lock: Mutex::new(
                if kind == FileType::Directory {
                    &DIR
                } else {
                    &FILE
                },
                (),
            ),
            locks: Once::new(),
            extra: Once::new(),
            linkable: AtomicBool::new(false),
            xattrs: Once::new(),
            seals: AtomicU32::new(0),
            watched: AtomicBool::new(false),
            cache: new.cache,
            sb: sb.clone(),
            ops,
        })
    }

    /// Its number in its file system.
    #[inline]
    pub const fn ino(&self) -> u64 {
        self.ino
    }
    /// What it is.
    #[inline]
    pub const fn kind(&self) -> FileType {
        self.kind
    }
    /// Whether it is a directory.
    #[inline]
    pub fn is_dir(&self) -> bool {
        self.kind == FileType::Directory
    }
    /// Type and permissions.
    #[inline]
    pub fn mode(&self) -> u32 {
        self.mode.load(Ordering::Relaxed)
    }
    /// Owner.
    #[inline]
    pub fn uid(&self) -> Kuid {
        Kuid(self.uid.load(Ordering::Relaxed))
    }
    /// Group.
    #[inline]
    pub fn gid(&self) -> Kgid {
        Kgid(self.gid.load(Ordering::Relaxed))
    }
    /// Number of names.
    #[inline]
    pub fn nlink(&self) -> u32 {
        self.nlink.load(Ordering::Relaxed)
    }
    /// Device number of a device node.
    pub const fn rdev(&self) -> u64 {
        self.rdev
    }
    /// Length in bytes.
    #[inline]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }
    /// Sets the length; the pages are the caller's affair.
    #[inline]
    pub fn set_size(&self, size: u64) {
        self.size.store(size, Ordering::Release);
    }
    /// How its entries are cached.
    #[inline]
    pub(crate) const fn caching(&self) -> Caching {
        self.caching
    }
    /// Its file system.
    #[inline]
    pub fn sb(&self) -> &Arc<SuperBlock> {
        &self.sb
    }
    /// What the file system does for it.
    #[inline]
    pub fn ops(&self) -> &dyn InodeOps {
        &*self.ops
    }
    /// The operations as the type they are, if they are of that type.
    pub fn ops_as<T: InodeOps>(&self) -> Option<&T> {
        (&*self.ops as &dyn Any).downcast_ref()
    }
    /// Its pages, if it has any.
    #[inline]
    pub fn cache(&self) -> Option<&PageCache> {
        self.cache.as_ref()
    }
    /// Its times.
    pub fn times(&self) -> Times {
        self.times.read()
    }
    /// Changes its times.
    pub fn update_times(&self, change: impl FnOnce(&mut Times)) {
        self.times.write(change);
    }
    /// Sets modification and change time to the present.
    pub fn touch_modified(&self) {
        let now = now();
        self.times.write(|t| (t.mtime, t.ctime) = (now, now));
    }
    /// Sets the change time to the present.
    pub fn touch_changed(&self) {
        let now = now();
        self.times.write(|t| t.ctime = now);
    }
    /// One name more.
    pub fn inc_nlink(&self) {
        self.nlink.fetch_add(1, Ordering::Relaxed);
    }
    /// One name less.
    pub fn dec_nlink(&self) {
        self.nlink.fetch_sub(1, Ordering::Relaxed);
    }
    /// Sets the number of names.
    pub fn set_nlink(&self, nlink: u32) {
        self.nlink.store(nlink, Ordering::Relaxed);
    }

    /// Takes its lock: changes of a directory's entries, writes and truncations of a file.
    #[inline]
    #[track_caller]
    pub fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock()
    }

    /// Its file locks, if it ever had any.
    pub(crate) fn lock_list(&self) -> Option<&LockList> {
        self.locks.get().map(|l| &**l)
    }

    /// Its file locks. ENOMEM.
    pub(crate) fn lock_list_or_new(&self) -> Result<&LockList> {
        if self.locks.get().is_none() {
            let _ = self.locks.set(kmem::try_box(LockList::new())?);
        }
        // A loser of the race finds the winner's list as soon as it is stored.
        Ok(self.locks.get_or_init(|| unreachable!("just set")))
    }

    /// Whether it never had a name and may get one (`O_TMPFILE`).
    pub fn is_linkable(&self) -> bool {
        self.linkable.load(Ordering::Relaxed)
    }

    pub(crate) fn set_linkable(&self, linkable: bool) {
        self.linkable.store(linkable, Ordering::Relaxed);
    }

    /// What a service keeps here: the pipe of a FIFO, the socket of a name.
    pub fn extra(&self) -> Option<&InodeExtra> {
        self.extra.get()
    }

    /// Keeps `extra` here unless something is kept already; answers what is kept.
    pub fn extra_or_set(&self, extra: InodeExtra) -> &InodeExtra {
        self.extra.get_or_init(|| extra)
    }

    /// What stat(2) tells.
    pub fn getattr(&self) -> Kstat {
        let times = self.times();
        let mut stat = Kstat {
            dev: self.sb.dev(),
            ino: self.ino,
            mode: self.mode(),
            nlink: self.nlink(),
            uid: self.uid(),
            gid: self.gid(),
            rdev: self.rdev,
            size: self.size(),
            blksize: PAGE_SIZE as u32,
            blocks: self
                .cache
                .as_ref()
                .map_or(0, |c| c.nr_pages() * (PAGE_SIZE as u64 / 512)),
            atime: times.atime,
            mtime: times.mtime,
            ctime: times.ctime,
            btime: None,
        };
        self.ops.getattr(self, &mut stat);
        stat
    }

    /// Changes what `attr` names, but the size, and the change time. No checks.
    pub fn apply(&self, attr: &SetAttr) {
        if let Some(mode) = attr.mode {
            let kind = self.kind.mode_bits();
            self.mode.store(kind | mode & PERM_MASK, Ordering::Relaxed);
        }
        if let Some(uid) = attr.uid {
            self.uid.store(uid.0, Ordering::Relaxed);
        }
        if let Some(gid) = attr.gid {
            self.gid.store(gid.0, Ordering::Relaxed);
        }
        let now = now();
        let time = |set: SetTime| match set {
            SetTime::Now => now,
            SetTime::To(time) => time,
        };
        self.times.write(|t| {
            t.ctime = now;
            t.atime = attr.atime.map_or(t.atime, time);
            t.mtime = attr.mtime.map_or(t.mtime, time);
        });
        self.sb.mark_dirty();
    }

    /// Notes that somebody opens it for writing. ETXTBSY while it is executed.
    pub fn get_write_access(&self) -> Result<()> {
        self.count_writer(1, |n| n >= 0)
    }

    /// Whether somebody has it open for writing.
    pub fn is_written(&self) -> bool {
        self.writers.load(Ordering::Relaxed) > 0
    }

    /// Ends what [`get_write_access`](Self::get_write_access) began.
    pub fn put_write_access(&self) {
        self.writers.fetch_sub(1, Ordering::Relaxed);
    }

    /// Notes that it is executed. ETXTBSY while somebody has it open for writing.
    pub fn deny_write_access(&self) -> Result<()> {
        self.count_writer(-1, |n| n <= 0)
    }

    /// Ends what [`deny_write_access`](Self::deny_write_access) began.
    pub fn allow_write_access(&self) {
        self.writers.fetch_add(1, Ordering::Relaxed);
    }

    fn count_writer(&self, step: i32, allowed: impl Fn(i32) -> bool) -> Result<()> {
        self.writers
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                allowed(n).then(|| n.wrapping_add(step))
            })
            .map(drop)
            .map_err(|_| Errno::ETXTBSY)
    }

    #[inline]
    fn checks(&self) -> u8 {
        self.checks.load(Ordering::Relaxed)
    }

    /// Whether `cred` may access it so. EACCES, EROFS.
    #[inline]
    pub fn permission(&self, cred: &Cred, access: Access) -> Result<()> {
        // Searching a directory that everybody may search: most of what a path walk asks.
        if access == Access::EXEC && self.checks() == 0 && self.mode() & 0o111 == 0o111 {
            return Ok(());
        }
        self.permission_slow(cred, access)
    }

    fn permission_slow(&self, cred: &Cred, access: Access) -> Result<()> {
        let on_disk = matches!(
            self.kind,
            FileType::Regular | FileType::Directory | FileType::Symlink
        );
        if access.contains(Access::WRITE) && on_disk && self.sb.is_read_only() {
            return Err(Errno::EROFS);
        }
        if self.checks() & CUSTOM != 0 {
            return self.ops.permission(self, cred, access);
        }
        self.generic_permission(cred, access)
    }

    /// The usual rule: owner, access list (acl(5)) or group and others, then capabilities (path_resolution(7),
    /// capabilities(7)). EACCES.
    pub fn generic_permission(&self, cred: &Cred, access: Access) -> Result<()> {
        let (mode, uid, gid) = (self.mode(), self.uid(), self.gid());
        let listed = self.checks() & LISTED != 0 && cred.fsuid != uid;
        let granted = if cred.fsuid == uid {
            mode >> 6
        } else if let Some(given) = listed.then(|| self.list_gives(cred, access)).flatten() {
            if given { 7 } else { 0 }
        } else if mode >> 3 & 7 != mode & 7 && cred.in_group(gid) {
            mode >> 3
        } else {
            mode
        };
        if access.bits() & !granted & 7 == 0 {
            return Ok(());
        }
        let capable = |cap| cred.capable_over(uid, gid, cap);
        let allowed = if self.is_dir() {
            capable(cred::cap::DAC_OVERRIDE)
                || (!access.contains(Access::WRITE) && capable(cred::cap::DAC_READ_SEARCH))
        } else {
            let runs = !access.contains(Access::EXEC) || mode & 0o111 != 0;
            (runs && capable(cred::cap::DAC_OVERRIDE))
                || (access == Access::READ && capable(cred::cap::DAC_READ_SEARCH))
        };
        if allowed { Ok(()) } else { Err(Errno::EACCES) }
    }

    /// Whether `cred` owns it or may act as if.
    pub fn owner_or_capable(&self, cred: &Cred) -> bool {
        cred.fsuid == self.uid() || cred.capable_over(self.uid(), self.gid(), cred::cap::FOWNER)
    }

    /// The mode that remains once somebody without privilege has written or truncated it, if it changes: set-id bits
    /// go, set-group-ID only with group execution.
    pub(crate) fn mode_without_setid(&self) -> Option<u32> {
        let mode = self.mode();
        if self.kind != FileType::Regular || mode & (raw::S_ISUID | raw::S_ISGID) == 0 {
            return None;
        }
        let mut kept = mode & !raw::S_ISUID;
        if mode & (raw::S_ISGID | raw::S_IXGRP) == raw::S_ISGID | raw::S_IXGRP {
            kept &= !raw::S_ISGID;
        }
        (kept != mode).then_some(kept)
    }
}

impl Drop for Inode {
    fn drop(&mut self) {
        notify::evicted(self);
        self.ops.evict(self);
    }
}
