//! Regular files over the page cache, and what opening does by default.
use crate::chrdev;
use crate::notify;
use crate::objects::{File, FileOps, FileOpsRef, Inode, OpenArgs};
use crate::special;
use crate::types::Io;
use crate::types::{FileMode, FileType, SetAttr};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result, raw};
use alloc::sync::{Arc, Weak};
use core::fmt;
use cred::cap;
use kmem::user::UserBuf;
use pagecache::{Frame, MapAccess, MapObject, MapToken, MapUser};

/// Files whose data is in the inode's page cache.
pub struct RegularFile;

/// The operations of every file whose data is in the inode's page cache.
pub static REGULAR: RegularFile = RegularFile;

/// Files that only name a place (`O_PATH`), and symbolic links.
struct NoFile;
static NO_FILE: NoFile = NoFile;
impl FileOps for NoFile {}

/// The operations of an `O_PATH` file.
pub(crate) fn path_ops() -> FileOpsRef {
    FileOpsRef::shared(&NO_FILE)
}

/// Opens by the kind of the inode. ENXIO: no such device, or a socket; ENODEV.
pub(crate) fn open_by_kind(inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
    match inode.kind() {
        FileType::Regular if inode.cache().is_some() => Ok(FileOpsRef::shared(&REGULAR)),
        FileType::CharDevice => chrdev::open(inode.rdev(), inode, args),
        FileType::Fifo => special::open_fifo(inode, args),
        FileType::BlockDevice => special::open_block(inode, args),
        FileType::Socket => Err(Errno::ENXIO),
        _ => Err(Errno::EINVAL),
    }
}

impl FileOps for RegularFile {
    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn read(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let cache = file.inode().cache().ok_or(Errno::EINVAL)?;
        let n = cache.read(io.pos, file.inode().size(), buf)?;
        io.pos += n as u64;
        // At the end, too.
        file.touch_access();
        Ok(n)
    }

    fn write(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let inode = file.inode();
        let cache = inode.cache().ok_or(Errno::EINVAL)?;
        if buf.is_empty() {
            return Ok(0);
        }
        let _lock = inode.lock();
        if io.append {
            io.pos = inode.size();
        }
        limit_write(inode, buf, io)?;
        inode.limit_sealed(buf, io.pos)?;
        drop_setid(file)?;
        let n = cache.write(io.pos, buf)?;
        io.pos += n as u64;
        if io.pos > inode.size() {
            inode.set_size(io.pos);
        }
        inode.touch_modified();
        inode.sb().mark_dirty();
        if io.sync {
            cache.sync((io.pos - n as u64) >> PAGE_SHIFT, io.pos >> PAGE_SHIFT)?;
        }
        Ok(n)
    }

    fn mmap(&self, file: &Arc<File>) -> Result<Arc<dyn MapObject>> {
        file.touch_access();
        Ok(file.clone())
    }

    fn fsync(&self, file: &File, _data_only: bool) -> Result<()> {
        file.inode()
            .cache()
            .map_or(Ok(()), |cache| cache.sync(0, u64::MAX))
    }

    fn fcntl(&self, file: &File, cmd: u32, arg: usize) -> Result<usize> {
        let memory = file.inode().cache().is_some_and(|cache| cache.is_memory());
        match cmd {
            raw::F_GETPIPE_SZ | raw::F_SETPIPE_SZ => Err(Errno::EBADF),
            raw::F_GET_SEALS if memory => Ok(file.inode().seals() as usize),
            raw::F_ADD_SEALS if memory => file.add_seals(arg as u32).map(|()| 0),
            _ => Err(Errno::EINVAL),
        }
    }

    fn fallocate(&self, file: &File, mode: u32, offset: u64, len: u64) -> Result<()> {
        let inode = file.inode();
        let cache = inode.cache().ok_or(Errno::EOPNOTSUPP)?;
        let end = offset + len;
        let keep = mode & raw::FALLOC_FL_KEEP_SIZE != 0;
        let _lock = inode.lock();
        match mode & !raw::FALLOC_FL_KEEP_SIZE {
            0 => {
                if !keep {
                    inode.may_resize(end.max(inode.size()))?;
                }
                cache.bring_in_all(offset >> PAGE_SHIFT, end.div_ceil(PAGE_SIZE as u64))?;
                if !keep && end > inode.size() {
                    inode.set_size(end);
                }
            }
            raw::FALLOC_FL_PUNCH_HOLE if keep => {
                inode.may_change()?;
                cache.punch(offset, end);
            }
            _ => return Err(Errno::EOPNOTSUPP),
        }
        drop_setid(file)?;
        inode.touch_modified();
        notify::file(file, raw::IN_MODIFY);
        Ok(())
    }
}

/// Cuts a write to what the limits allow. EFBIG: nothing is.
fn limit_write(inode: &Inode, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<()> {
    let allow = |limit: u64| limit.checked_sub(io.pos).filter(|room| *room > 0);
    let Some(room) = allow(io.fsize_limit) else {
        io.over_limit = true;
        return Err(Errno::EFBIG);
    };
    let room = room.min(allow(inode.sb().max_size()).ok_or(Errno::EFBIG)?);
    buf.limit(usize::try_from(room).unwrap_or(usize::MAX));
    Ok(())
}

/// A write takes the file's capabilities away, and by somebody without privilege the set-id bits.
fn drop_setid(file: &File) -> Result<()> {
    let inode = file.inode();
    inode.drop_file_caps();
    let Some(mode) = inode.mode_without_setid() else {
        return Ok(());
    };
    if file
        .cred()
        .capable_over(inode.uid(), inode.gid(), cap::FSETID)
    {
        return Ok(());
    }
    let attr = SetAttr {
        mode: Some(mode),
        ..SetAttr::default()
    };
    inode.ops().setattr(inode, &attr)?;
    notify::changed(file.dentry(), &attr);
    Ok(())
}

impl MapObject for File {
    fn page(&self, index: u64, access: MapAccess) -> Result<Frame> {
        let cache = self.inode().cache().ok_or(Errno::EFAULT)?;
        if index >= self.inode().size().div_ceil(PAGE_SIZE as u64) {
            return Err(Errno::EFAULT);
        }
        let page = cache.get_page(index)?;
        if access == MapAccess::Write {
            page.meta().set_flags(kmem::frame::PageFlags::DIRTY);
            self.inode().touch_modified();
        }
        Ok(page)
    }

    fn cached(&self, index: u64) -> Option<Frame> {
        if index >= self.inode().size().div_ceil(PAGE_SIZE as u64) {
            return None;
        }
        self.inode().cache()?.lookup(index)
    }

    fn cached_range(&self, first: u64, pages: &mut [Option<Frame>]) {
        let end = self.inode().size().div_ceil(PAGE_SIZE as u64);
        let len = pages.len().min(end.saturating_sub(first) as usize);
        if let Some(cache) = self.inode().cache() {
            cache.lookup_range(first, &mut pages[..len]);
        }
    }

    fn identity(&self) -> u64 {
        self.inode()
            .cache()
            .map_or(0, pagecache::PageCache::identity)
    }

    fn size(&self) -> u64 {
        self.inode().size()
    }

    fn dev_ino(&self) -> (u64, u64) {
        (self.inode().sb().dev(), self.inode().ino())
    }

    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let path = self.path().to_bytes().map_err(|_| fmt::Error)?;
        crate::write_bytes(out, &path)
    }

    fn may_write(&self) -> bool {
        self.mode().contains(FileMode::WRITE) && self.may_share(true).is_ok()
    }

    fn share(&self, writes: bool) -> Result<()> {
        self.may_share(writes)
    }

    fn may_exec(&self) -> bool {
        !self.path().mnt.flags().contains(crate::MountFlags::NOEXEC)
    }

    fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        self.inode()
            .cache()
            .map_or(Ok(MapToken::NONE), |cache| cache.attach(user))
    }

    fn detach(&self, token: MapToken) {
        if let Some(cache) = self.inode().cache() {
            cache.detach(token);
        }
    }

    fn punch(&self, from: u64, to: u64) -> Result<()> {
        let mode = raw::FALLOC_FL_PUNCH_HOLE | raw::FALLOC_FL_KEEP_SIZE;
        self.ops().fallocate(self, mode, from, to - from)
    }

    fn sync(&self, first: u64, last: u64) -> Result<()> {
        self.inode()
            .cache()
            .map_or(Ok(()), |cache| cache.sync(first, last))
    }
}
