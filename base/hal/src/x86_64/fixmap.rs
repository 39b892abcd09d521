//! A few pages at fixed places at the top of the address space, for device registers that are needed before `kmem` can
//! map any, for ACPI tables outside the direct map, and for `patch`.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::paging::{self, ENTRIES, invlpg, pte};
use crate::addr::{PAGE_SIZE, PhysAddr};

/// The first page.
pub(crate) const BASE: usize = 0xffff_ffff_ff40_0000;
/// Pages that [`map`] never gives out: for [`set_temporary`].
pub(crate) const TEMPORARY: usize = 4;

/// Where the table that maps the pages is written: `directmap` makes it.
static TABLE: AtomicUsize = AtomicUsize::new(0);
static NEXT: AtomicUsize = AtomicUsize::new(TEMPORARY);

/// Boot made the table.
pub(crate) fn set_table(table: PhysAddr) {
    TABLE.store(paging::table_virt(table).0, Ordering::Relaxed);
}

/// How to map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Device registers: writable, not cached.
    Device,
    /// Tables: read-only, cached.
    ReadOnly,
}

/// Maps physical memory for good; `None` when the pages are used up.
pub(crate) fn map(phys: PhysAddr, length: usize, kind: Kind) -> Option<usize> {
    let pages = (phys.page_offset() + length).div_ceil(PAGE_SIZE);
    let first = NEXT
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |next| {
            (next + pages <= ENTRIES).then_some(next + pages)
        })
        .ok()?;
    let flags = match kind {
        Kind::Device => pte::WRITE | pte::NO_CACHE | pte::WRITE_THROUGH | pte::DIRTY,
        Kind::ReadOnly => 0,
    };
    for page in 0..pages {
        let entry = phys.page_floor().add(page * PAGE_SIZE).0 as u64;
        // SAFETY: the slots were drawn by us; nobody has used their addresses, so nothing needs flushing.
        unsafe {
            set(
                first + page,
                entry | flags | pte::PRESENT | pte::ACCESSED | pte::NX | pte::GLOBAL,
            );
        };
    }
    Some(BASE + first * PAGE_SIZE + phys.page_offset())
}

/// Maps a page at a temporary slot, writable; 0 unmaps. Gives its address.
///
/// # Safety
/// Slots below [`TEMPORARY`] have one user at a time, on one CPU.
pub(crate) unsafe fn set_temporary(slot: usize, phys: Option<PhysAddr>) -> usize {
    let entry = phys.map_or(0, |phys| {
        phys.page_floor().0 as u64 | pte::PRESENT | pte::WRITE | pte::NX
    });
    // SAFETY: the caller owns the slot.
    unsafe { set(slot, entry) };
    let address = BASE + slot * PAGE_SIZE;
    invlpg(address);
    address
}

unsafe fn set(slot: usize, entry: u64) {
    let table = TABLE.load(Ordering::Relaxed) as *mut u64;
    assert!(slot < ENTRIES && !table.is_null());
    // SAFETY: within the table, which stays; the caller owns the slot, and entries are written one word at a time.
    unsafe { table.add(slot).write_volatile(entry) };
}
