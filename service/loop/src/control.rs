//! All devices, and `/dev/loop-control`, which makes more of them.
use crate::format::{LOOP_CTL_ADD, LOOP_CTL_GET_FREE, LOOP_CTL_REMOVE};
use crate::state::{Loop, State};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use block::{Disk, DiskOps};
use device::Node;
use kmem::{TryVec, try_arc, try_box, try_format};
use sync::{LockClass, Mutex, rank};
use vfs::{CharDev, File, FileOps, FileOpsRef, FileType, Inode, OpenArgs, makedev};

static CLASS: LockClass = LockClass::new("loop.all", rank::DISK_DRIVER);

const MAJOR: u32 = 7;
/// Of misc devices.
const CONTROL_MAJOR: u32 = 10;
const CONTROL_MINOR: u32 = 237;
/// Devices that are there from the start.
const FIRST: u32 = 8;

/// By index. Its lock is held over every change of any device.
pub(crate) static ALL: Mutex<Vec<Arc<Disk>>> = Mutex::new(&CLASS, Vec::new());

/// Makes the first devices and the one that makes more. EBUSY: a second time; ENOMEM.
pub fn init() -> Result<()> {
    block::reserve_blkdev(MAJOR, "loop", probe)?;
    for index in 0..FIRST {
        add(&mut ALL.lock(), Some(index))?;
    }
    vfs::add_chrdev(makedev(CONTROL_MAJOR, CONTROL_MINOR), 1, try_arc(Control)?)?;
    let node = Node {
        name: "loop-control",
        kind: FileType::CharDevice,
        rdev: makedev(CONTROL_MAJOR, CONTROL_MINOR),
        mode: 0o600,
    };
    device::add_device("misc", node)
}

fn index_of(disk: &Disk) -> u32 {
    disk.ops_as::<Loop>().map_or(u32::MAX, Loop::index)
}

/// Adds the device of that index, or the first that is missing; the index. EEXIST: it is there; EINVAL: there is no such
/// number; ENOMEM, ENOSPC.
fn add(all: &mut Vec<Arc<Disk>>, index: Option<u32>) -> Result<u32> {
    let first_missing = || {
        (0..)
            .zip(all.iter())
            .take_while(|(n, disk)| *n == index_of(disk))
    };
    let index = index.unwrap_or_else(|| first_missing().count() as u32);
    if index >= vfs::MINORS {
        return Err(Errno::EINVAL);
    }
    let at = all.partition_point(|disk| index_of(disk) < index);
    if all.get(at).is_some_and(|disk| index_of(disk) == index) {
        return Err(Errno::EEXIST);
    }
    let ops: Box<dyn DiskOps> = try_box(Loop::new(index))?;
    let disk = Disk::new(&try_format!("loop{index}")?, makedev(MAJOR, index), ops)?;
    all.try_push(disk.clone())?;
    all[at..].rotate_right(1);
    if let Err(error) = disk.add() {
        all.remove(at);
        return Err(error);
    }
    Ok(index)
}

/// Makes a device whose node was there before it. Without memory for it, it is not there.
fn probe(minor: u32) {
    let _ = add(&mut ALL.lock(), Some(minor));
}

/// The first device without a file, made if there is none. ENOMEM, ENOSPC.
fn get_free() -> Result<u32> {
    let mut all = ALL.lock();
    let free = |disk: &&Arc<Disk>| disk.ops_as::<Loop>().is_some_and(Loop::is_unbound);
    match all.iter().find(free) {
        Some(disk) => Ok(index_of(disk)),
        None => add(&mut all, None),
    }
}

/// Takes a device away. ENODEV: there is none; EBUSY: it has a file or is open; EINVAL: no index.
fn remove(index: i32) -> Result<()> {
    let index = u32::try_from(index).map_err(|_| Errno::EINVAL)?;
    let find = |disk: &&Arc<Disk>| index_of(disk) == index;
    let disk = ALL.lock().iter().find(find).cloned().ok_or(Errno::ENODEV)?;
    let own: &Loop = disk.ops_as().ok_or(Errno::ENODEV)?;
    disk.remove(|| {
        let _all = ALL.lock();
        match own.state() {
            State::Unbound => drop(own.set_state(State::Deleting)),
            State::Bound(_) => return Err(Errno::EBUSY),
            State::Deleting => return Err(Errno::ENODEV),
        }
        Ok(())
    })?;
    // Only now: until nothing shows it any more nobody makes it again.
    ALL.lock().retain(|known| !Arc::ptr_eq(known, &disk));
    Ok(())
}

struct Control;

impl CharDev for Control {
    fn open(&self, _rdev: u64, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        Ok(FileOpsRef::shared(&Self))
    }
}

impl FileOps for Control {
    fn is_stream(&self) -> bool {
        true
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        match cmd {
            // A negative index stands for any.
            LOOP_CTL_ADD => add(&mut ALL.lock(), u32::try_from(arg as i32).ok()),
            LOOP_CTL_REMOVE => remove(arg as i32).map(|()| 0),
            LOOP_CTL_GET_FREE => get_free(),
            _ => return Err(Errno::ENOSYS),
        }
        .map(|index| index as usize)
    }
}
