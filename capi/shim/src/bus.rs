//! `linux/device/bus.h` and `linux/device/driver.h`: buses, their drivers, and who drives which device.
//!
//! Specification: Documentation/driver-api/driver-model/bus.rst, driver.rst.
use crate::enter;
use crate::export::{exports, status};
use crate::foreign::{Name, word, write};
use crate::layout::{CBus, CDevice, CDriver};
use crate::ledger::{self, Kind, Resource};
use crate::managed;
use crate::objects;
use crate::sysfs::{self, Place};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};
use device::Action;
use kernfs::Node;
use kmem::{TryVec, try_arc};
use module::Module;
use sync::{LockClass, Once, SpinLock, rank};
use trace::{pr_err, pr_warn};

/// What events say drivers belong to.
const DRIVERS: &str = "drivers";
static LISTS: LockClass = LockClass::new("capi.bus", rank::NONE);

/// A bus.
pub(crate) struct Bus {
    pub(crate) model: Arc<device::Bus>,
    /// Address of the `struct bus_type`, and whose it is; the kernel's own has no module.
    at: usize,
    module: Option<Arc<Module>>,
    /// Its devices by the addresses of their `struct device`s.
    devices: SpinLock<Vec<(usize, Arc<device::Device>)>>,
    drivers: SpinLock<Vec<Arc<Driver>>>,
}

/// A driver.
pub(crate) struct Driver {
    bus: Arc<Bus>,
    /// Address of the `struct device_driver`.
    at: usize,
    module: Arc<Module>,
    directory: Arc<Node>,
    gone: AtomicBool,
}

/// What a bus of the kernel's own does instead of functions of a module's.
pub(crate) struct Own {
    pub(crate) matches: fn(device: usize, driver: usize) -> Result<bool>,
    /// Where the functions stand in a structure around the driver's, and by what they know a device.
    pub(crate) probe: fn(driver: usize) -> Result<usize>,
    pub(crate) remove: fn(driver: usize) -> Result<usize>,
    pub(crate) device: fn(device: usize) -> usize,
    /// The line that events of a device have more, with a newline.
    pub(crate) event_line: fn(device: usize) -> Result<String>,
}

/// The kernel's own bus, what it does, and what its devices hang on.
static OWN: Once<(Arc<Bus>, &'static Own, Arc<device::Device>)> = Once::new();

/// Buses of modules', by the address of their `struct bus_type`; the object is a [`Bus`].
static BUS: Kind = Kind {
    name: "bus",
    give_back: |_, resource| {
        if let Some(bus) = resource.object::<Bus>() {
            sysfs::forget_below(bus.model.dir());
            let _ = device::announce(Action::Remove, bus.model.dir(), "bus", "");
            bus.model.dir().remove();
        }
    },
};

/// Drivers, by the address of their `struct device_driver`; the object is a [`Driver`].
static DRIVER: Kind = Kind {
    name: "driver",
    give_back: |_, resource| {
        if let Some(driver) = resource.object::<Driver>() {
            withdraw(&driver);
        }
    },
};

/// Names the kernel's own bus, once.
pub(crate) fn set_own(at: usize, name: &str, own: &'static Own) -> Result<()> {
    if OWN.get().is_none() {
        let bus = try_arc(Bus {
            model: device::Bus::new(name)?,
            at,
            module: None,
            devices: SpinLock::new(&LISTS, Vec::new()),
            drivers: SpinLock::new(&LISTS, Vec::new()),
        })?;
        let root = device::Device::new(&device::NewDevice::named(name))?;
        let _ = OWN.set((bus, own, root));
    }
    Ok(())
}

/// The bus of a `struct bus_type`.
pub(crate) fn of(at: usize) -> Option<Arc<Bus>> {
    match OWN.get() {
        Some((bus, ..)) if bus.at == at => Some(bus.clone()),
        _ => ledger::with(at, &BUS, Resource::object::<Bus>).flatten(),
    }
}

impl Bus {
    fn own(&self) -> Option<&'static Own> {
        OWN.get()
            .filter(|(bus, ..)| bus.at == self.at)
            .map(|(_, own, _)| *own)
    }

    /// What devices without a parent hang on.
    pub(crate) fn root(&self) -> Option<Arc<device::Device>> {
        let own = OWN.get().filter(|(bus, ..)| bus.at == self.at)?;
        Some(own.2.clone())
    }

    /// What events of a device tell of it beside the usual; empty for a module's bus.
    pub(crate) fn event_lines(&self, device: usize) -> Result<String> {
        let line = self.own().map(|own| (own.event_line)(device));
        Ok(line.transpose()?.unwrap_or_default())
    }

    /// Whose it is; none for the kernel's own.
    pub(crate) const fn module(&self) -> Option<&Arc<Module>> {
        self.module.as_ref()
    }

    /// A function of the `struct bus_type`; 0 for none.
    pub(crate) fn function(&self, offset: usize) -> Result<usize> {
        match self.module {
            Some(_) => word(self.at + offset),
            None => Ok(0),
        }
    }

    fn matches(&self, device: usize, driver: &Driver) -> Result<bool> {
        if let Some(own) = self.own() {
            return (own.matches)(device, driver.at);
        }
        match (self.function(offset_of!(CBus, matches))?, &self.module) {
            (0, _) | (_, None) => Ok(true),
            (function, Some(module)) => {
                let arguments = [device as u64, driver.at as u64, 0, 0, 0, 0];
                enter::call_int(module, function, &arguments).map(|answer| answer != 0)
            }
        }
    }

    /// Has a driver take a device or leave it: the bus' function, else the driver's.
    fn turn(&self, device: usize, driver: &Driver, take: bool) -> Result<()> {
        if let Some(own) = self.own() {
            let function = if take { own.probe } else { own.remove };
            let function = function(driver.at)?;
            let arguments = [(own.device)(device) as u64, 0, 0, 0, 0, 0];
            return match function {
                0 => Ok(()),
                function => enter::call_int(&driver.module, function, &arguments).map(drop),
            };
        }
        let (of_bus, of_driver) = match take {
            true => (offset_of!(CBus, probe), offset_of!(CDriver, probe)),
            false => (offset_of!(CBus, remove), offset_of!(CDriver, remove)),
        };
        let arguments = [device as u64, 0, 0, 0, 0, 0];
        match (self.function(of_bus)?, &self.module) {
            (0, _) | (_, None) => match word(driver.at + of_driver)? {
                0 => Ok(()),
                function => enter::call_int(&driver.module, function, &arguments).map(drop),
            },
            (function, Some(module)) => enter::call_int(module, function, &arguments).map(drop),
        }
    }

    fn model_of(&self, device: usize) -> Option<Arc<device::Device>> {
        let devices = self.devices.lock();
        let found = devices.iter().find(|(at, _)| *at == device);
        found.map(|(_, model)| model.clone())
    }

    /// The device that came after one, or the first for 0.
    fn device_after(&self, after: usize) -> Option<usize> {
        let devices = self.devices.lock();
        let next = match after {
            0 => 0,
            after => devices.iter().position(|(at, _)| *at == after)? + 1,
        };
        devices.get(next).map(|(at, _)| *at)
    }

    fn driver_number(&self, number: usize) -> Option<Arc<Driver>> {
        self.drivers.lock().get(number).cloned()
    }
}

/// A device of the bus is there: looks for a driver.
pub(crate) fn add_device(bus: &Bus, device: usize, model: Arc<device::Device>) -> Result<()> {
    bus.devices.lock().try_push((device, model))?;
    for number in 0.. {
        let Some(driver) = bus.driver_number(number) else {
            break;
        };
        if bind(&driver, device) {
            break;
        }
    }
    Ok(())
}

/// A device of the bus goes.
pub(crate) fn remove_device(bus: &Bus, device: usize) {
    let there = bus.devices.lock().iter().any(|(at, _)| *at == device);
    if !there {
        return;
    }
    if let Ok(at) = word(device + offset_of!(CDevice, driver))
        && let Some(driver) = ledger::with(at, &DRIVER, Resource::object::<Driver>).flatten()
    {
        unbind(&driver, device);
    }
    forget(bus, device);
}

/// A device of the bus went with its module: nothing is called.
pub(crate) fn forget(bus: &Bus, device: usize) {
    let member = {
        let mut devices = bus.devices.lock();
        let at = devices.iter().position(|(at, _)| *at == device);
        at.map(|at| devices.remove(at))
    };
    if let Some((_, model)) = member {
        let name = model.dir().name();
        for number in 0.. {
            let Some(driver) = bus.driver_number(number) else {
                break;
            };
            if let Some(link) = driver.directory.child(name) {
                link.remove();
            }
        }
    }
}

/// Tries to have a driver take a device. True: it did.
fn bind(driver: &Arc<Driver>, device: usize) -> bool {
    let bus = &driver.bus;
    let free = word(device + offset_of!(CDevice, driver)) == Ok(0);
    if !free || driver.gone.load(Ordering::SeqCst) || bus.matches(device, driver) != Ok(true) {
        return false;
    }
    let _ = write(device + offset_of!(CDevice, driver), driver.at);
    match bus.turn(device, driver, true) {
        Ok(()) => {
            show(driver, device);
            true
        }
        Err(e) => {
            if !matches!(e, Errno::ENODEV | Errno::ENXIO) {
                let name = crate::kobject::name_of(device).ok();
                let name = name.as_ref().map_or(&b"?"[..], Name::as_bytes);
                let driver = driver.directory.name();
                pr_warn!(
                    "{driver}: probe of {} failed with error -{}",
                    core::str::from_utf8(name).unwrap_or("?"),
                    e.code()
                );
            }
            managed::release(device);
            let _ = write(device + offset_of!(CDevice, driver), 0);
            false
        }
    }
}

/// Links a device and its driver to each other.
fn show(driver: &Driver, device: usize) {
    if let Some(directory) = objects::directory(device) {
        let made = driver
            .directory
            .add_link(directory.name(), &directory)
            .and_then(|_| directory.add_link("driver", &driver.directory));
        if let Err(e) = made {
            pr_err!("{}: no links to its device: {e:?}", driver.directory.name());
        }
    }
    if let Some(model) = driver.bus.model_of(device) {
        let _ = model
            .set_driver(Some(driver.directory.name()))
            .and_then(|()| model.announce(Action::Bind));
    }
}

/// A driver leaves a device.
fn unbind(driver: &Driver, device: usize) {
    let _ = driver.bus.turn(device, driver, false);
    managed::release(device);
    let _ = write(device + offset_of!(CDevice, driver), 0);
    let _ = write(device + offset_of!(CDevice, driver_data), 0);
    if let Some(directory) = objects::directory(device) {
        let links = [
            driver.directory.child(directory.name()),
            directory.child("driver"),
        ];
        for link in links.iter().flatten() {
            link.remove();
        }
    }
    if let Some(model) = driver.bus.model_of(device) {
        let _ = model
            .set_driver(None)
            .and_then(|()| model.announce(Action::Unbind));
    }
}

/// A driver goes: it leaves its devices.
fn withdraw(driver: &Arc<Driver>) {
    driver.gone.store(true, Ordering::SeqCst);
    let mut after = 0;
    while let Some(device) = driver.bus.device_after(after) {
        after = device;
        if word(device + offset_of!(CDevice, driver)) == Ok(driver.at) {
            unbind(driver, device);
        }
    }
    let mut drivers = driver.bus.drivers.lock();
    drivers.retain(|other| !Arc::ptr_eq(other, driver));
    drop(drivers);
    let _ = device::announce(Action::Remove, &driver.directory, DRIVERS, "");
    sysfs::remove_directory(&driver.directory);
}

fn name_at(at: usize) -> Result<Name<128>> {
    Name::read(word(at)?).map_err(|_| Errno::EFAULT)
}

fn text<const N: usize>(name: &Name<N>) -> Result<&str> {
    core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)
}

fn register_bus(at: usize) -> Result<()> {
    let name = name_at(at + offset_of!(CBus, name))?;
    let bus = try_arc(Bus {
        model: device::Bus::new(text(&name)?)?,
        at,
        module: Some(enter::running().ok_or(Errno::EINVAL)?),
        devices: SpinLock::new(&LISTS, Vec::new()),
        drivers: SpinLock::new(&LISTS, Vec::new()),
    })?;
    let place = Place::short(bus.model.dir().clone(), at);
    let resource = Resource {
        kind: &BUS,
        words: [0; 2],
        object: Some(bus),
    };
    ledger::enter_or_undo(at, resource)?;
    sysfs::create_groups(&place, word(at + offset_of!(CBus, bus_groups))?)
        .inspect_err(|_| bus_unregister(at))
}

fn register_driver(at: usize) -> Result<()> {
    let bus = of(word(at + offset_of!(CDriver, bus))?).ok_or(Errno::EINVAL)?;
    let name = name_at(at + offset_of!(CDriver, name))?;
    let name = text(&name)?;
    let directory = bus.model.drivers().add_dir(name).map_err(|e| match e {
        Errno::EEXIST => {
            pr_err!("Error: Driver '{name}' is already registered, aborting...");
            Errno::EBUSY
        }
        e => e,
    })?;
    let module = enter::running().ok_or(Errno::EINVAL)?;
    if let Some(owner) = module.directory() {
        directory.add_link("module", owner)?;
    }
    let driver = try_arc(Driver {
        bus: bus.clone(),
        at,
        module,
        directory: directory.clone(),
        gone: AtomicBool::new(false),
    })?;
    let resource = Resource {
        kind: &DRIVER,
        words: [0; 2],
        object: Some(driver.clone()),
    };
    ledger::enter_or_undo(at, resource)?;
    device::add_trigger(&directory, DRIVERS)?;
    bus.drivers.lock().try_push(driver.clone())?;
    let place = Place::short(directory, at);
    sysfs::create_groups(&place, word(at + offset_of!(CDriver, groups))?)
        .inspect_err(|_| driver_unregister(at))?;
    let mut after = 0;
    while let Some(device) = bus.device_after(after) {
        after = device;
        bind(&driver, device);
    }
    device::announce(Action::Add, &driver.directory, DRIVERS, "")
}

/// `bus_register(bus)`.
extern "C" fn bus_register(at: usize) -> i32 {
    crate::enter::must_sleep("bus_register");
    status(register_bus(at))
}

/// `bus_unregister(bus)`.
extern "C" fn bus_unregister(at: usize) {
    crate::enter::must_sleep("bus_unregister");
    if let Some(resource) = ledger::take(at, &BUS) {
        (BUS.give_back)(at, resource);
    }
}

/// `driver_register(driver)`.
pub(crate) extern "C" fn driver_register(at: usize) -> i32 {
    crate::enter::must_sleep("driver_register");
    status(register_driver(at))
}

/// `driver_unregister(driver)`.
pub(crate) extern "C" fn driver_unregister(at: usize) {
    crate::enter::must_sleep("driver_unregister");
    if let Some(resource) = ledger::take(at, &DRIVER) {
        (DRIVER.give_back)(at, resource);
    }
}

/// `bus_create_file(bus, attribute)`.
extern "C" fn bus_create_file(at: usize, attribute: usize) -> i32 {
    let bus = of(at).ok_or(Errno::EINVAL);
    status(bus.and_then(|bus| sysfs::make_short(bus.model.dir(), at, attribute)))
}

/// `bus_remove_file(bus, attribute)`.
extern "C" fn bus_remove_file(at: usize, attribute: usize) {
    if let Some(bus) = of(at) {
        let _ = sysfs::remove_file(bus.model.dir(), attribute);
    }
}

fn driver_directory(at: usize) -> Result<Arc<Node>> {
    let driver = ledger::with(at, &DRIVER, Resource::object::<Driver>).flatten();
    driver
        .map(|driver| driver.directory.clone())
        .ok_or(Errno::EINVAL)
}

/// `driver_create_file(driver, attribute)`.
extern "C" fn driver_create_file(at: usize, attribute: usize) -> i32 {
    status(driver_directory(at).and_then(|node| sysfs::make_short(&node, at, attribute)))
}

/// `driver_remove_file(driver, attribute)`.
extern "C" fn driver_remove_file(at: usize, attribute: usize) {
    if let Ok(node) = driver_directory(at) {
        let _ = sysfs::remove_file(&node, attribute);
    }
}

exports![;
    gpl: bus_register, bus_unregister, driver_register, driver_unregister, bus_create_file, bus_remove_file,
    driver_create_file, driver_remove_file
];
