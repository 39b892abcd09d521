//! `linux/cdev.h` and the device numbers of `linux/fs.h`.
//!
//! Specification: Documentation/core-api/kernel-api.rst, "Char devices".
use crate::calls::Calls;
use crate::enter::{self, misuse};
use crate::export::{exports, status};
use crate::file::{self, Opened, Source};
use crate::foreign::{self, Name};
use crate::layout::{CDev, FileOperations, MINOR_BITS};
use crate::ledger::{self, Kind, Resource};
use crate::memory::{self, MEMORY};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};
use kmem::try_arc;
use module::Module;
use vfs::{CharDev, FileOpsRef, Inode, MAJORS, MINORS, OpenArgs, makedev};

/// What a module answers device numbers with.
pub(crate) struct Driver {
    module: Arc<Module>,
    /// Address of the `struct cdev`.
    cdev: usize,
    ops: usize,
    calls: Calls,
    /// What `private_data` is before open.
    data: usize,
    /// Whom an open file keeps: the owners of the device and of its operations.
    owners: [Option<Arc<Module>>; 2],
    gone: AtomicBool,
}

impl Driver {
    fn new(cdev: usize, owner: usize, ops: usize) -> Result<Arc<Self>> {
        let fops_owner = foreign::read_u64(ops + offset_of!(FileOperations, owner))
            .map_err(|_| Errno::EFAULT)? as usize;
        try_arc(Self {
            module: enter::running().ok_or(Errno::EINVAL)?,
            cdev,
            ops,
            calls: Calls::of_file(ops)?,
            data: 0,
            owners: [owner, fops_owner].map(module::by_record),
            gone: AtomicBool::new(false),
        })
    }

    /// Of a device that is the kernel's own, with operations of a module's.
    pub(crate) fn of_kernel(ops: usize, data: usize) -> Result<Arc<Self>> {
        let mut driver = Self::new(0, 0, ops)?;
        if let Some(driver) = Arc::get_mut(&mut driver) {
            driver.data = data;
        }
        Ok(driver)
    }

    /// It opens nothing any more.
    pub(crate) fn stop(self: &Arc<Self>) {
        self.gone.store(true, Ordering::Release);
        let driver: Arc<dyn CharDev> = self.clone();
        vfs::remove_chrdev(&driver);
    }
}

impl CharDev for Driver {
    fn open(&self, _rdev: u64, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        if self.gone.load(Ordering::Acquire) || !self.module.may_enter() {
            return Err(Errno::ENXIO);
        }
        let source = Source {
            module: &self.module,
            gate: None,
            ends_with_gate: false,
            calls: self.calls,
            ops: self.ops,
            cdev: self.cdev,
            private: 0,
            data: self.data,
            users: file::keep(&self.owners)?,
        };
        Opened::open(source, inode, args)
    }
}

/// Reserved numbers; the handle is the first, the word how many.
static REGION: Kind = Kind {
    name: "device numbers",
    give_back: |number, resource| {
        let number = number as u32;
        let (major, minor) = (number >> MINOR_BITS, number & (MINORS - 1));
        let _ = vfs::release_chrdev(major, minor, resource.words[0] as u32);
    },
};

/// A `struct cdev` that was added, by its address; the object is a [`Driver`].
static CDEV: Kind = Kind {
    name: "character device",
    give_back: withdraw,
};

/// What `register_chrdev` made, by its first number; the object is a [`Driver`].
static REGISTERED: Kind = Kind {
    name: "character device",
    give_back: withdraw,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn withdraw(_handle: usize, resource: Resource) {
    if let Some(driver) = resource.object::<Driver>() {
        driver.stop();
    }
}

/// The pieces of a range of numbers: major, first minor and count of each.
fn pieces(first: u32, count: u32) -> impl Iterator<Item = (u32, u32, u32)> {
    let end = u64::from(first) + u64::from(count);
    let mut at = u64::from(first);
    core::iter::from_fn(move || {
        let major = at >> MINOR_BITS;
        let next = ((major + 1) << MINOR_BITS).min(end);
        let piece = (major as u32, (at as u32) & (MINORS - 1), (next - at) as u32);
        let more = at < end;
        at = next;
        more.then_some(piece)
    })
}

fn reserve(major: Option<u32>, first: u32, count: u32, name: &str) -> Result<u32> {
    let major = vfs::reserve_chrdev(major, first, count, name)?;
    let resource = Resource {
        kind: &REGION,
        words: [count as usize, 0],
        object: None,
    };
    ledger::enter_or_undo((major << MINOR_BITS | first) as usize, resource)?;
    Ok(major)
}

fn release(first: u32, count: u32) {
    for (major, minor, count) in pieces(first, count) {
        let handle = (major << MINOR_BITS | minor) as usize;
        let same = ledger::with(handle, &REGION, |region| region.words[0] == count as usize);
        // What was never reserved Linux takes without a word as well.
        if same == Some(true)
            && let Some(resource) = ledger::take(handle, &REGION)
        {
            (REGION.give_back)(handle, resource);
        }
    }
}

/// A name of numbers; Linux keeps 63 bytes.
fn region_name(at: usize) -> Result<Name<63>> {
    Name::read(at).map_err(|_| Errno::EFAULT)
}

fn text<const N: usize>(name: &Name<N>) -> &str {
    core::str::from_utf8(name.as_bytes()).unwrap_or("?")
}

/// `alloc_chrdev_region(first, minor, count, name)`: numbers of a major that nobody uses.
extern "C" fn alloc_chrdev_region(first: usize, minor: u32, count: u32, name: usize) -> i32 {
    crate::enter::must_sleep("alloc_chrdev_region");
    status(region_name(name).and_then(|name| {
        let major = reserve(None, minor, count, text(&name))?;
        let number = (major << MINOR_BITS | minor).to_le_bytes();
        foreign::write_bytes(first, &number).map_err(|_| {
            release(major << MINOR_BITS | minor, count);
            Errno::EFAULT
        })
    }))
}

/// `register_chrdev_region(first, count, name)`.
extern "C" fn register_chrdev_region(first: u32, count: u32, name: usize) -> i32 {
    crate::enter::must_sleep("register_chrdev_region");
    status(region_name(name).and_then(|name| {
        let mut done = 0;
        for (major, minor, some) in pieces(first, count) {
            if let Err(e) = reserve(Some(major), minor, some, text(&name)) {
                release(first, done);
                return Err(e);
            }
            done += some;
        }
        Ok(())
    }))
}

/// `unregister_chrdev_region(first, count)`.
extern "C" fn unregister_chrdev_region(first: u32, count: u32) {
    crate::enter::must_sleep("unregister_chrdev_region");
    release(first, count);
}

/// `cdev_init(cdev, ops)`.
extern "C" fn cdev_init(cdev: usize, ops: usize) {
    let cleared = foreign::write_bytes(cdev, &[0; size_of::<CDev>()])
        .and_then(|()| foreign::write_bytes(cdev + offset_of!(CDev, ops), &ops.to_le_bytes()));
    if cleared.is_err() {
        misuse("cdev_init of what is no memory");
    }
}

/// `cdev_alloc()`: freed by `cdev_del`.
extern "C" fn cdev_alloc() -> usize {
    memory::take_block(size_of::<CDev>(), true, &ALLOCATED)
}

/// What `cdev_alloc` gave.
static ALLOCATED: Kind = Kind {
    name: "cdev",
    give_back: |handle, resource| (MEMORY.give_back)(handle, resource),
};

fn add(cdev: usize, first: u32, count: u32) -> Result<()> {
    let word = |at: usize| {
        foreign::read_u64(cdev + at)
            .map(|word| word as usize)
            .map_err(|_| Errno::EFAULT)
    };
    let owner = word(offset_of!(CDev, owner))?;
    let driver = Driver::new(cdev, owner, word(offset_of!(CDev, ops))?)?;
    let (low, high) = (first.to_le_bytes(), count.to_le_bytes());
    let both = [
        low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3],
    ];
    foreign::write_bytes(cdev + offset_of!(CDev, dev), &both).map_err(|_| Errno::EFAULT)?;
    start(cdev, &CDEV, first, count, driver)
}

/// Has `driver` answer numbers, and notes it.
fn start(
    handle: usize,
    kind: &'static Kind,
    first: u32,
    count: u32,
    driver: Arc<Driver>,
) -> Result<()> {
    let resource = Resource {
        kind,
        words: [0; 2],
        object: Some(driver.clone()),
    };
    ledger::enter_or_undo(handle, resource)?;
    let shared: Arc<dyn CharDev> = driver;
    for (major, minor, some) in pieces(first, count) {
        if let Err(e) = vfs::add_chrdev(makedev(major, minor), some, shared.clone()) {
            if let Some(resource) = ledger::take(handle, kind) {
                withdraw(handle, resource);
            }
            return Err(e);
        }
    }
    Ok(())
}

/// `cdev_add(cdev, first, count)`.
extern "C" fn cdev_add(cdev: usize, first: u32, count: u32) -> i32 {
    crate::enter::must_sleep("cdev_add");
    status(add(cdev, first, count))
}

/// `cdev_del(cdev)`: files that are open stay.
extern "C" fn cdev_del(cdev: usize) {
    crate::enter::must_sleep("cdev_del");
    if let Some(resource) = ledger::take(cdev, &CDEV) {
        withdraw(cdev, resource);
    } else if foreign::read_u64(cdev).is_err() {
        misuse("cdev_del of what is no memory");
    }
    if let Some(resource) = ledger::take(cdev, &ALLOCATED) {
        (ALLOCATED.give_back)(cdev, resource);
    }
}

fn register(major: u32, first: u32, count: u32, name: usize, ops: usize) -> Result<u32> {
    let name = region_name(name)?;
    if major >= MAJORS {
        return Err(Errno::EINVAL);
    }
    let wanted = (major != 0).then_some(major);
    let got = reserve(wanted, first, count, text(&name))?;
    let number = got << MINOR_BITS | first;
    let owner = foreign::read_u64(ops + offset_of!(FileOperations, owner));
    let cdev = memory::take_block(size_of::<CDev>(), true, &memory::FOR_MODULE);
    let started = owner
        .map_err(|_| Errno::EFAULT)
        .and_then(|owner| Driver::new(cdev, owner as usize, ops))
        .and_then(|driver| start(number as usize, &REGISTERED, number, count, driver));
    started.inspect_err(|_| release(number, count))?;
    Ok(if major == 0 { got } else { 0 })
}

/// `__register_chrdev(major, first, count, name, ops)`: the major when it was free to choose, else 0.
extern "C" fn __register_chrdev(
    major: u32,
    first: u32,
    count: u32,
    name: usize,
    ops: usize,
) -> i32 {
    crate::enter::must_sleep("register_chrdev");
    register(major, first, count, name, ops).map_or_else(|e| -e.code(), |major| major as i32)
}

/// `__unregister_chrdev(major, first, count, name)`.
extern "C" fn __unregister_chrdev(major: u32, first: u32, count: u32, _name: usize) {
    crate::enter::must_sleep("unregister_chrdev");
    let number = major << MINOR_BITS | first;
    if let Some(resource) = ledger::take(number as usize, &REGISTERED) {
        withdraw(number as usize, resource);
    }
    release(number, count);
}

exports![
    alloc_chrdev_region,
    register_chrdev_region,
    unregister_chrdev_region,
    cdev_init,
    cdev_alloc,
    cdev_add,
    cdev_del,
    __register_chrdev,
    __unregister_chrdev,
];
