//! What events of a device say that a module made: `dev_uevent` of its class, `uevent` of its bus and its type.
use crate::bus::Bus;
use crate::class::Class;
use crate::enter;
use crate::environment;
use crate::foreign::{Name, word};
use crate::layout::{CBus, CClass, CDevice, CDeviceType};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::Arc;
use core::mem::offset_of;
use core::sync::atomic::{AtomicBool, Ordering};
use device::Describe;
use kmem::{TryString, try_format};
use module::Module;

/// Who adds lines to the events of a device of a module's.
pub(crate) struct Description {
    /// Address of the `struct device`.
    at: usize,
    /// Who made the device, and what it belongs to.
    module: Arc<Module>,
    class: Option<Arc<Class>>,
    bus: Option<Arc<Bus>>,
    gone: AtomicBool,
}

impl Description {
    pub(crate) const fn new(
        at: usize,
        module: Arc<Module>,
        class: Option<Arc<Class>>,
        bus: Option<Arc<Bus>>,
    ) -> Self {
        Self {
            at,
            module,
            class,
            bus,
            gone: AtomicBool::new(false),
        }
    }

    /// The device is on its way out: it is not looked at any more.
    pub(crate) fn stop(&self) {
        self.gone.store(true, Ordering::Release);
    }

    /// Calls one function, if there is one. What a module in quarantine would say is nothing.
    fn call(&self, module: &Arc<Module>, function: usize, environment: usize) -> Result<()> {
        if function == 0 || !module.may_enter() {
            return Ok(());
        }
        let arguments = [self.at as u64, environment as u64, 0, 0, 0, 0];
        enter::call_int(module, function, &arguments).map(drop)
    }
}

impl Describe for Description {
    fn lines(&self) -> Result<String> {
        if self.gone.load(Ordering::Acquire) {
            return Ok(String::new());
        }
        let kind = word(self.at + offset_of!(CDevice, kind))?;
        let mut all = String::new();
        if kind != 0 && word(kind + offset_of!(CDeviceType, name))? != 0 {
            let name = Name::<64>::read(word(kind + offset_of!(CDeviceType, name))?);
            let name = name.map_err(|_| Errno::EFAULT)?;
            let name = core::str::from_utf8(name.as_bytes()).map_err(|_| Errno::EINVAL)?;
            all.try_push_str(&try_format!("DEVTYPE={name}\n")?)?;
        }
        if let Some(bus) = &self.bus {
            all.try_push_str(&bus.event_lines(self.at)?)?;
        }
        let added = environment::lines(|environment| {
            if let Some(bus) = &self.bus {
                let function = bus.function(offset_of!(CBus, uevent))?;
                self.call(bus.module().unwrap_or(&self.module), function, environment)?;
            }
            if let Some(class) = &self.class {
                let function = class.function(offset_of!(CClass, dev_uevent));
                self.call(&class.module, function, environment)?;
            }
            if kind != 0 {
                let function = word(kind + offset_of!(CDeviceType, uevent))?;
                self.call(&self.module, function, environment)?;
            }
            Ok(())
        })?;
        all.try_push_str(&added)?;
        Ok(all)
    }
}
