//! Block devices: disks by number, the files that open them, and what sysfs and /proc show of them.
//!
//! | module | holds |
//! |---|---|
//! | `disk` | [`Disk`] and what a driver does for it: [`DiskOps`]; who has it open |
//! | `registry` | disks by number, names of major numbers |
//! | `file` | [`BlockFile`]: the operations of an open block special file |
//! | `control` | ioctl(2): sizes, flags, discarding |
//! | `show` | adding and removing a disk; the attributes of sysfs |
//! | `stats` | counts of what a disk did |
//!
//! A driver reserves a major number ([`reserve_blkdev`]), makes a [`Disk`] with its own [`DiskOps`] and adds it. Reads and
//! writes go straight to the driver, in bytes: the first driver, loop, has its data in the page cache of another file, and
//! data moves once. What can only move whole sectors has to stand behind a page cache, which is not there yet; so mapping
//! (mmap(2)) answers ENODEV.
//!
//! Called by drivers of disks, `procfs` and, through [`vfs::BlockOpener`], by open(2); calls `device`, `kernfs`, `task`
//! (who the caller is), `vfs`.
//!
//! # Lock order
//! ```text
//! Disk.openers → locks of the driver (rank DISK_DRIVER) → directories of sysfs and /dev → spinlocks: the registry, Disk.stats
//! ```
//! No lock is held over a read or a write.
//!
//! # Specification
//! Linux' Documentation/block/stat.rst, Documentation/ABI/stable/sysfs-block, blockdev(8); open(2) on `O_EXCL`.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod control;
mod disk;
mod file;
mod registry;
mod show;
mod stats;

pub use disk::{Claim, Disk, DiskOps, Opened};
pub use file::{BlockFile, disk_of};
pub use registry::{Probe, for_each_blkdev, for_each_disk, reserve_blkdev};
pub use show::{Show, Shown, show_on};

/// Bytes of the unit that sizes and positions of sectors are told in, whatever the disk's own blocks are.
pub const SECTOR: u64 = 512;

/// Makes block special files openable. ENOMEM.
pub fn init() -> abi::Result<()> {
    device::sysfs_dir("block")?;
    device::Class::kernel("block")?;
    vfs::register_block(&file::Opener);
    Ok(())
}

/// Whether the calling thread may do what only the machine's administrator may.
pub fn is_admin() -> bool {
    task::task::with_current(|task| {
        task.cred()
            .is_ok_and(|cred| cred.capable(cred::cap::SYS_ADMIN))
    })
    .unwrap_or(true)
}
