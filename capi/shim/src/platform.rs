//! `linux/platform_device.h`: devices that no bus finds by itself.
//!
//! Specification: Documentation/driver-api/driver-model/platform.rst.
#![expect(non_upper_case_globals, reason = "modules know them by these names")]

use crate::bus::{self, Own};
use crate::device;
use crate::export::{exports, status};
use crate::foreign::{self, Name, word, write};
use crate::kobject;
use crate::layout::{CBus, CDevice, CDriver, CPlatformDevice, CPlatformDriver, CResource};
use crate::memory::{self, FOR_MODULE};
use abi::{Errno, Result};
use core::mem::offset_of;
use core::sync::atomic::{AtomicU32, Ordering};

/// `PLATFORM_DEVID_NONE` and `PLATFORM_DEVID_AUTO`.
const NO_ID: i32 = -1;
const AUTO_ID: i32 = -2;
/// Length of a name in a table of them, and of an entry.
const TABLE_NAME: usize = 20;
const TABLE_ENTRY: usize = 32;
/// Most entries of a table.
const MOST: usize = 1024;

static NEXT_ID: AtomicU32 = AtomicU32::new(0);

static platform_bus_type: CBus = CBus {
    name: NAME.as_ptr(),
    dev_name: 0,
    bus_groups: 0,
    dev_groups: 0,
    drv_groups: 0,
    matches: 0,
    uevent: 0,
    probe: 0,
    remove: 0,
    shutdown: 0,
};
static NAME: &[u8; 9] = b"platform\0";

static PLATFORM: Own = Own {
    matches,
    probe: |driver| word(around(driver) + offset_of!(CPlatformDriver, probe)),
    remove: |driver| word(around(driver) + offset_of!(CPlatformDriver, remove)),
    device: |device| device - offset_of!(CPlatformDevice, dev),
    event_line: |device| {
        let device = device - offset_of!(CPlatformDevice, dev);
        let name = string(word(device + offset_of!(CPlatformDevice, name))?)?;
        let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
        kmem::try_format!("MODALIAS=platform:{name}\n")
    },
};

/// The `struct platform_driver` around a `struct device_driver`.
const fn around(driver: usize) -> usize {
    driver - offset_of!(CPlatformDriver, driver)
}

fn string(at: usize) -> Result<Name<128>> {
    Name::read(at).map_err(|_| Errno::EFAULT)
}

/// By the driver's table of names, or by its name if it has none.
fn matches(device: usize, driver: usize) -> Result<bool> {
    let device = device - offset_of!(CPlatformDevice, dev);
    let name = string(word(device + offset_of!(CPlatformDevice, name))?)?;
    let table = word(around(driver) + offset_of!(CPlatformDriver, id_table))?;
    if table == 0 {
        let own = string(word(driver + offset_of!(CDriver, name))?)?;
        return Ok(own.as_bytes() == name.as_bytes());
    }
    for entry in (table..).step_by(TABLE_ENTRY).take(MOST) {
        let listed = Name::<TABLE_NAME>::read(entry).map_err(|_| Errno::EFAULT)?;
        if listed.as_bytes().is_empty() {
            break;
        }
        if listed.as_bytes() == name.as_bytes() {
            write(device + offset_of!(CPlatformDevice, id_entry), entry)?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Makes the bus. ENOMEM.
pub(crate) fn init() -> Result<()> {
    bus::set_own(
        (&raw const platform_bus_type) as usize,
        "platform",
        &PLATFORM,
    )
}

fn device_of(at: usize) -> usize {
    at + offset_of!(CPlatformDevice, dev)
}

fn add(at: usize) -> Result<()> {
    let own = word(at + offset_of!(CPlatformDevice, name))?;
    let stem = string(own)?;
    let stem = core::str::from_utf8(stem.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let name = match word(at + offset_of!(CPlatformDevice, id))? as i32 {
        NO_ID => kmem::try_format!("{stem}")?,
        AUTO_ID => {
            let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
            kmem::try_format!("{stem}.{id}.auto")?
        }
        id => kmem::try_format!("{stem}.{id}")?,
    };
    let dev = device_of(at);
    kobject::set_name(dev, name.as_bytes())?;
    let bus = (&raw const platform_bus_type) as usize;
    write(dev + offset_of!(CDevice, bus), bus)
}

/// `platform_device_add(device)`.
extern "C" fn platform_device_add(at: usize) -> i32 {
    match add(at) {
        Ok(()) => device::device_add(device_of(at)),
        Err(e) => -e.code(),
    }
}

/// `platform_device_register(device)`.
extern "C" fn platform_device_register(at: usize) -> i32 {
    device::device_initialize(device_of(at));
    platform_device_add(at)
}

/// `platform_device_del(device)`.
extern "C" fn platform_device_del(at: usize) {
    if !crate::class::is_error_or_null(at) {
        device::device_del(device_of(at));
    }
}

/// `platform_device_put(device)`.
extern "C" fn platform_device_put(at: usize) {
    if !crate::class::is_error_or_null(at) {
        device::put_device(device_of(at));
    }
}

/// `platform_device_unregister(device)`.
extern "C" fn platform_device_unregister(at: usize) {
    platform_device_del(at);
    platform_device_put(at);
}

/// Frees what `platform_device_alloc` made.
extern "C" fn free_allocated(dev: usize) {
    let at = dev - offset_of!(CPlatformDevice, dev);
    for place in [
        offset_of!(CPlatformDevice, name),
        offset_of!(CPlatformDevice, resource),
        offset_of!(CPlatformDevice, dev) + offset_of!(CDevice, platform_data),
    ] {
        memory::give(word(at + place).unwrap_or(0), &FOR_MODULE);
    }
    memory::give(at, &FOR_MODULE);
}

fn allocate(name: usize, id: i32) -> Result<usize> {
    let name = kobject::name_block(string(name)?.as_bytes())?;
    let at = memory::take_block(size_of::<CPlatformDevice>(), true, &FOR_MODULE);
    if at == 0 {
        memory::give(name, &FOR_MODULE);
        return Err(Errno::ENOMEM);
    }
    write(at + offset_of!(CPlatformDevice, name), name)?;
    foreign::write_bytes(at + offset_of!(CPlatformDevice, id), &id.to_le_bytes())
        .map_err(|_| Errno::EFAULT)?;
    device::device_initialize(device_of(at));
    let release = free_allocated as *const () as usize;
    write(device_of(at) + offset_of!(CDevice, release), release)?;
    Ok(at)
}

/// `platform_device_alloc(name, id)`: NULL when there is no memory.
extern "C" fn platform_device_alloc(name: usize, id: i32) -> usize {
    allocate(name, id).unwrap_or(0)
}

/// A copy of something of the module's; its address.
fn copy(from: usize, len: usize) -> Result<usize> {
    let block = memory::take_block(len, true, &FOR_MODULE);
    if block == 0 {
        return Err(Errno::ENOMEM);
    }
    for at in 0..len {
        let byte = foreign::read_byte(from + at).map_err(|_| Errno::EFAULT)?;
        foreign::write_bytes(block + at, &[byte]).map_err(|_| Errno::EFAULT)?;
    }
    Ok(block)
}

fn put_copy(place: usize, from: usize, len: usize) -> Result<()> {
    let block = if from == 0 || len == 0 {
        0
    } else {
        copy(from, len)?
    };
    memory::give(word(place)?, &FOR_MODULE);
    write(place, block)
}

/// `platform_device_add_data(device, data, size)`.
extern "C" fn platform_device_add_data(at: usize, data: usize, size: usize) -> i32 {
    let place = device_of(at) + offset_of!(CDevice, platform_data);
    status(put_copy(place, data, size))
}

/// `platform_device_add_resources(device, resources, count)`.
extern "C" fn platform_device_add_resources(at: usize, resources: usize, count: u32) -> i32 {
    let place = at + offset_of!(CPlatformDevice, resource);
    let copied = put_copy(place, resources, size_of::<CResource>() * count as usize);
    status(copied.and_then(|()| {
        let count_at = at + offset_of!(CPlatformDevice, num_resources);
        foreign::write_bytes(count_at, &count.to_le_bytes()).map_err(|_| Errno::EFAULT)
    }))
}

/// `platform_get_resource(device, kind, number)`: NULL when there is no such.
extern "C" fn platform_get_resource(at: usize, kind: u32, number: u32) -> usize {
    const KINDS: usize = 0x1f00;
    let find = || {
        let count = word(at + offset_of!(CPlatformDevice, num_resources)).ok()? as u32;
        let first = word(at + offset_of!(CPlatformDevice, resource)).ok()?;
        let all = (first..)
            .step_by(size_of::<CResource>())
            .take((count as usize).min(MOST));
        let of_kind = |resource: &usize| {
            word(resource + offset_of!(CResource, flags))
                .is_ok_and(|flags| flags & KINDS == kind as usize)
        };
        all.filter(of_kind).nth(number as usize)
    };
    find().unwrap_or(0)
}

/// `__platform_driver_register(driver, owner)`.
extern "C" fn __platform_driver_register(at: usize, owner: usize) -> i32 {
    let driver = at + offset_of!(CPlatformDriver, driver);
    let bus = (&raw const platform_bus_type) as usize;
    let written = write(driver + offset_of!(CDriver, bus), bus)
        .and_then(|()| write(driver + offset_of!(CDriver, owner), owner));
    match written {
        Ok(()) => bus::driver_register(driver),
        Err(e) => -e.code(),
    }
}

/// `platform_driver_unregister(driver)`.
extern "C" fn platform_driver_unregister(at: usize) {
    bus::driver_unregister(at + offset_of!(CPlatformDriver, driver));
}

exports![;
    gpl: platform_device_register, platform_device_unregister, platform_device_alloc, platform_device_add,
    platform_device_del, platform_device_put, platform_device_add_data, platform_device_add_resources,
    platform_get_resource, __platform_driver_register, platform_driver_unregister;
    data: platform_bus_type
];
