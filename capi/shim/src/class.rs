//! `linux/device/class.h`.
use crate::enter::{self, misuse};
use crate::export::{exports, status};
use crate::foreign::{self, Name};
use crate::layout::CClass;
use crate::ledger::{self, Kind, Resource};
use crate::memory::{self, FOR_MODULE};
use crate::sysfs::{self, Place};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::offset_of;
use kmem::{TryVec, try_arc};
use module::Module;
use sync::{LockClass, SpinLock, rank};
use trace::pr_warn;

static DEVICES: LockClass = LockClass::new("capi.class", rank::NONE);

/// A class of devices.
pub(crate) struct Class {
    pub(crate) model: Arc<device::Class>,
    pub(crate) module: Arc<Module>,
    /// Address of the `struct class`.
    pub(crate) at: usize,
    /// Number and address of the devices that `device_create` made.
    devices: SpinLock<Vec<(u32, usize)>>,
}

impl Class {
    pub(crate) fn add_device(&self, number: u32, device: usize) -> Result<()> {
        self.devices.lock().try_push((number, device))
    }

    pub(crate) fn remove_device(&self, device: usize) {
        self.devices.lock().retain(|(_, other)| *other != device);
    }

    /// The device of that number.
    pub(crate) fn device(&self, number: u32) -> Option<usize> {
        let devices = self.devices.lock();
        let found = devices.iter().find(|(other, _)| *other == number);
        found.map(|(_, device)| *device)
    }

    /// A function that the module's `struct class` names; 0 for none.
    pub(crate) fn function(&self, offset: usize) -> usize {
        foreign::read_u64(self.at + offset).map_or(0, |function| function as usize)
    }
}

/// Classes, by the address of their `struct class`; the object is a [`Class`].
static CLASS: Kind = Kind {
    name: "class",
    give_back: withdraw,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn withdraw(_at: usize, resource: Resource) {
    if let Some(class) = resource.object::<Class>() {
        sysfs::forget_below(class.model.dir());
        class.model.remove();
    }
}

/// The class of a `struct class`.
pub(crate) fn of(at: usize) -> Option<Arc<Class>> {
    ledger::with(at, &CLASS, Resource::object::<Class>).flatten()
}

fn register(at: usize) -> Result<()> {
    let name = foreign::read_u64(at + offset_of!(CClass, name)).map_err(|_| Errno::EFAULT)?;
    let name = Name::<64>::read(name as usize).map_err(|_| Errno::EFAULT)?;
    let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let model = device::Class::new(name).inspect_err(|e| {
        if *e == Errno::EEXIST {
            pr_warn!("sysfs: cannot create duplicate filename '/class/{name}'");
        }
    })?;
    let place = Place::own(model.dir().clone(), at);
    let class = try_arc(Class {
        model,
        module: enter::running().ok_or(Errno::EINVAL)?,
        at,
        devices: SpinLock::new(&DEVICES, Vec::new()),
    })?;
    let resource = Resource {
        kind: &CLASS,
        words: [0; 2],
        object: Some(class),
    };
    ledger::enter_or_undo(at, resource)?;
    let groups = foreign::read_u64(at + offset_of!(CClass, class_groups));
    sysfs::create_groups(&place, groups.map_err(|_| Errno::EFAULT)? as usize)
        .inspect_err(|_| class_unregister(at))
}

fn create(owner: usize, name: usize) -> Result<usize> {
    let at = memory::take_block(size_of::<CClass>(), true, &FOR_MODULE);
    if at == 0 {
        return Err(Errno::ENOMEM);
    }
    let written = foreign::write_bytes(at + offset_of!(CClass, name), &name.to_le_bytes())
        .and_then(|()| foreign::write_bytes(at + offset_of!(CClass, owner), &owner.to_le_bytes()));
    written
        .map_err(|_| Errno::EFAULT)
        .and_then(|()| register(at))
        .inspect_err(|_| memory::give(at, &FOR_MODULE))?;
    Ok(at)
}

/// An error in the place of a pointer.
pub(crate) fn pointer(result: Result<usize>) -> usize {
    result.unwrap_or_else(|e| -i64::from(e.code()) as usize)
}

/// Whether an address is an error in the place of a pointer, or none.
pub(crate) fn is_error_or_null(at: usize) -> bool {
    at == 0 || at > -4096_i64 as usize
}

/// `__class_create(owner, name, key)`.
extern "C" fn __class_create(owner: usize, name: usize, _key: usize) -> usize {
    crate::enter::must_sleep("class_create");
    pointer(create(owner, name))
}

/// `class_destroy(class)`: nothing for NULL and for errors.
extern "C" fn class_destroy(class: usize) {
    crate::enter::must_sleep("class_destroy");
    if is_error_or_null(class) {
        return;
    }
    class_unregister(class);
    memory::give(class, &FOR_MODULE);
}

/// `__class_register(class, key)`.
extern "C" fn __class_register(class: usize, _key: usize) -> i32 {
    crate::enter::must_sleep("class_register");
    status(register(class))
}

/// `class_unregister(class)`.
extern "C" fn class_unregister(class: usize) {
    crate::enter::must_sleep("class_unregister");
    match ledger::take(class, &CLASS) {
        Some(resource) => (CLASS.give_back)(class, resource),
        None => misuse("a class that is not registered"),
    }
}

/// `class_create_file_ns(class, attribute, namespace)`.
extern "C" fn class_create_file_ns(class: usize, attribute: usize, _namespace: usize) -> i32 {
    let made = of(class)
        .ok_or(Errno::EINVAL)
        .and_then(|found| sysfs::make_file(found.model.dir(), class, attribute));
    status(made)
}

/// `class_remove_file_ns(class, attribute, namespace)`.
extern "C" fn class_remove_file_ns(class: usize, attribute: usize, _namespace: usize) {
    if let Some(found) = of(class) {
        let _ = sysfs::remove_file(found.model.dir(), attribute);
    }
}

exports![
    class_destroy;
    gpl: __class_create, __class_register, class_unregister, class_create_file_ns, class_remove_file_ns
];
