//! Reads and writes of the file behind a device.
use crate::configure;
use crate::format::LO_FLAGS_AUTOCLEAR;
use crate::state::{Loop, file_size};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use block::{Disk, DiskOps, Opened};
use kmem::user::UserBuf;
use vfs::File;

/// What the file says, as a disk says it: what is not the caller's doing is EIO.
fn of_disk(error: Errno) -> Errno {
    match error {
        Errno::EFAULT | Errno::EOPNOTSUPP | Errno::ERESTARTSYS | Errno::EINTR => error,
        _ => Errno::EIO,
    }
}

impl DiskOps for Loop {
    fn read(&self, pos: u64, buf: &mut UserBuf<'_>) -> Result<usize> {
        let backing = self.backing().map_err(of_disk)?;
        let wanted = buf.remaining();
        let mut io = backing.file.io_at(backing.offset + pos);
        io.nonblock = false;
        let n = backing.file.read_with(buf, &mut io).map_err(of_disk)?;
        // The file was cut after it became a disk: where it ends there are zeros.
        if n < wanted && io.pos >= file_size(&backing.file) {
            return match buf.zero(wanted - n) {
                Ok(zeros) => Ok(n + zeros),
                Err(_) if n > 0 => Ok(n),
                Err(error) => Err(error),
            };
        }
        Ok(n)
    }

    fn write(&self, pos: u64, buf: &mut UserBuf<'_>) -> Result<usize> {
        let backing = self.backing().map_err(of_disk)?;
        let mut io = backing.file.io_at(backing.offset + pos);
        (io.nonblock, io.append, io.sync) = (false, false, false);
        backing.file.write_with(buf, &mut io).map_err(of_disk)
    }

    fn flush(&self) -> Result<()> {
        let backing = self.backing().map_err(of_disk)?;
        match backing.file.fsync(false) {
            // It is not kept anywhere.
            Err(Errno::EINVAL) => Ok(()),
            result => result.map_err(of_disk),
        }
    }

    fn discard(&self, from: u64, to: u64) -> Result<()> {
        let backing = self.backing().map_err(of_disk)?;
        let (file, start) = (&backing.file, backing.offset + from);
        let mode = raw::FALLOC_FL_PUNCH_HOLE | raw::FALLOC_FL_KEEP_SIZE;
        let punched = file.ops().fallocate(file, mode, start, to - from);
        punched.map_err(of_disk)
    }

    fn ioctl(&self, disk: &Arc<Disk>, how: Opened, cmd: u32, arg: usize) -> Result<usize> {
        configure::ioctl(disk, self, how, cmd, arg)
    }

    fn last_close(&self, disk: &Disk) -> Option<Arc<File>> {
        let backing = self.backing().ok()?;
        if backing.flags & LO_FLAGS_AUTOCLEAR == 0 {
            return None;
        }
        configure::clear_at_close(disk, self)
    }
}
