//! What sysfs shows of a disk, and its node.
//!
//! Specification: Documentation/ABI/stable/sysfs-block. Only what is true of such a disk is there.
use crate::disk::Disk;
use crate::registry;
use abi::{Errno, Result};
use alloc::string::String;
use alloc::sync::{Arc, Weak};
use core::fmt::Write;
use device::{Action, Class, Describe, Device, NewDevice, sysfs_dir};
use kernfs::{Attribute, Node};
use kmem::{try_arc, try_format};
use vfs::{FileType, SeqBuf};

/// Permissions of a node under /dev; udev(7) and its kin change them.
const NODE_MODE: u32 = 0o600;

/// What writes the text of an attribute.
pub type Show = fn(&Disk, &mut dyn Write) -> core::fmt::Result;

/// An attribute of a disk.
pub struct Shown {
    disk: Weak<Disk>,
    show: Show,
}

impl Attribute for Shown {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let disk = self.disk.upgrade().ok_or(Errno::ENODEV)?;
        // What does not fit is told when the text is asked for.
        let _ = (self.show)(&disk, out);
        Ok(())
    }
}

/// Puts attributes in a directory of a disk. EEXIST, ENOMEM.
pub fn show_on(dir: &Arc<Node>, disk: &Arc<Disk>, table: &[(&str, Show)]) -> Result<()> {
    for (name, show) in table {
        let shown = Shown {
            disk: Arc::downgrade(disk),
            show: *show,
        };
        dir.add_attribute(name, 0o444, shown)?;
    }
    Ok(())
}

/// `read_ahead_kb`, which can be set.
struct ReadAhead(Weak<Disk>);

impl Attribute for ReadAhead {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let disk = self.0.upgrade().ok_or(Errno::ENODEV)?;
        let _ = writeln!(out, "{}", u64::from(disk.read_ahead_pages()) * 4);
        Ok(())
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        let disk = self.0.upgrade().ok_or(Errno::ENODEV)?;
        let number = core::str::from_utf8(text).ok();
        let kb: Option<u32> = number.and_then(|number| number.trim_ascii_end().parse().ok());
        disk.set_read_ahead_pages(kb.ok_or(Errno::EINVAL)? / 4);
        Ok(text.len())
    }
}

const TOP: &[(&str, Show)] = &[
    ("alignment_offset", |_, out| writeln!(out, "0")),
    ("discard_alignment", |_, out| writeln!(out, "0")),
    ("diskseq", |disk, out| writeln!(out, "{}", disk.sequence())),
    ("hidden", |_, out| writeln!(out, "0")),
    ("range", |_, out| writeln!(out, "1")),
    ("removable", |_, out| writeln!(out, "0")),
    ("ro", |disk, out| {
        writeln!(out, "{}", u32::from(disk.is_read_only()))
    }),
    ("size", |disk, out| {
        writeln!(out, "{}", disk.size() / crate::SECTOR)
    }),
    ("stat", |disk, out| {
        let numbers = disk.stats();
        for (at, number) in numbers.iter().enumerate() {
            let blank = if at == 0 { "" } else { " " };
            write!(out, "{blank}{number:>8}")?;
        }
        writeln!(out)
    }),
];

const QUEUE: &[(&str, Show)] = &[
    ("add_random", |_, out| writeln!(out, "0")),
    ("dax", |_, out| writeln!(out, "0")),
    ("discard_granularity", |disk, out| {
        writeln!(out, "{}", if disk.discards() { abi::PAGE_SIZE } else { 0 })
    }),
    ("discard_max_bytes", |disk, out| {
        writeln!(out, "{}", most_discarded(disk))
    }),
    ("discard_max_hw_bytes", |disk, out| {
        writeln!(out, "{}", most_discarded(disk))
    }),
    ("discard_zeroes_data", |_, out| writeln!(out, "0")),
    ("fua", |_, out| writeln!(out, "0")),
    ("hw_sector_size", block_size),
    ("logical_block_size", block_size),
    ("minimum_io_size", block_size),
    ("optimal_io_size", |_, out| writeln!(out, "0")),
    ("physical_block_size", block_size),
    ("rotational", |_, out| writeln!(out, "0")),
    ("scheduler", |_, out| writeln!(out, "none")),
    ("write_cache", |disk, out| {
        let caches = disk.caches_writes();
        writeln!(out, "write {}", if caches { "back" } else { "through" })
    }),
    ("zoned", |_, out| writeln!(out, "none")),
];

fn block_size(disk: &Disk, out: &mut dyn Write) -> core::fmt::Result {
    writeln!(out, "{}", disk.block_size())
}

/// As many whole sectors as a request of Linux can name.
fn most_discarded(disk: &Disk) -> u64 {
    let all = u64::from(u32::MAX) / crate::SECTOR * crate::SECTOR;
    if disk.discards() { all } else { 0 }
}

/// The lines of its events that only disks have.
struct Lines(Weak<Disk>);

impl Describe for Lines {
    fn lines(&self) -> Result<String> {
        let disk = self.0.upgrade().ok_or(Errno::ENODEV)?;
        try_format!("DEVTYPE=disk\nDISKSEQ={}\n", disk.sequence())
    }
}

impl Disk {
    /// Shows it: by its number, in sysfs, under /dev. EEXIST: number or name are taken; ENOMEM, ENOSPC.
    pub fn add(self: &Arc<Self>) -> Result<()> {
        registry::insert(self)?;
        add(self).inspect_err(|_| registry::remove(self))
    }

    /// Takes it away, unless `allowed` forbids. EBUSY: it is open.
    pub fn remove(self: &Arc<Self>, allowed: impl FnOnce() -> Result<()>) -> Result<()> {
        self.retire(allowed)?;
        registry::remove(self);
        remove(self);
        Ok(())
    }
}

/// Makes directory, links and node, and tells of them. EEXIST, ENOMEM, ENOSPC.
fn add(disk: &Arc<Disk>) -> Result<()> {
    let class = Class::kernel("block")?;
    let new = NewDevice {
        class: Some(&class),
        node: Some(device::Node {
            name: disk.name(),
            kind: FileType::BlockDevice,
            rdev: disk.rdev(),
            mode: NODE_MODE,
        }),
        ..NewDevice::named(disk.name())
    };
    let device = Device::new(&new)?;
    let _ = disk.device().set(device.clone());
    let filled = fill(disk, &device).and_then(|()| device.announce(Action::Add));
    filled.inspect_err(|_| remove(disk))
}

fn fill(disk: &Arc<Disk>, device: &Device) -> Result<()> {
    device.set_description(Some(try_arc(Lines(Arc::downgrade(disk)))?));
    let dir = device.dir();
    show_on(dir, disk, TOP)?;
    dir.add_dir("holders")?;
    dir.add_dir("slaves")?;
    let queue = dir.add_dir("queue")?;
    show_on(&queue, disk, QUEUE)?;
    queue.add_attribute("read_ahead_kb", 0o644, ReadAhead(Arc::downgrade(disk)))?;
    let link = sysfs_dir("block")?.add_link(disk.name(), dir)?;
    let _ = disk.link().set(link);
    Ok(())
}

/// Takes all of it away again.
fn remove(disk: &Disk) {
    if let Some(link) = disk.link().get() {
        link.remove();
    }
    if let Some(device) = disk.device().get() {
        device.remove();
    }
}
