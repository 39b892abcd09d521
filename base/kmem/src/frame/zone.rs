//! The free pages: buddy lists under one lock, watermarks. Per-CPU lists stand in front (`lists`).
use super::{FrameMeta, Gfp, Kind};
use crate::machine;
use buddy::{Buddy, MAX_BLOCK, NONE, ORDERS};
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};
use hal::addr::Pfn;
use sync::{LockClass, SpinIrqGuard, SpinLock, rank};

static CLASS: LockClass = LockClass::new("zone", rank::BUDDY);
static ZONE: SpinLock<Buddy> = SpinLock::new(&CLASS, Buddy::new());

/// Pages the allocator manages, free or not.
static TOTAL: AtomicUsize = AtomicUsize::new(0);
/// The `min` watermark in pages.
static MIN: AtomicUsize = AtomicUsize::new(0);

/// Block links in the pages' metadata.
pub(super) struct Metas;

impl Metas {
    #[inline]
    fn of(page: u32) -> &'static FrameMeta {
        // SAFETY: the buddy asks only for pages it was given or whose section was initialised; metadata lives forever.
        unsafe { machine::meta_of(page as Pfn).as_ref() }
    }
}

impl buddy::Store for Metas {
    #[inline]
    fn next(&self, page: u32) -> u32 {
        Self::of(page).next.load(Ordering::Relaxed)
    }
    #[inline]
    fn prev(&self, page: u32) -> u32 {
        Self::of(page).prev.load(Ordering::Relaxed)
    }
    #[inline]
    fn set_next(&mut self, page: u32, next: u32) {
        Self::of(page).next.store(next, Ordering::Relaxed);
    }
    #[inline]
    fn set_prev(&mut self, page: u32, prev: u32) {
        Self::of(page).prev.store(prev, Ordering::Relaxed);
    }
    #[inline]
    fn free_order(&self, page: u32) -> Option<u8> {
        let kind = Self::of(page).kind.load(Ordering::Relaxed);
        (kind as u8 == Kind::Buddy as u8).then_some((kind >> 8) as u8)
    }
    #[inline]
    fn set_free_order(&mut self, page: u32, order: Option<u8>) {
        let kind = order.map_or(Kind::Taken as u32, |o| {
            Kind::Buddy as u32 | u32::from(o) << 8
        });
        Self::of(page).kind.store(kind, Ordering::Relaxed);
    }
}

/// Hands RAM to the allocator, once, at boot. `usable` are the ranges of RAM by page number, disjoint and in order;
/// `taken` the parts of them that are in use (kernel image, initrd, the metadata itself), likewise.
///
/// Metadata of a 4 MiB section is written only where the section is not wholly free: pages inside free blocks need
/// none, so that this costs a few instructions per 4 MiB.
pub(crate) fn init(usable: &[Range<Pfn>], taken: &[Range<Pfn>]) {
    const SECTION: usize = MAX_BLOCK as usize;
    let mut done = 0;
    for ram in usable {
        let first = (ram.start / SECTION * SECTION).max(done);
        for section in (first..ram.end).step_by(SECTION) {
            let whole = ram.start <= section && section + SECTION <= ram.end;
            if !whole
                || taken
                    .iter()
                    .any(|t| t.start < section + SECTION && section < t.end)
            {
                machine::clear_metas(section, SECTION);
            }
        }
        done = ram.end.next_multiple_of(SECTION);
    }
    let mut zone = ZONE.lock_irq();
    for ram in usable {
        zone.reserve_up_to(ram.end as u32);
        let mut at = ram.start;
        for t in taken
            .iter()
            .filter(|t| t.start < ram.end && ram.start < t.end)
        {
            add(&mut zone, at..t.start.min(ram.end));
            at = at.max(t.end);
        }
        add(&mut zone, at..ram.end);
    }
    let total = zone.free_pages();
    drop(zone);
    grow(total);
}

fn add(zone: &mut Buddy, free: Range<Pfn>) {
    if free.start < free.end {
        zone.add_range(&mut Metas, free.start as u32, free.end as u32);
    }
}

/// Counts `pages` more as managed and sets the watermarks as Linux does: min = 4 * sqrt(KiB) KiB.
pub(super) fn grow(pages: usize) {
    let total = TOTAL.fetch_add(pages, Ordering::Relaxed) + pages;
    MIN.store((total * 4).isqrt(), Ordering::Relaxed);
}

/// Watermarks: min, low, high.
pub(super) fn watermarks() -> [usize; 3] {
    let min = MIN.load(Ordering::Relaxed);
    [min, min + min / 4, min + min / 2]
}

/// Boot is over before anybody asks.
#[cfg(target_os = "none")]
#[inline(always)]
fn ready() {}

/// Hosted, the first to ask boots.
#[cfg(not(target_os = "none"))]
pub(super) fn ready() {
    static READY: std::sync::Once = std::sync::Once::new();
    READY.call_once(|| init(&machine::USABLE, &machine::TAKEN));
}

fn zone() -> SpinIrqGuard<'static, Buddy> {
    ready();
    ZONE.lock_irq()
}

/// Pages managed.
pub(super) fn total() -> usize {
    ready();
    TOTAL.load(Ordering::Relaxed)
}

/// Free pages and free blocks by order, of one moment.
pub(super) fn free_counts() -> (usize, [usize; ORDERS]) {
    let zone = zone();
    (
        zone.free_pages(),
        core::array::from_fn(|o| zone.free_blocks(o as u8)),
    )
}

/// Below which number of free pages a request fails.
fn floor(gfp: Gfp) -> usize {
    if gfp.may_use_reserve() {
        0
    } else {
        MIN.load(Ordering::Relaxed)
    }
}

/// A block of 2^order pages. `None` below the watermark, or when memory is in smaller pieces.
pub(super) fn alloc(order: u8, gfp: Gfp) -> Option<Pfn> {
    let mut zone = zone();
    if zone.free_pages() < floor(gfp) + (1 << order) {
        return None;
    }
    let page = match gfp.end() {
        None => zone.alloc(&mut Metas, order),
        Some(end) => zone.alloc_below(&mut Metas, order, end as u32),
    };
    page.map(|page| page as Pfn)
}

/// Gives `each` single pages, about `batch` (a power of two) of them, in one go; returns how many.
pub(super) fn alloc_batch(batch: usize, gfp: Gfp, mut each: impl FnMut(u32)) -> usize {
    let mut zone = zone();
    let floor = floor(gfp);
    // Out of the reserve one page at a time: what lies on a list is anybody's.
    let plenty = zone.free_pages() >= MIN.load(Ordering::Relaxed) + batch;
    let batch = if plenty { batch } else { 1 };
    let mut got = 0;
    let mut order = batch.ilog2() as u8;
    while got < batch {
        let size = 1 << order;
        let page = if got + size <= batch && zone.free_pages() >= floor + size {
            zone.alloc(&mut Metas, order)
        } else {
            None
        };
        match page {
            Some(first) => {
                // Highest first: the per-CPU list is a stack, so that pages come out in rising order.
                (first..first + size as u32).rev().for_each(&mut each);
                got += size;
            }
            None if order == 0 => break,
            None => order -= 1,
        }
    }
    got
}

/// Takes single pages back.
pub(super) fn free_batch(pages: impl Iterator<Item = u32>) {
    let mut zone = zone();
    for page in pages {
        Metas::of(page)
            .kind
            .store(Kind::Taken as u32, Ordering::Relaxed);
        free_locked(&mut zone, page, 0);
    }
}

/// Takes a block back.
pub(super) fn free(page: Pfn, order: u8) {
    free_locked(&mut zone(), page as u32, order);
}

pub(super) fn free_locked(zone: &mut Buddy, page: u32, order: u8) {
    if let Err(error) = zone.free(&mut Metas, page, order) {
        panic!("page {page:#x} order {order}: {error:?}");
    }
}

const _: () = assert!(NONE == u32::MAX);
