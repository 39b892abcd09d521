//! Character devices by number. A driver reserves numbers under a name, which `/proc/devices` shows, and says what answers
//! some of them; drivers come and go.
//!
//! Specification: Documentation/admin-guide/devices.txt on which majors are handed out.
use crate::missing::load_module;
use crate::objects::{FileOpsRef, Inode, OpenArgs};
use crate::types::{major, makedev, minor};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::RangeInclusive;
use kmem::{TryString, TryVec};
use sync::{LockClass, RwSpinLock, rank};

static REGIONS_CLASS: LockClass = LockClass::new("vfs.chrdev_regions", rank::NONE);
static DEVICES_CLASS: LockClass = LockClass::new("vfs.chrdevs", rank::NONE);

/// Majors that exist (`CHRDEV_MAJOR_MAX`).
pub const MAJORS: u32 = 512;
/// Minors of a major.
pub const MINORS: u32 = 1 << 20;
/// Majors that are handed out, the last first.
const DYNAMIC: [RangeInclusive<u32>; 2] = [234..=254, 384..=511];

/// A driver of character devices.
pub trait CharDev: Send + Sync {
    /// Opens device `rdev`. ENXIO: no such minor number.
    fn open(&self, rdev: u64, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef>;
}

/// Numbers that somebody reserved.
struct Region {
    major: u32,
    first: u32,
    count: u32,
    name: String,
}

/// Numbers that a driver answers.
#[derive(Clone)]
struct Device {
    major: u32,
    first: u32,
    count: u32,
    driver: Arc<dyn CharDev>,
}

/// By major number, then by minor.
static REGIONS: RwSpinLock<Vec<Region>> = RwSpinLock::new(&REGIONS_CLASS, Vec::new());
/// The newest last.
static DEVICES: RwSpinLock<Vec<Device>> = RwSpinLock::new(&DEVICES_CLASS, Vec::new());

/// Reserves minors `first..first + count` of `major`, or of a major that nobody uses; the major. EBUSY: taken, or no major
/// is left; EINVAL: there are no such numbers; ENOMEM.
pub fn reserve_chrdev(major: Option<u32>, first: u32, count: u32, name: &str) -> Result<u32> {
    let end = first.checked_add(count).filter(|end| *end <= MINORS);
    if end.is_none() || major.is_some_and(|major| major >= MAJORS) {
        return Err(Errno::EINVAL);
    }
    let name = String::try_from_str(name)?;
    let mut regions = REGIONS.write();
    let major = match major {
        Some(major) => major,
        None => unused_major(&regions).ok_or(Errno::EBUSY)?,
    };
    let meets =
        |r: &Region| r.major == major && first < r.first + r.count && r.first < first + count;
    if regions.iter().any(meets) {
        return Err(Errno::EBUSY);
    }
    let at = regions.partition_point(|r| (r.major, r.first) < (major, first));
    let region = Region {
        major,
        first,
        count,
        name,
    };
    regions.try_push(region)?;
    regions[at..].rotate_right(1);
    Ok(major)
}

fn unused_major(regions: &[Region]) -> Option<u32> {
    let free = |major: &u32| regions.iter().all(|r| r.major != *major);
    DYNAMIC.into_iter().flat_map(Iterator::rev).find(free)
}

/// Gives reserved numbers back. ENOENT: nobody has just these.
pub fn release_chrdev(major: u32, first: u32, count: u32) -> Result<()> {
    let region = {
        let mut regions = REGIONS.write();
        let same = |r: &Region| (r.major, r.first, r.count) == (major, first, count);
        let at = regions.iter().position(same).ok_or(Errno::ENOENT)?;
        regions.remove(at)
    };
    drop(region);
    Ok(())
}

/// From now on `driver` answers the `count` numbers from `rdev` on. ENOMEM.
pub fn add_chrdev(rdev: u64, count: u32, driver: Arc<dyn CharDev>) -> Result<()> {
    DEVICES.write().try_push(Device {
        major: major(rdev),
        first: minor(rdev),
        count,
        driver,
    })
}

/// `driver` answers nothing any more.
pub fn remove_chrdev(driver: &Arc<dyn CharDev>) {
    // The last reference may be this one, and is dropped without the lock.
    while let Some(device) = take_device(driver) {
        drop(device);
    }
}

fn take_device(driver: &Arc<dyn CharDev>) -> Option<Device> {
    let mut devices = DEVICES.write();
    let same = |d: &Device| core::ptr::addr_eq(Arc::as_ptr(&d.driver), Arc::as_ptr(driver));
    let at = devices.iter().position(same)?;
    Some(devices.remove(at))
}

/// Reserves minors `first..first + count` of `major` for a driver that stays. EBUSY: taken; ENOMEM.
pub fn register_chrdev(
    major: u32,
    first: u32,
    count: u32,
    name: &str,
    driver: Arc<dyn CharDev>,
) -> Result<()> {
    reserve_chrdev(Some(major), first, count, name)?;
    add_chrdev(makedev(major, first), count, driver)
}

/// Runs `f` with major number and name of every region, in order (for `/proc/devices`); `f` must not sleep.
pub fn for_each_chrdev(mut f: impl FnMut(u32, &str)) {
    REGIONS.read().iter().for_each(|r| f(r.major, &r.name));
}

/// Opens the device of a node. ENXIO: nobody has the number.
pub(crate) fn open(rdev: u64, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
    let driver = match find_driver(rdev) {
        Some(driver) => driver,
        None => missing_driver(rdev)?,
    };
    driver.open(rdev, inode, args)
}

fn find_driver(rdev: u64) -> Option<Arc<dyn CharDev>> {
    let (major, minor) = (major(rdev), minor(rdev));
    let devices = DEVICES.read();
    let answers = |d: &&Device| d.major == major && minor.wrapping_sub(d.first) < d.count;
    // The one with the fewest numbers knows best; of those the newest.
    let found = devices.iter().rev().filter(answers).min_by_key(|d| d.count);
    found.map(|device| device.driver.clone())
}

/// A driver that a module brings. ENXIO: none does; ENOMEM.
#[cold]
fn missing_driver(rdev: u64) -> Result<Arc<dyn CharDev>> {
    let (major, minor) = (major(rdev), minor(rdev));
    let asked = load_module(&kmem::try_format!("char-major-{major}-{minor}")?);
    // No module has the number: one may have all of the major's.
    if asked.is_ok_and(|status| status != 0) {
        let _ = load_module(&kmem::try_format!("char-major-{major}")?);
    }
    find_driver(rdev).ok_or(Errno::ENXIO)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> Vec<(u32, String)> {
        let mut all = Vec::new();
        for_each_chrdev(|major, name| all.push((major, String::from(name))));
        all
    }

    #[test]
    fn numbers_are_reserved_and_given_back() {
        assert_eq!(reserve_chrdev(Some(300), 0, 16, "one"), Ok(300));
        assert_eq!(reserve_chrdev(Some(300), 15, 1, "two"), Err(Errno::EBUSY));
        assert_eq!(reserve_chrdev(Some(300), 16, 1, "two"), Ok(300));
        assert_eq!(reserve_chrdev(Some(512), 0, 1, "no"), Err(Errno::EINVAL));
        assert_eq!(reserve_chrdev(Some(1), MINORS, 1, "no"), Err(Errno::EINVAL));
        let dynamic = reserve_chrdev(None, 0, 1, "free").unwrap();
        let next = reserve_chrdev(None, 0, 1, "next").unwrap();
        assert_eq!((dynamic, next), (254, 253));
        let names = all();
        assert!(names.is_sorted_by_key(|entry| entry.0), "{names:?}");
        assert_eq!(release_chrdev(300, 0, 15), Err(Errno::ENOENT));
        assert_eq!(release_chrdev(300, 0, 16), Ok(()));
        assert_eq!(release_chrdev(254, 0, 1), Ok(()));
        assert_eq!(reserve_chrdev(None, 0, 1, "again"), Ok(254));
        assert_eq!(all().iter().filter(|entry| entry.0 == 300).count(), 1);
    }
}
