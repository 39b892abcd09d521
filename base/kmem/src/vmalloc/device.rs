//! Memory of devices, seen through vmalloc's window.
use super::{give_area, take_area};
use crate::frame::NO_MEMORY;
use crate::{kmap, machine};
use abi::Result;
use hal::addr::{PAGE_SIZE, PhysAddr};
use hal::paging::pte;

/// Whether the caches may hold what is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Each access goes to the device.
    No,
    /// As for memory.
    Yes,
}

/// Where memory of a device is seen; gone when dropped.
#[derive(Debug)]
pub struct DeviceArea {
    addr: usize,
    pages: usize,
}

/// Shows `pages` pages from `phys` on, which is a page's address. ENOMEM: no addresses, or no memory for page tables.
pub fn map(phys: PhysAddr, pages: usize, caching: Caching) -> Result<DeviceArea> {
    let addr = take_area(pages).ok_or(NO_MEMORY)?;
    let flags = match caching {
        Caching::No => pte::NO_CACHE,
        Caching::Yes => 0,
    };
    if kmap::map_device(addr, pages, phys, flags).is_none() {
        give_area(addr, pages);
        return Err(NO_MEMORY);
    }
    Ok(DeviceArea { addr, pages })
}

impl DeviceArea {
    /// Its first address: for raw accesses, which may do anything.
    pub fn address(&self) -> usize {
        machine::VMALLOC_BASE + self.addr
    }
    /// Its length.
    pub fn len(&self) -> usize {
        self.pages * PAGE_SIZE
    }
    /// An area is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }
}

impl Drop for DeviceArea {
    fn drop(&mut self) {
        kmap::unmap_device(self.addr, self.pages);
        give_area(self.addr, self.pages);
    }
}
