//! Regular files of hugetlbfs.
use crate::evict;
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use core::fmt;
use kmem::frame::{Frame, HUGE_SIZE};
use kmem::user::UserBuf;
use kmem::{PAGE_SIZE, try_arc};
use pagecache::{HugeCache, MapAccess, MapObject, MapToken, MapUser};
use vfs::{File, FileOps, FileOpsRef, Inode, InodeOps, Io, Kstat, OpenArgs};

const SIZE: u64 = HUGE_SIZE as u64;

/// What stands behind the inode.
pub(crate) struct HugeFile {
    pub(crate) cache: HugeCache,
}

/// The operations of an open file.
pub(crate) struct OpenHuge;
pub(crate) static HUGE_FILE: OpenHuge = OpenHuge;

fn of(inode: &Inode) -> Result<&HugeCache> {
    let file = inode.ops_as::<HugeFile>().ok_or(Errno::EINVAL)?;
    // A mapping may have made it longer.
    if file.cache.size() != inode.size() {
        inode.set_size(file.cache.size());
    }
    Ok(&file.cache)
}

impl InodeOps for HugeFile {
    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(Some(FileOpsRef::shared(&HUGE_FILE)))
    }

    fn getattr(&self, _inode: &Inode, stat: &mut Kstat) {
        stat.size = self.cache.size();
        stat.blksize = HUGE_SIZE as u32;
        stat.blocks = self.cache.nr_pages() * (SIZE / 512);
    }

    fn set_size(&self, inode: &Inode, size: u64) -> Result<()> {
        if !size.is_multiple_of(SIZE) {
            return Err(Errno::EINVAL);
        }
        let cache = of(inode)?;
        inode.may_resize(size)?;
        inode.set_size(size);
        cache.set_size(size);
        Ok(())
    }

    fn is_shared(&self, _inode: &Inode) -> bool {
        self.cache.is_shared()
    }

    fn evict(&self, inode: &Inode) {
        evict(inode);
    }
}

impl FileOps for OpenHuge {
    fn read(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let cache = of(file.inode())?;
        let mut done = 0;
        // By way of a page of our own: a piece of a huge one has no handle that outlasts it.
        let page = Frame::uninit()?;
        while io.pos < cache.size() && !buf.is_empty() {
            let offset = (io.pos % SIZE) as usize;
            let left = usize::try_from(cache.size() - io.pos).unwrap_or(usize::MAX);
            let len = (HUGE_SIZE - offset)
                .min(PAGE_SIZE)
                .min(left)
                .min(buf.remaining());
            let moved = match cache.lookup(io.pos / SIZE) {
                Some(huge) => {
                    page.copy_huge(&huge, offset, len);
                    buf.copy_frame_to(&page, 0, len)
                }
                None => buf.zero(len),
            };
            let n = match moved {
                Ok(n) => n,
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            };
            done += n;
            io.pos += n as u64;
            if n < len {
                break;
            }
        }
        if done > 0 {
            file.touch_access();
        }
        Ok(done)
    }

    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        of(file.inode())?;
        file.generic_seek(offset, whence)
    }

    fn mmap(&self, file: &Arc<File>) -> Result<Arc<dyn MapObject>> {
        of(file.inode())?;
        file.touch_access();
        Ok(try_arc(Mapped(file.clone()))?)
    }

    fn fsync(&self, _file: &File, _data_only: bool) -> Result<()> {
        Ok(())
    }

    fn fallocate(&self, file: &File, mode: u32, offset: u64, len: u64) -> Result<()> {
        let inode = file.inode();
        let end = offset + len;
        let keep = mode & raw::FALLOC_FL_KEEP_SIZE != 0;
        let _lock = inode.lock();
        let cache = of(inode)?;
        match mode & !raw::FALLOC_FL_KEEP_SIZE {
            0 => {
                inode.may_resize(end.max(inode.size()))?;
                cache.bring_in_all(offset / SIZE, end.div_ceil(SIZE))?;
                if !keep && end > inode.size() {
                    cache.lengthen(end);
                    inode.set_size(end);
                }
            }
            raw::FALLOC_FL_PUNCH_HOLE => {
                inode.may_change()?;
                cache.punch_bytes(offset, end);
            }
            _ => return Err(Errno::EOPNOTSUPP),
        }
        inode.touch_modified();
        Ok(())
    }

    fn fcntl(&self, file: &File, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            raw::F_GETPIPE_SZ | raw::F_SETPIPE_SZ => Err(Errno::EBADF),
            raw::F_GET_SEALS => Ok(file.inode().seals() as usize),
            raw::F_ADD_SEALS => file.add_seals(arg as u32).map(|()| 0),
            _ => Err(Errno::EINVAL),
        }
    }
}

/// A file as mappings see it: as any, but of huge pages.
struct Mapped(Arc<File>);

impl Mapped {
    fn file(&self) -> &dyn MapObject {
        &*self.0
    }

    fn cache(&self) -> Result<&HugeCache> {
        let file = self.0.inode().ops_as::<HugeFile>();
        file.map(|file| &file.cache).ok_or(Errno::EIO)
    }
}

impl MapObject for Mapped {
    fn page(&self, _index: u64, _access: MapAccess) -> Result<Frame> {
        Err(Errno::EFAULT)
    }
    fn huge(&self) -> Option<&HugeCache> {
        self.cache().ok()
    }
    fn identity(&self) -> u64 {
        self.cache().map_or(0, HugeCache::identity)
    }
    fn size(&self) -> u64 {
        self.cache().map_or(0, HugeCache::size)
    }
    fn dev_ino(&self) -> (u64, u64) {
        self.file().dev_ino()
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        self.file().write_path(out)
    }
    fn may_write(&self) -> bool {
        self.file().may_write()
    }
    fn share(&self, writes: bool) -> Result<()> {
        self.file().share(writes)
    }
    fn may_exec(&self) -> bool {
        self.file().may_exec()
    }
    fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        self.cache()?.attach(user)
    }
    fn detach(&self, token: MapToken) {
        if let Ok(cache) = self.cache() {
            cache.detach(token);
        }
    }
    fn punch(&self, from: u64, to: u64) -> Result<()> {
        self.file().punch(from, to)
    }
}
