//! Disks by number, and names of major numbers.
use crate::disk::Disk;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, RwSpinLock, rank};

static MAJORS_CLASS: LockClass = LockClass::new("block.majors", rank::NONE);
static DISKS_CLASS: LockClass = LockClass::new("block.disks", rank::NONE);

/// Makes the disk of a minor number that is asked for and not there, if it can.
pub type Probe = fn(minor: u32);

struct Major {
    number: u32,
    name: &'static str,
    probe: Probe,
}

/// By number.
static MAJORS: RwSpinLock<Vec<Major>> = RwSpinLock::new(&MAJORS_CLASS, Vec::new());
/// By number.
static DISKS: RwSpinLock<Vec<Arc<Disk>>> = RwSpinLock::new(&DISKS_CLASS, Vec::new());

/// Reserves a major number, which `/proc/devices` shows. EBUSY: taken; ENOMEM.
pub fn reserve_blkdev(number: u32, name: &'static str, probe: Probe) -> Result<()> {
    let mut majors = MAJORS.write();
    let at = majors.partition_point(|known| known.number < number);
    if majors.get(at).is_some_and(|known| known.number == number) {
        return Err(Errno::EBUSY);
    }
    majors.try_push(Major {
        number,
        name,
        probe,
    })?;
    majors[at..].rotate_right(1);
    Ok(())
}

/// Runs `f` with number and name of every major, in order; `f` must not sleep.
pub fn for_each_blkdev(mut f: impl FnMut(u32, &str)) {
    MAJORS.read().iter().for_each(|m| f(m.number, m.name));
}

/// Runs `f` with every disk, by number; `f` must not sleep.
pub fn for_each_disk(mut f: impl FnMut(&Disk)) {
    DISKS.read().iter().for_each(|disk| f(disk));
}

/// EEXIST: the number is taken; ENOMEM.
pub(crate) fn insert(disk: &Arc<Disk>) -> Result<()> {
    let mut disks = DISKS.write();
    let at = disks.partition_point(|known| place(known) < place(disk));
    if disks
        .get(at)
        .is_some_and(|known| known.rdev() == disk.rdev())
    {
        return Err(Errno::EEXIST);
    }
    disks.try_push(disk.clone())?;
    disks[at..].rotate_right(1);
    Ok(())
}

pub(crate) fn remove(disk: &Arc<Disk>) {
    let taken = {
        let mut disks = DISKS.write();
        let at = disks.iter().position(|known| Arc::ptr_eq(known, disk));
        at.map(|at| disks.remove(at))
    };
    drop(taken);
}

/// The disk of a number, made if its driver can.
pub(crate) fn find_or_make(rdev: u64) -> Option<Arc<Disk>> {
    find(rdev).or_else(|| {
        let mine = |m: &&Major| m.number == vfs::major(rdev);
        let probe = MAJORS.read().iter().find(mine).map(|m| m.probe)?;
        probe(vfs::minor(rdev));
        find(rdev)
    })
}

fn find(rdev: u64) -> Option<Arc<Disk>> {
    let disks = DISKS.read();
    disks.iter().find(|disk| disk.rdev() == rdev).cloned()
}

fn place(disk: &Disk) -> (u32, u32) {
    (vfs::major(disk.rdev()), vfs::minor(disk.rdev()))
}
