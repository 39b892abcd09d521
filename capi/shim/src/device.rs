//! `linux/device.h`.
use crate::class::{self, Class, pointer};
use crate::enter;
use crate::export::exports;
use crate::foreign::{self, Name};
use crate::layout::{CClass, CDevice, CKobject};
use crate::ledger::{self, Kind, Resource};
use crate::memory::{self, FOR_MODULE, MEMORY};
use crate::va_list::{VaList, variadic};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use core::mem::offset_of;
use device::Node;
use kmem::{TryString, try_arc};
use vfs::FileType;

/// Longest name of a device.
const NAME: usize = 256;
/// Permissions of a node unless the class says otherwise.
const NODE_MODE: u32 = 0o600;

/// A device of a module's.
struct Device {
    class: Arc<Class>,
    /// The name of its node, if it has one.
    node: Option<String>,
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
        device.class.remove_device(at);
        if let Some(name) = &device.node {
            let _ = device::remove_node(name);
        }
    }
}

fn write(at: usize, word: usize) -> Result<()> {
    foreign::write_bytes(at, &word.to_le_bytes()).map_err(|_| Errno::EFAULT)
}

/// A formatted name in memory of its own; its address.
fn name_block(text: &[u8]) -> Result<usize> {
    let at = memory::take_block(text.len() + 1, true, &FOR_MODULE);
    if at == 0 {
        return Err(Errno::ENOMEM);
    }
    foreign::write_bytes(at, text).map_err(|_| Errno::EFAULT)?;
    Ok(at)
}

/// Name and permissions of a device's node, as its class wants them.
fn node_of(class: &Class, device: usize, name: &str) -> Result<(String, u32)> {
    let mut mode: u16 = 0;
    let devnode = class.function(offset_of!(CClass, devnode));
    let mut wanted = 0;
    if devnode != 0 {
        let arguments = [device as u64, &raw mut mode as u64, 0, 0, 0, 0];
        wanted = enter::call(&class.module, devnode, &arguments)? as usize;
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
    // A name can't hold a slash, a path can.
    let mut path = String::new();
    for (at, part) in node.split('!').enumerate() {
        if at != 0 {
            path.try_push_str("/")?;
        }
        path.try_push_str(part)?;
    }
    let mode = match u32::from(mode) & vfs::PERM_MASK {
        0 => NODE_MODE,
        mode => mode,
    };
    Ok((path, mode))
}

/// Makes a device known: its node first of all.
fn add(class: &Arc<Class>, at: usize, number: u32, name: &str) -> Result<()> {
    let mut node = None;
    if number != 0 {
        let (path, mode) = node_of(class, at, name)?;
        device::add_node(Node {
            name: &path,
            kind: FileType::CharDevice,
            rdev: crate::layout::rdev(number),
            mode,
        })?;
        node = Some(path);
    }
    let device = try_arc(Device {
        class: class.clone(),
        node,
    })?;
    let resource = Resource {
        kind: &DEVICE,
        words: [0; 2],
        object: Some(device),
    };
    ledger::enter_or_undo(at, resource)?;
    class.add_device(number, at).inspect_err(|_| remove(at))
}

/// Takes a device away, if there is one.
fn remove(at: usize) {
    if let Some(resource) = ledger::take(at, &DEVICE) {
        withdraw(at, resource);
    }
}

fn create(class: usize, parent: usize, number: u32, data: usize, name: &[u8]) -> Result<usize> {
    let class_at = class;
    let class = class::of(class).ok_or(Errno::ENODEV)?;
    let text = core::str::from_utf8(name).map_err(|_| Errno::EINVAL)?;
    let at = memory::take_block(size_of::<CDevice>(), true, &FOR_MODULE);
    if at == 0 {
        return Err(Errno::ENOMEM);
    }
    let filled = name_block(name).and_then(|name| {
        write(at + offset_of!(CKobject, name), name)?;
        write(at + offset_of!(CKobject, references), 1)?;
        write(at + offset_of!(CDevice, parent), parent)?;
        write(at + offset_of!(CDevice, driver_data), data)?;
        write(at + offset_of!(CDevice, devt), number as usize)?;
        write(at + offset_of!(CDevice, class), class_at)?;
        add(&class, at, number, text)
    });
    filled.inspect_err(|_| free(at))?;
    Ok(at)
}

/// Gives the memory of a device that `device_create` made back.
fn free(at: usize) {
    if let Ok(name) = foreign::read_u64(at + offset_of!(CKobject, name)) {
        memory::give(name as usize, &FOR_MODULE);
    }
    memory::give(at, &FOR_MODULE);
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
    pointer(create(class, parent, number, data, &name[..len]))
}

/// `device_destroy(class, number)`: nothing when there is no such device.
extern "C" fn device_destroy(class: usize, number: u32) {
    let device = class::of(class).and_then(|class| class.device(number));
    if let Some(at) = device {
        remove(at);
        free(at);
    }
}

variadic! {
    /// `device_create(class, parent, number, data, format, ...)`.
    device_create(5, "r9") => create_with;
}

exports![; gpl: device_create, device_destroy];
