//! ioctl(2) on a block special file: what every disk answers. The rest is the driver's.
//!
//! Specification: blockdev(8) names the commands; Linux' include/uapi/linux/fs.h has their shapes.
use crate::disk::{Disk, Opened};
use crate::{SECTOR, is_admin};
use abi::ioctl::{
    BLKALIGNOFF, BLKBSZGET, BLKBSZSET, BLKDISCARD, BLKDISCARDZEROES, BLKFLSBUF, BLKFRAGET,
    BLKFRASET, BLKGETDISKSEQ, BLKGETSIZE, BLKGETSIZE64, BLKIOMIN, BLKIOOPT, BLKPBSZGET, BLKRAGET,
    BLKRASET, BLKROGET, BLKROSET, BLKROTATIONAL, BLKRRPART, BLKSECDISCARD, BLKSECTGET, BLKSSZGET,
    BLKZEROOUT,
};
use abi::zerocopy::{Immutable, IntoBytes};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::sync::Arc;
use kmem::user::{self, UserAddr};

/// `HDIO_GETGEO`: a loop device has no geometry, and no other disk is there yet.
const HDIO_GETGEO: u32 = 0x301;

/// What Linux moves at once at most. Here a call is never cut, but programs size their pieces by it.
const MOST_SECTORS: u16 = 2560;

/// Answers a command.
///
/// # Errors
/// EACCES: only the administrator may; EBADF: the file must be open for writing; EBUSY: somebody has the disk to himself;
/// EPERM: it is read-only; EINVAL, EFAULT, ENOTTY, EOPNOTSUPP; EIO.
pub(crate) fn ioctl(disk: &Arc<Disk>, how: Opened, cmd: u32, arg: usize) -> Result<usize> {
    match cmd {
        BLKGETSIZE => put(arg, &(disk.size() / SECTOR)),
        BLKGETSIZE64 => put(arg, &disk.size()),
        BLKSSZGET | BLKPBSZGET | BLKIOMIN => put(arg, &disk.block_size()),
        BLKIOOPT | BLKALIGNOFF | BLKDISCARDZEROES => put(arg, &0_u32),
        BLKSECTGET => put(arg, &MOST_SECTORS),
        BLKROTATIONAL => put(arg, &0_u16),
        BLKBSZGET => put(arg, &disk.soft_block_size()),
        BLKBSZSET => set_soft_block_size(disk, how, arg),
        BLKROGET => put(arg, &u32::from(disk.is_read_only())),
        BLKROSET => {
            require_admin()?;
            let read_only: u32 = user::read(UserAddr(arg))?;
            disk.set_read_only(read_only != 0);
            Ok(0)
        }
        BLKFLSBUF => {
            require_admin()?;
            disk.flush().map(|()| 0)
        }
        BLKRAGET | BLKFRAGET if arg == 0 => Err(Errno::EINVAL),
        BLKRAGET | BLKFRAGET => {
            let pages = u64::from(disk.read_ahead_pages());
            put(arg, &(pages * (PAGE_SIZE as u64 / SECTOR)))
        }
        BLKRASET | BLKFRASET => {
            require_admin()?;
            let pages = arg / (PAGE_SIZE / SECTOR as usize);
            disk.set_read_ahead_pages(u32::try_from(pages).unwrap_or(u32::MAX));
            Ok(0)
        }
        BLKGETDISKSEQ => put(arg, &disk.sequence()),
        BLKDISCARD | BLKSECDISCARD | BLKZEROOUT if !how.writes => Err(Errno::EBADF),
        BLKDISCARD => discard(disk, arg),
        BLKSECDISCARD => Err(Errno::EOPNOTSUPP),
        BLKZEROOUT => zero_out(disk, arg),
        // There are no partitions.
        BLKRRPART => {
            require_admin()?;
            Err(Errno::EINVAL)
        }
        HDIO_GETGEO if arg == 0 => Err(Errno::EINVAL),
        HDIO_GETGEO => Err(Errno::ENOTTY),
        _ => disk.ops().ioctl(disk, how, cmd, arg),
    }
}

fn put<T: IntoBytes + Immutable>(arg: usize, value: &T) -> Result<usize> {
    user::write(UserAddr(arg), value)?;
    Ok(0)
}

fn require_admin() -> Result<()> {
    if is_admin() {
        Ok(())
    } else {
        Err(Errno::EACCES)
    }
}

fn set_soft_block_size(disk: &Disk, how: Opened, arg: usize) -> Result<usize> {
    require_admin()?;
    if arg == 0 {
        return Err(Errno::EINVAL);
    }
    let size: u32 = user::read(UserAddr(arg))?;
    let _claim = if how.alone { None } else { Some(disk.claim()?) };
    let fits = (disk.block_size()..=PAGE_SIZE as u32).contains(&size);
    if !fits || !size.is_power_of_two() {
        return Err(Errno::EINVAL);
    }
    disk.set_soft_block_size(size);
    Ok(0)
}

/// Start and end of what a pair of numbers at `arg`, start and length, names. EINVAL: no whole sectors.
fn range(arg: usize) -> Result<(u64, u64)> {
    let [start, len]: [u64; 2] = user::read(UserAddr(arg))?;
    if (start | len) % SECTOR != 0 {
        return Err(Errno::EINVAL);
    }
    let end = start.checked_add(len).ok_or(Errno::EINVAL)?;
    Ok((start, end))
}

/// Whether a range is not empty, of whole blocks and on the disk.
fn require_inside(disk: &Disk, start: u64, end: u64) -> Result<()> {
    let whole = (start | end) & u64::from(disk.block_size() - 1) == 0;
    if start < end && end <= disk.size() && whole {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

fn discard(disk: &Disk, arg: usize) -> Result<usize> {
    if !disk.discards() {
        return Err(Errno::EOPNOTSUPP);
    }
    let (start, end) = range(arg)?;
    if end > disk.size() {
        return Err(Errno::EINVAL);
    }
    if disk.is_read_only() {
        return Err(Errno::EPERM);
    }
    require_inside(disk, start, end)?;
    disk.discard(start, end).map(|()| 0)
}

fn zero_out(disk: &Disk, arg: usize) -> Result<usize> {
    let (start, end) = range(arg)?;
    require_inside(disk, start, end)?;
    disk.write_zeros(start, end).map(|()| 0)
}
