//! Character devices by number.
use crate::objects::{FileOpsRef, Inode, OpenArgs};
use crate::types::{major, minor};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, RwSpinLock, rank};

static DEVICES: LockClass = LockClass::new("vfs.chrdevs", rank::NONE);

/// A driver of character devices.
pub trait CharDev: Send + Sync {
    /// Its name in `/proc/devices`.
    fn name(&self) -> &'static str;

    /// Opens device `rdev`. ENXIO: no such minor number.
    fn open(&self, rdev: u64, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef>;
}

#[derive(Clone, Copy)]
struct Region {
    major: u32,
    first: u32,
    count: u32,
    driver: &'static dyn CharDev,
}

static REGIONS: RwSpinLock<Vec<Region>> = RwSpinLock::new(&DEVICES, Vec::new());

/// Gives minors `first..first + count` of `major` to `driver`. EBUSY: taken; ENOMEM.
pub fn register_chrdev(
    major: u32,
    first: u32,
    count: u32,
    driver: &'static dyn CharDev,
) -> Result<()> {
    let mut regions = REGIONS.write();
    let meets =
        |r: &Region| r.major == major && first < r.first + r.count && r.first < first + count;
    if regions.iter().any(meets) {
        return Err(Errno::EBUSY);
    }
    regions.try_push(Region {
        major,
        first,
        count,
        driver,
    })
}

/// Takes them back.
pub fn unregister_chrdev(major: u32, first: u32) {
    REGIONS
        .write()
        .retain(|r| r.major != major || r.first != first);
}

/// Runs `f` with major number and name of every region (for `/proc/devices`); `f` must not sleep.
pub fn for_each_chrdev(mut f: impl FnMut(u32, &'static str)) {
    REGIONS
        .read()
        .iter()
        .for_each(|r| f(r.major, r.driver.name()));
}

/// Opens the device of a node. ENXIO: nobody has the number.
pub(crate) fn open(rdev: u64, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
    let (major, minor) = (major(rdev), minor(rdev));
    let driver = {
        let regions = REGIONS.read();
        let found = regions
            .iter()
            .find(|r| r.major == major && minor.wrapping_sub(r.first) < r.count);
        found.ok_or(Errno::ENXIO)?.driver
    };
    driver.open(rdev, inode, args)
}
