//! The kernel's own mappings: vmalloc's window in the kernel's page tables. Tables are made as needed and kept until
//! [`unlink_leaf`]: slots are used again, so there are few.
use crate::charge::{self, Charge};
use crate::frame::{self, Frame, Gfp, Kind};
use crate::machine::{VMALLOC_BASE, meta_of, pfn_of, table_virt};
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicU64, Ordering};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use hal::paging::{self, pte};

/// The address of an offset in the window.
#[inline]
pub(crate) fn kernel_ptr(offset: usize) -> *mut u8 {
    (VMALLOC_BASE + offset) as *mut u8
}

fn gfp() -> Gfp {
    if sync::context::may_sleep() {
        Gfp::NORETRY
    } else {
        Gfp::ATOMIC
    }
}

/// Maps fresh pages at an offset of the window that nobody else uses. `None`: no memory, nothing mapped.
pub(crate) fn map_kernel(offset: usize, pages: usize, zeroed: bool) -> Option<()> {
    map_at(VMALLOC_BASE + offset, pages, zeroed)
}

/// Unmaps and frees the pages of a range mapped by [`map_kernel`]. The TLBs forget it later; until then nobody may use
/// the addresses again.
pub(crate) fn unmap_kernel(offset: usize, pages: usize) {
    unmap_at(VMALLOC_BASE + offset, pages);
}

/// Maps fresh pages, writable and not executable, at a kernel address that nobody else uses. `None`: no memory, nothing
/// mapped.
pub(crate) fn map_at(start: usize, pages: usize, zeroed: bool) -> Option<()> {
    let gfp = if zeroed { gfp().zeroed() } else { gfp() };
    for i in 0..pages {
        let va = start + i * PAGE_SIZE;
        let page = entry(va, true).and_then(|slot| {
            let meta = frame::alloc_page(gfp, Kind::Kernel).ok()?;
            let flags =
                pte::PRESENT | pte::WRITE | pte::NX | pte::GLOBAL | pte::ACCESSED | pte::DIRTY;
            slot.store(
                PhysAddr::from_pfn(pfn_of(meta)).0 as u64 | flags,
                Ordering::Release,
            );
            Some(())
        });
        if page.is_none() {
            unmap_at(start, i);
            return None;
        }
    }
    Some(())
}

/// Unmaps and frees the pages of a range mapped by [`map_at`]; holes in it are skipped. Gives the number
/// freed. The TLBs forget it later; a page may be in use elsewhere before they do.
pub(crate) fn unmap_at(start: usize, pages: usize) -> usize {
    let mut freed = 0;
    for i in 0..pages {
        let mapped = entry(start + i * PAGE_SIZE, false).map(|slot| slot.swap(0, Ordering::AcqRel));
        if let Some(e) = mapped.filter(|e| *e != 0) {
            frame::release_page(meta_of(PhysAddr((e & pte::ADDR_MASK) as usize).pfn()));
            freed += 1;
        }
    }
    freed
}

/// Maps memory of a device, from `phys` on, at an offset of the window that nobody else uses, with `flags` besides. `None`:
/// no memory for a table, nothing mapped.
pub(crate) fn map_device(offset: usize, pages: usize, phys: PhysAddr, flags: u64) -> Option<()> {
    let flags = flags | pte::PRESENT | pte::WRITE | pte::NX | pte::GLOBAL;
    for i in 0..pages {
        let Some(slot) = entry(VMALLOC_BASE + offset + i * PAGE_SIZE, true) else {
            unmap_device(offset, i);
            return None;
        };
        let page = phys.0 + i * PAGE_SIZE;
        slot.store(
            page as u64 | flags | pte::ACCESSED | pte::DIRTY,
            Ordering::Release,
        );
    }
    Some(())
}

/// Takes a range out that [`map_device`] mapped. The TLBs forget it later.
pub(crate) fn unmap_device(offset: usize, pages: usize) {
    for i in 0..pages {
        if let Some(slot) = entry(VMALLOC_BASE + offset + i * PAGE_SIZE, false) {
            slot.store(0, Ordering::Release);
        }
    }
}

/// The page that is mapped at an offset of the window.
pub(crate) fn frame_at(offset: usize) -> Option<Frame> {
    let e = entry(VMALLOC_BASE + offset, false)?.load(Ordering::Acquire);
    let meta = meta_of(PhysAddr((e & pte::ADDR_MASK) as usize).pfn());
    // SAFETY: the caller's area maps it, and with it has a reference, which stays there.
    let own = ManuallyDrop::new(unsafe { Frame::from_meta(meta) });
    (e & pte::PRESENT != 0).then(|| Frame::clone(&own))
}

/// Makes mapped pages unreachable, but keeps them for [`unmap_at`]: who frees pages that others may still touch hides
/// them, flushes the TLBs, then unmaps.
pub(crate) fn hide_at(start: usize, pages: usize) {
    for i in 0..pages {
        if let Some(slot) = entry(start + i * PAGE_SIZE, false) {
            slot.fetch_and(!pte::PRESENT, Ordering::AcqRel);
        }
    }
}

/// Gives mapped pages other rights: `set` of WRITE and NX, the others of the two cleared. The TLBs learn it later.
pub(crate) fn protect_at(start: usize, pages: usize, set: u64) {
    for i in 0..pages {
        if let Some(slot) = entry(start + i * PAGE_SIZE, false) {
            let e = slot.load(Ordering::Acquire);
            if e != 0 {
                slot.store(e & !(pte::WRITE | pte::NX) | set, Ordering::Release);
            }
        }
    }
}

/// The leaf entry of a kernel address; with `make`, tables are added. `None`: no table, no memory for one.
fn entry(va: usize, make: bool) -> Option<&'static AtomicU64> {
    let mut table = table_virt(paging::kernel_root());
    for level in [4, 3, 2] {
        let slot = slot(table, va, level);
        let mut e = slot.load(Ordering::Acquire);
        if e == 0 {
            e = if make { add_table(slot)? } else { return None };
        }
        table = table_virt(PhysAddr((e & pte::ADDR_MASK) as usize));
    }
    Some(slot(table, va, 1))
}

fn slot(table: *mut u8, va: usize, level: u32) -> &'static AtomicU64 {
    let index = (va >> (12 + 9 * (level - 1))) & (paging::ENTRIES - 1);
    // SAFETY: `table` is one of the kernel's page tables. Those above the leaves are never freed, a leaf only while
    // nobody owns a slot under it; only atomics touch them.
    unsafe { AtomicU64::from_ptr(table.cast::<u64>().wrapping_add(index)) }
}

/// Bytes that a leaf table covers.
pub(crate) const LEAF_SPAN: usize = PAGE_SIZE * paging::ENTRIES;

/// Takes the leaf table at an offset of the window out of the tables, if there is one. Nobody owns a slot under it, and
/// nobody gets one before all CPUs have flushed, after which [`free_leaf`] may follow.
pub(crate) fn unlink_leaf(offset: usize) -> Option<Pfn> {
    unlink_leaf_at(VMALLOC_BASE + offset)
}

/// Whether there is a leaf table for a kernel address, with no entry in it.
pub(crate) fn leaf_is_empty(va: usize) -> bool {
    let first = va & !(LEAF_SPAN - 1);
    let empty = |page: usize| {
        let slot = entry(first + page * PAGE_SIZE, false);
        slot.is_some_and(|slot| slot.load(Ordering::Acquire) == 0)
    };
    (0..paging::ENTRIES).all(empty)
}

/// As [`unlink_leaf`], for a kernel address.
pub(crate) fn unlink_leaf_at(va: usize) -> Option<Pfn> {
    let mut table = table_virt(paging::kernel_root());
    for level in [4, 3] {
        let e = slot(table, va, level).load(Ordering::Acquire);
        if e == 0 {
            return None;
        }
        table = table_virt(PhysAddr((e & pte::ADDR_MASK) as usize));
    }
    let e = slot(table, va, 2).swap(0, Ordering::AcqRel);
    (e != 0).then(|| PhysAddr((e & pte::ADDR_MASK) as usize).pfn())
}

/// Frees a table that [`unlink_leaf`] took and all CPUs have forgotten.
pub(crate) fn free_leaf(table: Pfn) {
    charge::charge(Charge::Kernel, -1);
    frame::free_table(meta_of(table), true);
}

#[cold]
fn add_table(slot: &AtomicU64) -> Option<u64> {
    let meta = frame::alloc_table(gfp()).ok()?;
    let pfn: Pfn = pfn_of(meta);
    let flags = pte::PRESENT | pte::WRITE | pte::ACCESSED | pte::DIRTY;
    let e = PhysAddr::from_pfn(pfn).0 as u64 | flags;
    match slot.compare_exchange(0, e, Ordering::AcqRel, Ordering::Acquire) {
        Ok(_) => {
            charge::charge(Charge::Kernel, 1);
            Some(e)
        }
        Err(theirs) => {
            frame::free_table(meta, true);
            Some(theirs)
        }
    }
}
