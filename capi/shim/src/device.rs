//! `linux/device.h`.
//!
//! Specification: Documentation/driver-api/driver-model/device.rst.
use crate::bus::{self, Bus};
use crate::class::{self, Class, pointer};
use crate::description::Description;
use crate::enter;
use crate::export::{exports, status};
use crate::foreign::{Name, word, write};
use crate::kobject;
use crate::layout::{CBus, CClass, CDevice, CDeviceType, CKtype, MINOR_BITS};
use crate::ledger::{self, Kind, Resource};
use crate::managed;
use crate::memory::{self, FOR_MODULE, MEMORY};
use crate::objects::{self, PART};
use crate::sysfs::{self, Place};
use crate::va_list::{VaList, variadic};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use core::mem::offset_of;
use device::{Action, NewDevice, Node};
use kmem::{TryString, try_arc};
use trace::pr_warn;
use vfs::FileType;

/// Longest name of a device.
const NAME: usize = 255;
/// Permissions of a node unless the class says otherwise.
const NODE_MODE: u32 = 0o600;

/// A device of a module's.
pub(crate) struct Device {
    pub(crate) model: Arc<device::Device>,
    class: Option<Arc<Class>>,
    bus: Option<Arc<Bus>>,
    description: Arc<Description>,
}

/// Devices, by the address of their `struct device`; the object is a [`Device`].
static DEVICE: Kind = Kind {
    name: "device",
    give_back: withdraw,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn withdraw(at: usize, resource: Resource) {
    if let Some(device) = resource.object::<Device>() {
        if let Some(class) = &device.class {
            class.remove_device(at);
        }
        if let Some(bus) = &device.bus {
            bus::forget(bus, at);
        }
        sysfs::forget_below(device.model.dir());
        device.model.remove();
        device.description.stop();
        device.model.set_description(None);
        if enter::running().is_none() {
            // It went with its module: nobody puts it.
            managed::release(at);
        }
    }
}

/// The type of all devices.
static TYPE: CKtype = CKtype {
    release: Some(release_device),
    sysfs_ops: 0,
    default_groups: 0,
};

/// The device of a `struct device`.
pub(crate) fn of(at: usize) -> Option<Arc<Device>> {
    ledger::with(at, &DEVICE, Resource::object::<Device>).flatten()
}

/// The first function that is set of a device's own, its type's and its class'.
fn first_function(at: usize, own: usize, of_type: usize, of_class: usize) -> Result<usize> {
    let own = word(at + own)?;
    if own != 0 {
        return Ok(own);
    }
    let kind = word(at + offset_of!(CDevice, kind))?;
    if kind != 0 && word(kind + of_type)? != 0 {
        return word(kind + of_type);
    }
    match word(at + offset_of!(CDevice, class))? {
        0 => Ok(0),
        class => word(class + of_class),
    }
}

/// The last reference to a device is gone.
extern "C" fn release_device(at: usize) {
    managed::release(at);
    let release = first_function(
        at,
        offset_of!(CDevice, release),
        offset_of!(CDeviceType, release),
        offset_of!(CClass, dev_release),
    );
    match release {
        Ok(0) | Err(_) => {
            let name = kobject::name_of(at).ok();
            let name = name.as_ref().map_or(&b"?"[..], Name::as_bytes);
            pr_warn!(
                "Device '{}' does not have a release() function, it is broken and must be fixed.",
                core::str::from_utf8(name).unwrap_or("?")
            );
        }
        Ok(release) => {
            enter::back(release, &[at as u64, 0, 0, 0, 0, 0]);
        }
    }
}

/// Frees what `device_create` made.
extern "C" fn free_created(at: usize) {
    memory::give(at, &FOR_MODULE);
}

/// Name and permissions of a device's node, as its class wants them; the permissions are 0 when it does not say.
fn node_of(class: Option<&Arc<Class>>, device: usize, name: &str) -> Result<(String, u32)> {
    let mut mode: u16 = 0;
    let mut wanted = 0;
    if let Some(class) = class {
        let devnode = class.function(offset_of!(CClass, devnode));
        if devnode != 0 {
            let arguments = [device as u64, &raw mut mode as u64, 0, 0, 0, 0];
            wanted = enter::call(&class.module, devnode, &arguments)? as usize;
        }
    }
    let mut node = String::new();
    if class::is_error_or_null(wanted) {
        node.try_push_str(name)?;
    } else {
        let given = Name::<NAME>::read(wanted).map_err(|_| Errno::EFAULT)?;
        node.try_push_str(core::str::from_utf8(given.as_bytes()).unwrap_or("?"))?;
        // The class has allocated it for us.
        memory::give(wanted, &MEMORY);
    }
    Ok((path_of(&node)?, u32::from(mode) & vfs::PERM_MASK))
}

/// A name can't hold a slash, a path can: `!` stands for it.
pub(crate) fn path_of(name: &str) -> Result<String> {
    let mut path = String::new();
    for (at, part) in name.split('!').enumerate() {
        if at != 0 {
            path.try_push_str("/")?;
        }
        path.try_push_str(part)?;
    }
    Ok(path)
}

/// A device begins: one reference, no place.
pub(crate) extern "C" fn device_initialize(at: usize) {
    if kobject::init(at, &raw const TYPE as usize).is_err() {
        enter::misuse("device_initialize of what is no memory");
    }
}

/// Gives it the name that its maker put beside it.
fn take_name(at: usize) -> Result<()> {
    let first = word(at + offset_of!(CDevice, init_name))?;
    if first == 0 {
        return Ok(());
    }
    let name = Name::<NAME>::read(first).map_err(|_| Errno::EFAULT)?;
    kobject::set_name(at, name.as_bytes())?;
    write(at + offset_of!(CDevice, init_name), 0)
}

/// Makes a device known: directory, files, node.
fn add(at: usize) -> Result<()> {
    take_name(at)?;
    let name = kobject::name_of(at)?;
    let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let class = match word(at + offset_of!(CDevice, class))? {
        0 => None,
        class => Some(class::of(class).ok_or(Errno::EINVAL)?),
    };
    let bus = match word(at + offset_of!(CDevice, bus))? {
        0 => None,
        bus => Some(bus::of(bus).ok_or(Errno::EINVAL)?),
    };
    let parent = match word(at + offset_of!(CDevice, parent))? {
        0 => bus.as_ref().and_then(|bus| bus.root()),
        parent => Some(of(parent).ok_or(Errno::EINVAL)?.model.clone()),
    };
    let number = word(at + offset_of!(CDevice, devt))? as u32;
    let mut node = None;
    if number >> MINOR_BITS != 0 {
        node = Some(node_of(class.as_ref(), at, name)?);
    }
    let node = node.as_ref().map(|(path, mode)| Node {
        name: path,
        kind: FileType::CharDevice,
        rdev: crate::layout::rdev(number),
        mode: if *mode == 0 { NODE_MODE } else { *mode },
    });
    let model = device::Device::new(&NewDevice {
        name,
        parent: parent.as_ref(),
        class: class.as_ref().map(|class| &class.model),
        bus: bus.as_ref().map(|bus| &bus.model),
        node,
        mode_is_wanted: node.is_some_and(|node| node.mode != NODE_MODE),
    });
    let model = model.inspect_err(|e| {
        if *e == Errno::EEXIST {
            pr_warn!("sysfs: cannot create duplicate filename '{name}'");
            trace::oops::dump_stack(trace::Level::Warning);
        }
    })?;
    let directory = model.dir().clone();
    let module = enter::running().ok_or(Errno::EINVAL)?;
    let description = try_arc(Description::new(at, module, class.clone(), bus.clone()))?;
    let device = try_arc(Device {
        model: model.clone(),
        class: class.clone(),
        bus: bus.clone(),
        description: description.clone(),
    })?;
    let resource = Resource {
        kind: &DEVICE,
        words: [0; 2],
        object: Some(device),
    };
    ledger::enter_or_undo(at, resource)?;
    let finished = objects::bind(at, &PART, directory)
        .and_then(|()| class.as_ref().map_or(Ok(()), |c| c.add_device(number, at)))
        .and_then(|()| create_groups(at, class.as_ref(), bus.as_ref()))
        .map(|()| {
            model.set_description(Some(description.clone()));
            // The device is there, told of or not.
            let _ = model.announce(Action::Add);
        })
        .and_then(|()| {
            bus.as_ref()
                .map_or(Ok(()), |bus| bus::add_device(bus, at, model.clone()))
        });
    finished.inspect_err(|_| remove(at))?;
    Ok(())
}

/// The files that the device's class, its type and its maker want.
fn create_groups(at: usize, class: Option<&Arc<Class>>, bus: Option<&Arc<Bus>>) -> Result<()> {
    let place = Place::of(at)?;
    if let Some(bus) = bus {
        let groups = bus.function(offset_of!(CBus, dev_groups))?;
        sysfs::create_groups(&place, groups)?;
    }
    if let Some(class) = class {
        sysfs::create_groups(&place, class.function(offset_of!(CClass, dev_groups)))?;
    }
    let kind = word(at + offset_of!(CDevice, kind))?;
    if kind != 0 {
        sysfs::create_groups(&place, word(kind + offset_of!(CDeviceType, groups))?)?;
    }
    sysfs::create_groups(&place, word(at + offset_of!(CDevice, groups))?)
}

/// Takes a device away, if there is one; the memory stays.
fn remove(at: usize) {
    if let Some(bus) = of(at).and_then(|device| device.bus.clone()) {
        bus::remove_device(&bus, at);
    }
    let _ = objects::unbind(at, &PART);
    if let Some(resource) = ledger::take(at, &DEVICE) {
        withdraw(at, resource);
    }
}

/// `device_add(device)`.
pub(crate) extern "C" fn device_add(at: usize) -> i32 {
    crate::enter::must_sleep("device_add");
    if at == 0 {
        return -Errno::EINVAL.code();
    }
    status(add(at))
}

/// `device_register(device)`.
extern "C" fn device_register(at: usize) -> i32 {
    device_initialize(at);
    device_add(at)
}

/// `device_del(device)`.
pub(crate) extern "C" fn device_del(at: usize) {
    crate::enter::must_sleep("device_del");
    remove(at);
}

/// `device_unregister(device)`.
extern "C" fn device_unregister(at: usize) {
    remove(at);
    kobject::kobject_put(at);
}

/// `get_device(device)`: the same again.
extern "C" fn get_device(at: usize) -> usize {
    kobject::kobject_get(at)
}

/// `put_device(device)`.
pub(crate) extern "C" fn put_device(at: usize) {
    kobject::kobject_put(at);
}

extern "C" fn set_name_with(at: usize, format: usize, list: &VaList) -> i32 {
    let mut name = [0; NAME];
    let len = crate::print::format_to(&mut name, format, *list).min(NAME);
    status(kobject::set_name(at, &name[..len]))
}

fn create(
    class: usize,
    parent: usize,
    number: u32,
    data: usize,
    groups: usize,
    name: &[u8],
) -> Result<usize> {
    if class::of(class).is_none() {
        return Err(Errno::ENODEV);
    }
    let at = memory::take_block(size_of::<CDevice>(), true, &FOR_MODULE);
    if at == 0 {
        return Err(Errno::ENOMEM);
    }
    let made = || {
        kobject::init(at, &raw const TYPE as usize)?;
        kobject::set_name(at, name)?;
        write(at + offset_of!(CDevice, parent), parent)?;
        write(at + offset_of!(CDevice, driver_data), data)?;
        write(at + offset_of!(CDevice, devt), number as usize)?;
        write(at + offset_of!(CDevice, class), class)?;
        write(at + offset_of!(CDevice, groups), groups)?;
        let release = free_created as *const () as usize;
        write(at + offset_of!(CDevice, release), release)?;
        add(at)
    };
    if let Err(e) = made() {
        kobject::kobject_put(at);
        return Err(e);
    }
    Ok(at)
}

extern "C" fn create_with(
    class: usize,
    parent: usize,
    number: u32,
    data: usize,
    format: usize,
    list: &VaList,
) -> usize {
    let mut name = [0; NAME];
    let len = crate::print::format_to(&mut name, format, *list).min(NAME);
    pointer(create(class, parent, number, data, 0, &name[..len]))
}

/// `groups` takes the place of the format, which is the first of the list.
extern "C" fn create_with_groups(
    class: usize,
    parent: usize,
    number: u32,
    data: usize,
    groups: usize,
    list: &VaList,
) -> usize {
    let mut list = *list;
    let format = list.next() as usize;
    let mut name = [0; NAME];
    let len = crate::print::format_to(&mut name, format, list).min(NAME);
    pointer(create(class, parent, number, data, groups, &name[..len]))
}

/// `device_destroy(class, number)`: nothing when there is no such device.
extern "C" fn device_destroy(class: usize, number: u32) {
    crate::enter::must_sleep("device_destroy");
    let device = class::of(class).and_then(|class| class.device(number));
    if let Some(at) = device {
        device_unregister(at);
    }
}

/// `device_create_file(device, attribute)`.
extern "C" fn device_create_file(at: usize, attribute: usize) -> i32 {
    let directory = objects::directory(at).ok_or(Errno::EINVAL);
    status(directory.and_then(|directory| sysfs::make_file(&directory, at, attribute)))
}

/// `device_remove_file(device, attribute)`.
extern "C" fn device_remove_file(at: usize, attribute: usize) {
    if let Some(directory) = objects::directory(at) {
        let _ = sysfs::remove_file(&directory, attribute);
    }
}

variadic! {
    /// `device_create(class, parent, number, data, format, ...)`.
    device_create(5, "r9") => create_with;
    /// `device_create_with_groups(class, parent, number, data, groups, format, ...)`.
    device_create_with_groups(5, "r9") => create_with_groups;
    /// `dev_set_name(device, format, ...)`.
    dev_set_name(2, "rdx") => set_name_with;
}

exports![;
    gpl: device_initialize, device_add, device_register, device_del, device_unregister, get_device, put_device,
    dev_set_name, device_create, device_create_with_groups, device_destroy, device_create_file, device_remove_file
];
