//! `linux/ioport.h`: I/O ports and physical addresses that a module takes for itself.
#![expect(non_upper_case_globals, reason = "modules know them by these names")]

use crate::enter::must_sleep;
use crate::export::exports;
use crate::foreign::{self, Name};
use crate::layout::CResource;
use crate::ledger::{self, Kind, Resource};
use crate::memory::{self, FOR_MODULE};
use abi::{Errno, Result};
use core::mem::offset_of;
use device::resource::{ADDRESSES, PORTS, Space};
use hal::boot::MemoryKind;
use trace::pr_warn;
use vfs::SeqBuf;

const fn whole(last: u64) -> CResource {
    CResource {
        start: 0,
        end: last,
        name: 0,
        flags: 0,
    }
}

/// Ports that the kernel uses itself.
const OWN_PORTS: [(u64, u64, &str); 4] = [
    (0x20, 2, "pic1"),
    (0x40, 4, "timer0"),
    (0x70, 2, "rtc0"),
    (0xa0, 2, "pic2"),
];

/// Notes what the machine has and the kernel uses, and shows /proc/ioports and /proc/iomem. ENOMEM.
pub(crate) fn init() -> Result<()> {
    let name = |kind: MemoryKind| match kind {
        MemoryKind::Acpi => "ACPI Tables",
        kind if kind.is_ram() => "System RAM",
        _ => "Reserved",
    };
    let mut regions = hal::boot::info().memory.iter().peekable();
    while let Some(region) = regions.next() {
        // What the kernel put where does not part RAM.
        let mut end = region.end.0;
        while let Some(next) =
            regions.next_if(|next| next.start.0 == end && name(next.kind) == name(region.kind))
        {
            end = next.end.0;
        }
        let busy = region.kind.is_ram() || region.kind == MemoryKind::Acpi;
        let (first, len) = (region.start.0 as u64, (end - region.start.0) as u64);
        ADDRESSES.add(first, len, name(region.kind), busy)?;
    }
    for (first, len, name) in OWN_PORTS {
        PORTS.request(first, len, name)?;
    }
    procfs::add_text(b"ioports", 0o444, |(), out| show(&PORTS, out))?;
    procfs::add_text(b"iomem", 0o444, |(), out| show(&ADDRESSES, out))
}

/// Who may not administer the machine sees zeros.
fn show(space: &Space, out: &mut SeqBuf) -> Result<()> {
    let may_see = task::task::with_current(|task| {
        let cred = task.cred();
        cred.is_ok_and(|cred| cred.capable(cred::cap::SYS_ADMIN))
    });
    space.show(out, may_see.unwrap_or(true));
    Ok(())
}

/// What modules name the spaces by; nothing of theirs hangs on them.
static ioport_resource: CResource = whole(0xffff);
static iomem_resource: CResource = whole((1 << 52) - 1);

/// Ports, by the address of their `struct resource`; the words are the first and how many.
static PORT_REGION: Kind = Kind {
    name: "I/O ports",
    give_back: |at, resource| give(&PORTS, at, &resource),
};
/// Addresses, likewise.
static ADDRESS_REGION: Kind = Kind {
    name: "memory region",
    give_back: |at, resource| give(&ADDRESSES, at, &resource),
};

fn give(space: &Space, at: usize, resource: &Resource) {
    let [first, len] = resource.words;
    space.release(first as u64, len as u64);
    memory::give(at, &FOR_MODULE);
}

/// The space that a module means, and the kind of what is taken of it.
fn space(parent: usize) -> Result<(&'static Space, &'static Kind)> {
    match parent {
        at if at == &raw const ioport_resource as usize => Ok((&PORTS, &PORT_REGION)),
        at if at == &raw const iomem_resource as usize => Ok((&ADDRESSES, &ADDRESS_REGION)),
        _ => Err(Errno::EINVAL),
    }
}

fn request(parent: usize, first: u64, len: u64, name: usize, flags: i32) -> Result<usize> {
    let (space, kind) = space(parent)?;
    let text = Name::<64>::read(name).map_err(|_| Errno::EFAULT)?;
    let text = core::str::from_utf8(text.as_bytes()).map_err(|_| Errno::EINVAL)?;
    let at = memory::take_block(size_of::<CResource>(), true, &FOR_MODULE);
    if at == 0 {
        return Err(Errno::ENOMEM);
    }
    let filled = || {
        foreign::write(at + offset_of!(CResource, start), first as usize)?;
        foreign::write(at + offset_of!(CResource, end), (first + len - 1) as usize)?;
        foreign::write(at + offset_of!(CResource, name), name)?;
        foreign::write(at + offset_of!(CResource, flags), flags as usize)
    };
    space
        .request(first, len, text)
        .inspect_err(|_| memory::give(at, &FOR_MODULE))?;
    let resource = Resource {
        kind,
        words: [first as usize, len as usize],
        object: None,
    };
    ledger::enter_or_undo(at, resource)?;
    filled()?;
    Ok(at)
}

/// `__request_region(parent, first, len, name, flags)`: its `struct resource`; NULL when a part of it is taken.
extern "C" fn __request_region(
    parent: usize,
    first: u64,
    len: u64,
    name: usize,
    flags: i32,
) -> usize {
    must_sleep("request_region");
    request(parent, first, len, name, flags).unwrap_or(0)
}

/// `__release_region(parent, first, len)`.
extern "C" fn __release_region(parent: usize, first: u64, len: u64) {
    must_sleep("release_region");
    let Ok((_, kind)) = space(parent) else {
        return;
    };
    let wanted = [first as usize, len as usize];
    match ledger::take_where(kind, |region| region.words == wanted) {
        Some((at, resource)) => (kind.give_back)(at, resource),
        None => pr_warn!(
            "resource: Trying to free nonexistent resource <{first:#018x}-{:#018x}>",
            first.wrapping_add(len).wrapping_sub(1)
        ),
    }
}

exports![__request_region, __release_region; data: ioport_resource, iomem_resource];
