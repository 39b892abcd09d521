//! `linux/miscdevice.h`: devices that share major number 10.
use crate::cdev::Driver;
use crate::class::is_error_or_null;
use crate::device as devices;
use crate::export::{exports, status};
use crate::foreign::{self, Name, word, write};
use crate::kobject;
use crate::layout::{CDevice, CKobject, CMisc};
use crate::ledger::{self, Kind, Resource};
use crate::memory::{self, FOR_MODULE};
use crate::objects::{self, PART};
use crate::sysfs::{self, Place};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::offset_of;
use device::{Action, Class, NewDevice, Node};
use kmem::{TryVec, try_arc};
use sync::{LockClass, SpinLock, rank};
use vfs::{CharDev, FileType, makedev};

static MINORS_CLASS: LockClass = LockClass::new("capi.misc", rank::NONE);
/// Minors that are taken.
static TAKEN: SpinLock<Vec<u32>> = SpinLock::new(&MINORS_CLASS, Vec::new());

const MAJOR: u32 = 10;
/// `MISC_DYNAMIC_MINOR`, and how many of them are handed out, the last first.
const DYNAMIC: u32 = 255;
const DYNAMIC_MINORS: u32 = 128;
/// Permissions of a node unless the device says otherwise.
const NODE_MODE: u32 = 0o600;

/// A misc device.
struct Misc {
    driver: Arc<Driver>,
    model: Arc<device::Device>,
    minor: u32,
}

/// Misc devices, by the address of their `struct miscdevice`; the object is a [`Misc`].
static MISC: Kind = Kind {
    name: "misc device",
    give_back: remove,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn remove(_at: usize, resource: Resource) {
    if let Some(misc) = resource.object::<Misc>() {
        sysfs::forget_below(misc.model.dir());
        misc.model.remove();
        misc.driver.stop();
        TAKEN.lock().retain(|minor| *minor != misc.minor);
    }
}

/// Takes a minor number. EBUSY: it is taken, or none is left.
fn take_minor(wanted: u32) -> Result<u32> {
    let mut taken = TAKEN.lock();
    let free = |minor: &u32| !taken.contains(minor);
    let minor = match wanted {
        DYNAMIC => (0..DYNAMIC_MINORS).rev().find(free),
        minor => Some(minor).filter(free),
    };
    let minor = minor.ok_or(Errno::EBUSY)?;
    taken.try_push(minor)?;
    Ok(minor)
}

fn register(at: usize) -> Result<()> {
    let wanted = word(at + offset_of!(CMisc, minor))? as u32;
    let minor = take_minor(wanted)?;
    start(at, minor).inspect_err(|_| TAKEN.lock().retain(|other| *other != minor))?;
    if wanted == DYNAMIC {
        foreign::write_bytes(at + offset_of!(CMisc, minor), &minor.to_le_bytes())
            .map_err(|_| Errno::EFAULT)?;
    }
    Ok(())
}

fn start(at: usize, minor: u32) -> Result<()> {
    let name = word(at + offset_of!(CMisc, name))?;
    let name = Name::<255>::read(name).map_err(|_| Errno::EFAULT)?;
    let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let node = match word(at + offset_of!(CMisc, nodename))? {
        at if is_error_or_null(at) => devices::path_of(name)?,
        at => {
            let node = Name::<255>::read(at).map_err(|_| Errno::EFAULT)?;
            devices::path_of(core::str::from_utf8(node.as_bytes()).unwrap_or("?"))?
        }
    };
    let mode = word(at + offset_of!(CMisc, mode))? as u32 & vfs::PERM_MASK;
    let driver = Driver::of_kernel(word(at + offset_of!(CMisc, fops))?, at)?;
    let class = Class::kernel("misc")?;
    let shared: Arc<dyn CharDev> = driver.clone();
    vfs::add_chrdev(makedev(MAJOR, minor), 1, shared)?;
    let model = device::Device::new(&NewDevice {
        class: Some(&class),
        node: Some(Node {
            name: &node,
            kind: FileType::CharDevice,
            rdev: makedev(MAJOR, minor),
            mode: if mode == 0 { NODE_MODE } else { mode },
        }),
        mode_is_wanted: mode != 0,
        ..NewDevice::named(name)
    });
    let model = model.inspect_err(|_| driver.stop())?;
    let shown = show(at, name, minor, &model);
    let misc = try_arc(Misc {
        driver,
        model: model.clone(),
        minor,
    })?;
    let resource = Resource {
        kind: &MISC,
        words: [0; 2],
        object: Some(misc),
    };
    ledger::enter_or_undo(at, resource)?;
    let groups = word(at + offset_of!(CMisc, groups))?;
    let made = shown
        .and_then(Place::of)
        .and_then(|place| sysfs::create_groups(&place, groups))
        .and_then(|()| model.announce(Action::Add));
    made.inspect_err(|_| deregister(at))
}

/// Makes the `struct device` that `this_device` points to; its address.
fn show(at: usize, name: &str, minor: u32, model: &Arc<device::Device>) -> Result<usize> {
    let device = memory::take_block(size_of::<CDevice>(), true, &FOR_MODULE);
    if device == 0 {
        return Err(Errno::ENOMEM);
    }
    write(device + offset_of!(CKobject, references), 1)?;
    write(device + offset_of!(CDevice, driver_data), at)?;
    let number = crate::layout::number(makedev(MAJOR, minor));
    write(device + offset_of!(CDevice, devt), number as usize)?;
    kobject::set_name(device, name.as_bytes())?;
    objects::bind(device, &PART, model.dir().clone())?;
    write(at + offset_of!(CMisc, this_device), device)?;
    Ok(device)
}

fn deregister(at: usize) {
    let Some(resource) = ledger::take(at, &MISC) else {
        return;
    };
    remove(at, resource);
    if let Ok(device) = word(at + offset_of!(CMisc, this_device)) {
        let _ = objects::unbind(device, &PART);
        memory::give(word(device).unwrap_or(0), &FOR_MODULE);
        memory::give(device, &FOR_MODULE);
    }
}

/// `misc_register(misc)`.
extern "C" fn misc_register(at: usize) -> i32 {
    crate::enter::must_sleep("misc_register");
    status(register(at))
}

/// `misc_deregister(misc)`.
extern "C" fn misc_deregister(at: usize) {
    crate::enter::must_sleep("misc_deregister");
    deregister(at);
}

exports![misc_register, misc_deregister];
