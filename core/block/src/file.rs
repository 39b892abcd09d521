//! Open block special files: read, write, lseek, fsync, fallocate.
use crate::control;
use crate::disk::{Disk, Opened};
use crate::registry;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use kmem::user::UserBuf;
use vfs::{BlockOpener, File, FileOps, FileOpsRef, FileType, Inode, Io, OpenArgs, OpenFlags};

/// Who opens block special files.
pub(crate) struct Opener;

impl BlockOpener for Opener {
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        let disk = registry::find_or_make(inode.rdev()).ok_or(Errno::ENXIO)?;
        let how = Opened {
            writes: args.flags.writes(),
            alone: args.flags.contains(OpenFlags::EXCL),
        };
        disk.open(how)?;
        // From here on dropping it closes the disk. Without memory for it nobody else does.
        let file = BlockFile {
            disk: disk.clone(),
            how,
        };
        Ok(FileOpsRef::own(kmem::try_arc(file)?))
    }
}

/// The operations of an open block special file.
pub struct BlockFile {
    disk: Arc<Disk>,
    how: Opened,
}

impl Drop for BlockFile {
    fn drop(&mut self) {
        self.disk.close(self.how);
    }
}

/// The disk that an open file is, if it is one.
pub fn disk_of(file: &File) -> Option<&Arc<Disk>> {
    if file.inode().kind() != FileType::BlockDevice {
        return None;
    }
    file.ops_as::<BlockFile>().map(|file| &file.disk)
}

impl BlockFile {
    /// Whether it may move `buf` at `pos` past every cache (`O_DIRECT`). EINVAL: not whole blocks, in memory or on the disk;
    /// of several ranges of memory the first alone is looked at.
    fn require_aligned(&self, file: &File, pos: u64, buf: &mut UserBuf<'_>) -> Result<()> {
        if !file.flags().contains(OpenFlags::DIRECT) {
            return Ok(());
        }
        let len = buf.remaining() as u64;
        let address = buf.segment().map_or(0, |(at, len)| at.0 | len) as u64;
        if (pos | len | address) & u64::from(self.disk.block_size() - 1) != 0 {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

impl FileOps for BlockFile {
    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn read(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let left = self.disk.size().saturating_sub(io.pos);
        buf.limit(usize::try_from(left).unwrap_or(usize::MAX));
        if buf.is_empty() {
            return Ok(0);
        }
        self.require_aligned(file, io.pos, buf)?;
        let n = self.disk.read(io.pos, buf)?;
        io.pos += n as u64;
        file.touch_access();
        Ok(n)
    }

    /// EPERM: the disk is read-only; ENOSPC: at its end or beyond.
    fn write(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if self.disk.is_read_only() {
            return Err(Errno::EPERM);
        }
        if buf.is_empty() {
            return Ok(0);
        }
        let left = self.disk.size().saturating_sub(io.pos);
        if left == 0 {
            return Err(Errno::ENOSPC);
        }
        buf.limit(usize::try_from(left).unwrap_or(usize::MAX));
        self.require_aligned(file, io.pos, buf)?;
        let n = self.disk.write(io.pos, buf)?;
        io.pos += n as u64;
        if io.sync {
            self.disk.flush()?;
        }
        Ok(n)
    }

    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        let size = self.disk.size() as i64;
        let base = match whence {
            raw::SEEK_SET => 0,
            raw::SEEK_CUR => file.pos() as i64,
            raw::SEEK_END => size,
            _ => return Err(Errno::EINVAL),
        };
        let pos = base.checked_add(offset);
        let pos = pos.filter(|pos| (0..=size).contains(pos));
        pos.map(|pos| pos as u64).ok_or(Errno::EINVAL)
    }

    fn fsync(&self, _file: &File, _data_only: bool) -> Result<()> {
        self.disk.flush()
    }

    fn fallocate(&self, _file: &File, mode: u32, offset: u64, len: u64) -> Result<()> {
        const KEEP: u32 = raw::FALLOC_FL_KEEP_SIZE;
        const PUNCH: u32 = raw::FALLOC_FL_PUNCH_HOLE | KEEP;
        const STALE: u32 = PUNCH | raw::FALLOC_FL_NO_HIDE_STALE;
        const ZERO: u32 = raw::FALLOC_FL_ZERO_RANGE;
        const ZERO_KEEP: u32 = ZERO | KEEP;
        let known = STALE | ZERO;
        if mode & !known != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let size = self.disk.size();
        let mut end = offset + len;
        if offset >= size || end > size && mode & KEEP == 0 {
            return Err(Errno::EINVAL);
        }
        end = end.min(size);
        if (offset | end) & u64::from(self.disk.block_size() - 1) != 0 {
            return Err(Errno::EINVAL);
        }
        match mode {
            ZERO | ZERO_KEEP => self.disk.write_zeros(offset, end),
            PUNCH | STALE if self.disk.is_read_only() => Err(Errno::EPERM),
            PUNCH | STALE if self.disk.discards() => self.disk.discard(offset, end),
            _ => Err(Errno::EOPNOTSUPP),
        }
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        control::ioctl(&self.disk, self.how, cmd, arg)
    }
}
