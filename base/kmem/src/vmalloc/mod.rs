//! Virtually contiguous kernel memory from single pages, each area followed by an unmapped guard page.
//!
//! Address space is cut by size class: class `k` has slots of 2^k pages, of which the last stays unmapped. So an address
//! names its slot, areas need no descriptors, and what is free never fragments. A freed area's pages are free at once;
//! its addresses are used again after the TLBs forgot them, many slots at a time.
//!
//! | from the start of the window | holds |
//! |---|---|
//! | 0 | kernel stacks: 32 KiB each, the lower half unmapped (`stack`) |
//! | 16 GiB * k | areas of class k |
#[cfg(target_os = "none")]
mod device;
mod slots;

#[cfg(target_os = "none")]
pub use device::{Caching, DeviceArea, map as map_device};

use crate::charge::{self, Charge};
use crate::frame::NO_MEMORY;
use crate::kmap;
use crate::machine;
use crate::space;
use abi::Result;
use arrayvec::ArrayVec;
use hal::addr::{PAGE_SIZE, Pfn};
use slots::Slots;
use sync::{LockClass, Mutex, SpinLock, rank};

/// Bytes of a class's window.
const WINDOW: usize = 16 << 30;
/// Classes: areas of up to 2^20 - 1 pages.
const CLASSES: usize = 20;
/// Most areas of a class.
const PER_CLASS: usize = 1024;
/// Bytes from one stack to the next: the lower half is the guard.
pub(crate) const STACK_SLOT: usize = 32 << 10;
const MAX_STACKS: usize = 32768;

struct Maps {
    stacks: Slots<{ MAX_STACKS / 64 }>,
    areas: [Slots<{ PER_CLASS / 64 }>; CLASSES],
    /// Pages mapped in areas.
    pages: usize,
    /// Areas given back whose addresses wait for a flush.
    stale_areas: usize,
}

static CLASS: LockClass = LockClass::new("vmalloc", rank::VMALLOC);
static MAPS: SpinLock<Maps> = SpinLock::new(
    &CLASS,
    Maps {
        stacks: Slots::new(),
        areas: [const { Slots::new() }; CLASSES],
        pages: 0,
        stale_areas: 0,
    },
);

/// An owned area.
#[derive(Debug)]
pub struct VmArea {
    addr: usize,
    pages: usize,
}

/// An area of at least `size` bytes, zeroed. ENOMEM. Interrupts must be on for it to wait for memory or TLBs.
pub fn alloc(size: usize) -> Result<VmArea> {
    alloc_pages(size, true)
}

/// [`alloc`], of unspecified content unless `zeroed`: for who writes before reading.
pub(crate) fn alloc_pages(size: usize, zeroed: bool) -> Result<VmArea> {
    let pages = size.div_ceil(PAGE_SIZE).max(1);
    let addr = take_area(pages).ok_or(NO_MEMORY)?;
    if kmap::map_kernel(addr, pages, zeroed).is_none() {
        give_area(addr, pages);
        return Err(NO_MEMORY);
    }
    MAPS.lock_irq().pages += pages;
    charge::charge(Charge::Kernel, pages as isize);
    Ok(VmArea { addr, pages })
}

impl VmArea {
    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: owned, mapped and initialised for its length.
        unsafe { core::slice::from_raw_parts(kmap::kernel_ptr(self.addr), self.len()) }
    }
    /// Its content.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(kmap::kernel_ptr(self.addr), self.len()) }
    }
    /// Its length: the size asked for, rounded up to pages.
    pub fn len(&self) -> usize {
        self.pages * PAGE_SIZE
    }
    /// An area is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }
    /// A handle of one of its pages, counted from the first: the page lasts as long as that does, whatever becomes of the
    /// area. `None`: the area has no such page.
    #[cfg(target_os = "none")]
    pub fn frame(&self, page: usize) -> Option<crate::frame::Frame> {
        let at = self.addr + page * PAGE_SIZE;
        (page < self.pages).then(|| kmap::frame_at(at)).flatten()
    }
    /// Its address; ownership goes to the caller.
    #[cfg(target_os = "none")]
    pub(crate) fn into_raw(self) -> *mut u8 {
        let ptr = kmap::kernel_ptr(self.addr);
        core::mem::forget(self);
        ptr
    }
    /// # Safety
    /// `ptr` came from [`into_raw`](Self::into_raw) of an area of `size` bytes and is not used any more.
    #[cfg(target_os = "none")]
    pub(crate) unsafe fn from_raw(ptr: *mut u8, size: usize) -> Self {
        Self {
            addr: ptr as usize - machine::VMALLOC_BASE,
            pages: size.div_ceil(PAGE_SIZE).max(1),
        }
    }
}

impl Drop for VmArea {
    fn drop(&mut self) {
        kmap::unmap_kernel(self.addr, self.pages);
        charge::charge(Charge::Kernel, -(self.pages as isize));
        MAPS.lock_irq().pages -= self.pages;
        give_area(self.addr, self.pages);
    }
}

/// The class of areas of `pages` pages and a guard.
fn class_of(pages: usize) -> usize {
    (pages + 1).next_power_of_two().ilog2() as usize
}

/// Addresses (from the start of the window) for an area.
fn take_area(pages: usize) -> Option<usize> {
    let class = class_of(pages);
    if class > CLASSES {
        return None;
    }
    let size = PAGE_SIZE << class;
    let limit = PER_CLASS.min(WINDOW / size);
    let slot = retry(|maps| maps.areas[class - 1].take(limit))?;
    Some(class * WINDOW + slot * size)
}

fn give_area(addr: usize, pages: usize) {
    let class = class_of(pages);
    let slot = addr % WINDOW / (PAGE_SIZE << class);
    let mut maps = MAPS.lock_irq();
    maps.areas[class - 1].give(slot);
    maps.stale_areas += 1;
}

/// Where the area would begin that an address lies in.
#[cfg(target_os = "none")]
pub fn start_of(address: usize) -> Option<usize> {
    let offset = address.checked_sub(machine::VMALLOC_BASE)?;
    let class = offset / WINDOW;
    let inside = (1..=CLASSES).contains(&class);
    inside.then(|| address - offset % WINDOW % (PAGE_SIZE << class))
}

/// A place for a stack, numbered.
pub(crate) fn take_stack() -> Option<usize> {
    retry(|maps| maps.stacks.take(MAX_STACKS))
}

/// Takes it back; it is not mapped any more.
pub(crate) fn give_stack(slot: usize) {
    MAPS.lock_irq().stacks.give(slot);
}

/// Stale places that are flushed together.
const SETTLE: usize = 128;

/// Takes a place; flushes TLBs when too many places, or all that are left, wait for that.
fn retry(mut take: impl FnMut(&mut Maps) -> Option<usize>) -> Option<usize> {
    let (got, stale) = {
        let mut maps = MAPS.lock_irq();
        (
            take(&mut maps),
            maps.stacks.stale_count() + maps.stale_areas,
        )
    };
    if (got.is_none() || stale >= SETTLE) && sync::context::may_sleep() {
        settle();
        return got.or_else(|| take(&mut MAPS.lock_irq()));
    }
    got
}

static SETTLING_CLASS: LockClass = LockClass::new("vmalloc.settle", rank::NONE);
/// One flush at a time: a place that another flush has made free meanwhile may be in use and given back again before this
/// one is over, and must then wait for a flush of its own.
static SETTLING: Mutex<()> = Mutex::new(&SETTLING_CLASS, ());

/// Has all TLBs forget freed addresses, which can then be used again.
#[inline(never)] // 4 KiB of stack, which nobody else should bear
pub(crate) fn settle() {
    if !sync::context::may_sleep() {
        return; // another CPU may wait for us with its interrupts off, or a request of ours is under way below
    }
    let _one = SETTLING.lock();
    // Copies of the sets would not fit a stack frame all at once: one kind after the other, one flush each.
    let stale = MAPS.lock_irq().stacks.stale();
    if stale.iter().any(|w| *w != 0) {
        space::flush_kernel(machine::VMALLOC_BASE..machine::VMALLOC_BASE + WINDOW);
        MAPS.lock_irq().stacks.settle(&stale);
    }
    let stale: [[u64; PER_CLASS / 64]; CLASSES] = {
        let maps = MAPS.lock_irq();
        core::array::from_fn(|c| maps.areas[c].stale())
    };
    if stale.iter().flatten().any(|w| *w != 0) {
        space::flush_kernel(machine::VMALLOC_BASE..machine::VMALLOC_BASE + WINDOW);
        let mut maps = MAPS.lock_irq();
        for (areas, stale) in maps.areas.iter_mut().zip(&stale) {
            areas.settle(stale);
        }
        maps.stale_areas = maps.areas.iter().map(Slots::stale_count).sum();
    }
}

/// Frees the page tables of the window that nothing is mapped under any more, so that a past peak leaves nothing behind.
/// Areas of more than half a table's span keep theirs.
pub(crate) fn trim() {
    if !sync::context::may_sleep() {
        return; // as in `settle`
    }
    let _one = SETTLING.lock();
    trim_tables(|maps| &mut maps.stacks, 0, STACK_SLOT);
    for class in 1..=CLASSES {
        if PAGE_SIZE << class <= kmap::LEAF_SPAN {
            trim_tables(
                |maps| &mut maps.areas[class - 1],
                class * WINDOW,
                PAGE_SIZE << class,
            );
        }
    }
}

/// [`trim`] for places of `size` bytes that stand from `base` on.
#[inline(never)] // as for `settle`
fn trim_tables<const WORDS: usize>(
    set: impl Fn(&mut Maps) -> &mut Slots<WORDS>,
    base: usize,
    size: usize,
) {
    let per_table = kmap::LEAF_SPAN / size;
    let places = |table: usize| table * per_table..(table + 1) * per_table;
    let tables = WORDS * 64 / per_table;
    let mut at = 0;
    while at < tables {
        let mut dead: ArrayVec<(usize, Pfn), 32> = ArrayVec::new();
        let mut maps = MAPS.lock_irq();
        while at < tables && !dead.is_full() {
            // Whoever takes a place there before the flush would meet the old table in the CPUs' caches of tables.
            if set(&mut maps).are_free(places(at))
                && let Some(table) = kmap::unlink_leaf(base + at * kmap::LEAF_SPAN)
            {
                set(&mut maps).seize(places(at));
                dead.push((at, table));
            }
            at += 1;
        }
        drop(maps);
        if dead.is_empty() {
            continue;
        }
        space::flush_kernel(base..base + WINDOW);
        for (number, table) in dead {
            set(&mut MAPS.lock_irq()).settle_places(places(number));
            kmap::free_leaf(table);
        }
    }
}

/// Bytes mapped in areas, and how many areas there are; kernel stacks are not among them.
pub(crate) fn areas() -> (usize, usize) {
    let maps = MAPS.lock_irq();
    let areas = maps.areas.iter().map(Slots::in_use).sum();
    (maps.pages * PAGE_SIZE, areas)
}

/// Bytes of address space there are.
pub(crate) const TOTAL: usize = WINDOW * (CLASSES + 1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_do_not_meet() {
        let (_, before) = super::areas();
        let mut areas: std::vec::Vec<VmArea> =
            (0..40).map(|i| alloc(i * 5000 + 1).unwrap()).collect();
        for (i, a) in areas.iter_mut().enumerate() {
            assert!(a.len() > i * 5000 && a.bytes().iter().all(|b| *b == 0));
            a.bytes_mut().fill(i as u8);
        }
        for (i, a) in areas.iter().enumerate() {
            assert!(a.bytes().iter().all(|b| *b == i as u8));
        }
        let mut spans: std::vec::Vec<_> =
            areas.iter().map(|a| (a.addr, a.addr + a.len())).collect();
        spans.sort_unstable();
        assert!(
            spans.windows(2).all(|w| w[0].1 + PAGE_SIZE <= w[1].0),
            "a guard page between two"
        );
        assert!(super::areas().1 >= before + 40);
        drop(areas);
        assert!(alloc(usize::MAX / 2).is_err());
        assert!(alloc(5 << 30).is_err());
    }
}
