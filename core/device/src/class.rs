//! Classes and buses: what devices are sorted by.
use crate::sysfs::sysfs_dir;
use crate::uevent::{Action, add_trigger, announce};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kernfs::Node;
use kmem::{TryVec, try_arc};
use sync::{LockClass, Mutex, rank};

static KERNEL: LockClass = LockClass::new("device.classes", rank::DIR_INDEX);
/// The classes of the kernel's own devices.
static OWN: Mutex<Vec<Arc<Class>>> = Mutex::new(&KERNEL, Vec::new());

/// A kind of device, by what it does: /sys/class/NAME.
pub struct Class {
    dir: Arc<Node>,
}

impl Class {
    /// A new class. EEXIST, EINVAL, ENOMEM.
    pub fn new(name: &str) -> Result<Arc<Self>> {
        let dir = sysfs_dir("class")?.add_dir(name)?;
        let class = try_arc(Self { dir: dir.clone() }).inspect_err(|_| {
            dir.remove();
        })?;
        announce(Action::Add, &class.dir, "class", "")?;
        Ok(class)
    }

    /// The class of that name of the kernel's own devices, made if it is missing. EEXIST: a module has one; ENOMEM.
    pub fn kernel(name: &str) -> Result<Arc<Self>> {
        let known = |own: &Vec<Arc<Self>>| own.iter().find(|c| c.name() == name).cloned();
        if let Some(class) = known(&OWN.lock()) {
            return Ok(class);
        }
        let class = Self::new(name)?;
        OWN.lock().try_push(class.clone())?;
        Ok(class)
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.dir.name()
    }

    /// Its directory.
    #[must_use]
    pub const fn dir(&self) -> &Arc<Node> {
        &self.dir
    }

    /// Takes it away.
    pub fn remove(&self) {
        let _ = announce(Action::Remove, &self.dir, "class", "");
        self.dir.remove();
    }
}

/// A way that devices are reached: /sys/bus/NAME.
pub struct Bus {
    dir: Arc<Node>,
    devices: Arc<Node>,
    drivers: Arc<Node>,
}

impl Bus {
    /// A new bus. EEXIST, EINVAL, ENOMEM.
    pub fn new(name: &str) -> Result<Arc<Self>> {
        let dir = sysfs_dir("bus")?.add_dir(name)?;
        let made = dir.add_dir("devices").and_then(|devices| {
            let drivers = dir.add_dir("drivers")?;
            add_trigger(&dir, "bus")?;
            let bus = try_arc(Self {
                dir: dir.clone(),
                devices,
                drivers,
            })?;
            announce(Action::Add, &dir, "bus", "")?;
            Ok(bus)
        });
        made.inspect_err(|_| {
            dir.remove();
        })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.dir.name()
    }

    /// Its directory.
    #[must_use]
    pub const fn dir(&self) -> &Arc<Node> {
        &self.dir
    }

    /// Where links to its devices stand.
    pub(crate) const fn devices(&self) -> &Arc<Node> {
        &self.devices
    }

    /// The directory of its drivers.
    #[must_use]
    pub const fn drivers(&self) -> &Arc<Node> {
        &self.drivers
    }

    /// Takes it away. EBUSY: it has devices or drivers.
    pub fn remove(&self) -> Result<()> {
        if !self.devices.is_empty() || !self.drivers.is_empty() {
            return Err(Errno::EBUSY);
        }
        let _ = announce(Action::Remove, &self.dir, "bus", "");
        self.dir.remove();
        Ok(())
    }
}
