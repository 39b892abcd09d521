//! `linux/io.h`: memory of devices. What a module does there is its own affair: no access to a device is checked.
//!
//! Specification: Documentation/driver-api/device-io.rst.
use crate::enter::must_sleep;
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use abi::{Errno, PAGE_SIZE, Result};
use hal::addr::PhysAddr;
use kmem::frame::has_ram;
use kmem::try_arc;
use kmem::vmalloc::{Caching, map_device};
use trace::{pr_err, pr_warn};

/// Where memory of a device is seen, by its first address; the object is a [`kmem::vmalloc::DeviceArea`].
static DEVICE: Kind = Kind {
    name: "device memory",
    give_back: |_, _| {},
};

/// Addresses that a processor may have at most.
const ADDRESS_BITS: u32 = 52;

fn map(phys: usize, size: usize, caching: Caching) -> Result<usize> {
    let last = size
        .checked_sub(1)
        .and_then(|more| phys.checked_add(more))
        .filter(|last| last >> ADDRESS_BITS == 0)
        .ok_or(Errno::EINVAL)?;
    let (first_page, last_page) = (phys / PAGE_SIZE, last / PAGE_SIZE);
    if has_ram(&(first_page..last_page + 1)) {
        pr_warn!("ioremap on RAM at {phys:#018x} - {last:#018x}");
        trace::oops::dump_stack(trace::Level::Warning);
        return Err(Errno::EINVAL);
    }
    let pages = last_page - first_page + 1;
    let area = map_device(PhysAddr(first_page * PAGE_SIZE), pages, caching)?;
    let at = area.address();
    let resource = Resource {
        kind: &DEVICE,
        words: [phys, size],
        object: Some(try_arc(area)?),
    };
    ledger::enter_or_undo(at, resource)?;
    Ok(at + phys % PAGE_SIZE)
}

/// `ioremap(phys, size)`: each access goes to the device. NULL: it is RAM, or nothing, or there is no memory.
extern "C" fn ioremap(phys: usize, size: usize) -> usize {
    must_sleep("ioremap");
    map(phys, size, Caching::No).unwrap_or(0)
}

/// `ioremap_cache(phys, size)`: for what is as good as memory.
extern "C" fn ioremap_cache(phys: usize, size: usize) -> usize {
    must_sleep("ioremap_cache");
    map(phys, size, Caching::Yes).unwrap_or(0)
}

/// `iounmap(address)`: nothing for what does not lie where device memory is seen.
extern "C" fn iounmap(address: usize) {
    must_sleep("iounmap");
    if !hal::paging::VMALLOC.contains(&address) {
        return;
    }
    if ledger::take(address & !(PAGE_SIZE - 1), &DEVICE).is_none() {
        pr_err!("iounmap: bad address {address:#x}");
        trace::oops::dump_stack(trace::Level::Err);
    }
}

exports![ioremap, ioremap_cache, iounmap];
