//! Devices: a directory of sysfs each, links to it from where it is looked for, and a node.
use crate::class::{Bus, Class};
use crate::nodes::{self, Node};
use crate::sysfs::sysfs_dir;
use crate::uevent::{self, Action};
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use kernfs::Attribute;
use kmem::{TryString, TryVec, try_arc, try_format};
use sync::{LockClass, Mutex, rank};
use vfs::{FileType, SeqBuf, major, minor};

static FACTS: LockClass = LockClass::new("device.facts", rank::DIR_INDEX);
static KEPT: LockClass = LockClass::new("device.kept", rank::DIR_INDEX);

/// What a device is to be.
#[derive(Clone, Copy)]
pub struct NewDevice<'a> {
    /// Its name, a plain one.
    pub name: &'a str,
    /// What it hangs on.
    pub parent: Option<&'a Arc<Device>>,
    /// What it does.
    pub class: Option<&'a Arc<Class>>,
    /// How it is reached.
    pub bus: Option<&'a Arc<Bus>>,
    /// Its node under /dev.
    pub node: Option<Node<'a>>,
    /// Whether the permissions of the node were asked for, so that user space is told of them.
    pub mode_is_wanted: bool,
}

impl<'a> NewDevice<'a> {
    /// One of that name and nothing else.
    #[must_use]
    pub const fn named(name: &'a str) -> Self {
        Self {
            name,
            parent: None,
            class: None,
            bus: None,
            node: None,
            mode_is_wanted: false,
        }
    }
}

/// What `uevent` tells.
struct Facts {
    number: Option<u64>,
    node: Option<String>,
    mode: Option<u32>,
    /// The name of its class or its bus.
    subsystem: Option<String>,
    changing: Mutex<Changing>,
}

#[derive(Default)]
struct Changing {
    driver: Option<String>,
    /// Adds lines.
    more: Option<Arc<dyn Describe>>,
}

/// Who made a device knows more of it.
pub trait Describe: Send + Sync {
    /// What its events say beside the usual lines: a line each, with a newline at its end. Asked for each of them. An
    /// error: the event is not told.
    fn lines(&self) -> Result<String>;
}

/// A device.
pub struct Device {
    dir: Arc<kernfs::Node>,
    /// The directory between the parent's and ours, which goes with its last device.
    glue: Option<Arc<kernfs::Node>>,
    has_class: bool,
    facts: Arc<Facts>,
    links: Mutex<Vec<Arc<kernfs::Node>>>,
    has_node: AtomicBool,
    /// Its coming was told.
    is_told: AtomicBool,
}

impl Facts {
    /// Calls `each` with what is known, a line each.
    fn each_line(&self, each: &mut dyn FnMut(core::fmt::Arguments<'_>)) -> Result<()> {
        if let Some(number) = self.number {
            each(format_args!(
                "MAJOR={}\nMINOR={}\n",
                major(number),
                minor(number)
            ));
        }
        if let Some(node) = &self.node {
            each(format_args!("DEVNAME={node}\n"));
        }
        if let Some(mode) = self.mode {
            each(format_args!("DEVMODE=0{mode:o}\n"));
        }
        let more = {
            let changing = self.changing.lock();
            if let Some(driver) = &changing.driver {
                each(format_args!("DRIVER={driver}\n"));
            }
            changing.more.clone()
        };
        if let Some(more) = more {
            each(format_args!("{}", more.lines()?));
        }
        Ok(())
    }

    /// All lines that an event has and, before them, others. ENOMEM.
    fn lines(&self, action: Action, before: &str) -> Result<String> {
        // Who loses its driver must not have a module loaded for it.
        let wanted = |line: &str| action != Action::Unbind || !line.starts_with("MODALIAS=");
        let mut all = String::try_from_str(before)?;
        let mut failed = Ok(());
        self.each_line(&mut |lines| {
            let added = try_format!("{lines}").and_then(|lines| {
                let mut kept = lines.split_inclusive('\n').filter(|line| wanted(line));
                kept.try_for_each(|line| all.try_push_str(line))
            });
            failed = failed.and(added);
        })?;
        failed.map(|()| all)
    }
}

/// The file `uevent`.
struct Events {
    facts: Arc<Facts>,
    node: Weak<kernfs::Node>,
}

impl Attribute for Events {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        self.facts.each_line(&mut |line| {
            let _ = out.write_fmt(line);
        })
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        let (action, lines) = uevent::synthetic(text)?;
        let node = self.node.upgrade().ok_or(Errno::ENODEV)?;
        self.facts.announce(action, &node, &lines)?;
        Ok(text.len())
    }
}

impl Facts {
    /// Tells what happened to the device at `node`. What belongs to no subsystem is not told.
    fn announce(&self, action: Action, node: &kernfs::Node, before: &str) -> Result<()> {
        match &self.subsystem {
            Some(subsystem) => {
                uevent::announce(action, node, subsystem, &self.lines(action, before)?)
            }
            None => Ok(()),
        }
    }
}

impl Device {
    /// Makes a device with its files, links and node. EEXIST: the name is taken; EINVAL, ENOMEM, ENOSPC.
    pub fn new(new: &NewDevice<'_>) -> Result<Arc<Self>> {
        let (base, glue) = place(new)?;
        let made = base.add_dir(new.name).and_then(|dir| {
            let device = try_arc(Self {
                dir,
                glue: glue.clone(),
                has_class: new.class.is_some(),
                facts: facts(new)?,
                links: Mutex::new(&KEPT, Vec::new()),
                has_node: AtomicBool::new(false),
                is_told: AtomicBool::new(false),
            })?;
            device.fill(new).inspect_err(|_| device.remove())?;
            Ok(device)
        });
        made.inspect_err(|_| remove_if_empty(glue.as_ref()))
    }

    fn fill(&self, new: &NewDevice<'_>) -> Result<()> {
        let events = Events {
            facts: self.facts.clone(),
            node: Arc::downgrade(&self.dir),
        };
        self.dir.add_attribute("uevent", 0o644, events)?;
        if let Some(class) = new.class {
            self.dir.add_link("subsystem", class.dir())?;
            self.keep(&class.dir().add_link(new.name, &self.dir)?)?;
            if let Some(parent) = new.parent {
                self.dir.add_link("device", &parent.dir)?;
            }
        }
        if let Some(bus) = new.bus {
            self.dir.add_link("subsystem", bus.dir())?;
            self.keep(&bus.devices().add_link(new.name, &self.dir)?)?;
        }
        if let Some(node) = &new.node {
            let number = try_format!("{}:{}", major(node.rdev), minor(node.rdev))?;
            let numbers = match node.kind {
                FileType::BlockDevice => sysfs_dir("dev/block")?,
                _ => sysfs_dir("dev/char")?,
            };
            self.keep(&numbers.add_link(&number, &self.dir)?)?;
            let shown = number;
            let show = move |out: &mut SeqBuf| {
                let _ = writeln!(out, "{shown}");
                Ok(())
            };
            self.dir.add_attribute("dev", 0o444, show)?;
            nodes::add_node(*node)?;
            self.has_node.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Tells what happened to it. ENOMEM.
    pub fn announce(&self, action: Action) -> Result<()> {
        self.announce_with(action, "")
    }

    /// The same with lines more, a newline after each.
    pub fn announce_with(&self, action: Action, lines: &str) -> Result<()> {
        if action == Action::Add {
            self.is_told.store(true, Ordering::Relaxed);
        }
        self.facts.announce(action, &self.dir, lines)
    }

    /// Notes a link elsewhere that goes with the device.
    fn keep(&self, link: &Arc<kernfs::Node>) -> Result<()> {
        let kept = self.links.lock().try_push(link.clone());
        kept.inspect_err(|_| {
            link.remove();
        })
    }

    /// Its directory.
    #[must_use]
    pub const fn dir(&self) -> &Arc<kernfs::Node> {
        &self.dir
    }

    /// Notes the driver that it has now.
    pub fn set_driver(&self, driver: Option<&str>) -> Result<()> {
        let driver = driver.map(String::try_from_str).transpose()?;
        self.facts.changing.lock().driver = driver;
        Ok(())
    }

    /// Names who adds lines to what `uevent` tells.
    pub fn set_description(&self, more: Option<Arc<dyn Describe>>) {
        let old = core::mem::replace(&mut self.facts.changing.lock().more, more);
        drop(old);
    }

    /// Takes it away: node, links, directory; who was told that it came is told that it goes.
    pub fn remove(&self) {
        if self.is_told.swap(false, Ordering::Relaxed) {
            let _ = self.announce(Action::Remove);
        }
        if self.has_node.swap(false, Ordering::Relaxed)
            && let Some(node) = &self.facts.node
        {
            let _ = nodes::remove_node(node);
        }
        let links = core::mem::take(&mut *self.links.lock());
        for link in &links {
            link.remove();
        }
        self.dir.remove();
        remove_if_empty(self.glue.as_ref());
    }
}

fn facts(new: &NewDevice<'_>) -> Result<Arc<Facts>> {
    let name = new.node.map(|node| String::try_from_str(node.name));
    let class = new.class.map(|class| class.name());
    let subsystem = class.or(new.bus.map(|bus| bus.name()));
    try_arc(Facts {
        subsystem: subsystem.map(String::try_from_str).transpose()?,
        number: new.node.map(|node| node.rdev),
        node: name.transpose()?,
        mode: new
            .node
            .filter(|_| new.mode_is_wanted)
            .map(|node| node.mode),
        changing: Mutex::new(&FACTS, Changing::default()),
    })
}

/// The directory that a device's stands in, and whether that goes with its last device.
fn place(new: &NewDevice<'_>) -> Result<(Arc<kernfs::Node>, Option<Arc<kernfs::Node>>)> {
    let glued = |dir: Arc<kernfs::Node>| (dir.clone(), Some(dir));
    match (new.parent, new.class) {
        (None, None) => Ok((sysfs_dir("devices")?, None)),
        (None, Some(class)) => Ok(glued(sysfs_dir("devices/virtual")?.dir(class.name())?)),
        (Some(parent), Some(class)) if !parent.has_class => {
            Ok(glued(parent.dir.dir(class.name())?))
        }
        (Some(parent), _) => Ok((parent.dir.clone(), None)),
    }
}

fn remove_if_empty(glue: Option<&Arc<kernfs::Node>>) {
    if let Some(glue) = glue.filter(|glue| glue.is_empty()) {
        glue.remove();
    }
}

static ALL: Mutex<Vec<Arc<Device>>> = Mutex::new(&KEPT, Vec::new());

/// Adds a device of the kernel's own, for good. EEXIST, ENOMEM, ENOSPC.
pub fn add_device(class: &str, node: Node<'_>) -> Result<()> {
    let class = Class::kernel(class)?;
    let new = NewDevice {
        class: Some(&class),
        node: Some(node),
        mode_is_wanted: node.mode != 0o600,
        ..NewDevice::named(node.name)
    };
    let device = Device::new(&new)?;
    device.announce(Action::Add)?;
    ALL.lock().try_push(device)
}
