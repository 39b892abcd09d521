//! Pages for page tables, apart from all others: sections of 4 MiB that the direct map shows read-only, so that a stray
//! store of a module faults instead of mapping what it likes. The kernel writes tables by `machine::table_virt`.
//!
//! Tables come back empty, so that those on a CPU's list are zero. When there are none a section is taken from the zone;
//! [`trim`] gives sections back that nobody uses. If none can be had (memory is in smaller pieces, or the caller can't wait
//! for TLBs) a page from anywhere does, which nobody guards.
use super::{FRAME_ALLOC, FrameMeta, Gfp, Kind, MOST_PAGES, NO_MEMORY, alloc_page, lists, zone};
use crate::machine;
use abi::Result;
use arrayvec::ArrayVec;
use buddy::{Buddy, MAX_BLOCK, MAX_ORDER, ORDERS, Store};
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use sync::percpu::{CachePadded, PerCpu};
use sync::{LockClass, Once, SpinLock, inject, rank};

/// Pages that are guarded together: the largest block, so that what is free here never merges with what is free elsewhere.
const SECTION: usize = MAX_BLOCK as usize;
/// Sections that are this module's.
static GUARDED: [AtomicU64; MOST_PAGES / SECTION / 64] =
    [const { AtomicU64::new(0) }; MOST_PAGES / SECTION / 64];

static CLASS: LockClass = LockClass::new("tables", rank::BUDDY);
static POOL: SpinLock<Buddy> = SpinLock::new(&CLASS, Buddy::new());

/// Tables kept at hand by a CPU, and how many move at once.
const READY: usize = 64;
const BATCH: usize = 8;
static LISTS: PerCpu<lists::Stack<READY>> =
    PerCpu::new([const { CachePadded(lists::Stack::new()) }; hal::MAX_CPUS]);

/// Has all CPUs forget kernel translations of a range.
static FLUSH: Once<fn(Range<usize>)> = Once::new();

/// Sets what does so; sections are taken and given back only then.
#[cfg(target_os = "none")]
pub(crate) fn set_flush(flush: fn(Range<usize>)) {
    let _ = FLUSH.set(flush);
}

fn word_of(page: Pfn) -> (&'static AtomicU64, u64) {
    let section = page / SECTION;
    (&GUARDED[section / 64], 1 << (section % 64))
}

/// An empty table with one reference. ENOMEM.
#[inline]
pub(crate) fn alloc_table(gfp: Gfp) -> Result<NonNull<FrameMeta>> {
    let Some(page) = pop().or_else(|| refill(gfp)) else {
        return alloc_page(gfp.zeroed(), Kind::Table);
    };
    if inject::should_fail(&FRAME_ALLOC, 1) {
        push(page);
        return Err(NO_MEMORY);
    }
    let meta = machine::meta_of(page as Pfn);
    // SAFETY: metadata lives forever.
    unsafe { meta.as_ref() }.reset(Kind::Table as u32);
    Ok(meta)
}

#[inline]
fn pop() -> Option<u32> {
    let pin = machine::pin();
    LISTS.get(&pin).pop()
}

/// Frees a table. `zero`: its user left it empty.
#[inline]
pub(crate) fn free_table(meta: NonNull<FrameMeta>, zero: bool) {
    let page = machine::pfn_of(meta);
    let (word, bit) = word_of(page);
    if word.load(Ordering::Relaxed) & bit == 0 {
        return lists::give(meta, zero);
    }
    if !zero {
        clear(page as u32);
    }
    // SAFETY: metadata lives forever.
    lists::mark_free(unsafe { meta.as_ref() });
    push(page as u32);
}

fn clear(page: u32) {
    let at = machine::table_virt(PhysAddr::from_pfn(page as Pfn));
    // SAFETY: a page of a section of ours that nobody uses.
    unsafe { machine::zero(at, PAGE_SIZE) };
}

/// Puts an empty table on the CPU's list.
#[inline]
fn push(page: u32) {
    let pin = machine::pin();
    let list = LISTS.get(&pin);
    if !list.push(page) {
        list.shrink(READY / 2, give_back);
        list.push(page);
    }
}

fn give_back(pages: &mut dyn Iterator<Item = u32>) {
    let mut pool = POOL.lock_irq();
    for page in pages {
        zone::Metas.set_free_order(page, None);
        zone::free_locked(&mut pool, page, 0);
    }
}

/// Fills the CPU's list, and takes one.
#[cold]
fn refill(gfp: Gfp) -> Option<u32> {
    loop {
        let mut pages = ArrayVec::<u32, BATCH>::new();
        {
            let mut pool = POOL.lock_irq();
            while !pages.is_full()
                && let Some(page) = pool.alloc(&mut zone::Metas, 0)
            {
                pages.push(page);
            }
        }
        for &page in &pages {
            clear(page);
        }
        if let Some(first) = pages.pop() {
            // The lowest numbers first: a list is a stack.
            pages.into_iter().rev().for_each(push);
            return Some(first);
        }
        if !grow(gfp) {
            return None;
        }
    }
}

/// Takes a section from the zone. `false`: there is none, or it is not the time.
fn grow(gfp: Gfp) -> bool {
    if !gfp.may_reclaim() || !sync::context::may_sleep() {
        return false;
    }
    let Some(first) = zone::alloc(MAX_ORDER, Gfp::NOWAIT) else {
        return false;
    };
    guard(first, true);
    let mut pool = POOL.lock_irq();
    pool.reserve_up_to((first + SECTION) as u32);
    zone::free_locked(&mut pool, first as u32, MAX_ORDER);
    true
}

/// Makes a section read-only for everybody else, or no longer.
fn guard(first: Pfn, guarded: bool) {
    let (word, bit) = word_of(first);
    if guarded {
        word.fetch_or(bit, Ordering::Relaxed);
    } else {
        word.fetch_and(!bit, Ordering::Relaxed);
    }
    machine::protect(first..first + SECTION, guarded);
    if let Some(flush) = FLUSH.get() {
        let start = machine::phys_to_virt(PhysAddr::from_pfn(first)) as usize;
        flush(start..start + SECTION * PAGE_SIZE);
    }
}

/// Takes over what boot left of its own section of tables, once.
#[cfg(target_os = "none")]
pub(crate) fn init(pages: Range<Pfn>) {
    if pages.is_empty() {
        return;
    }
    let (word, bit) = word_of(pages.start);
    word.fetch_or(bit, Ordering::Relaxed);
    zone::grow(pages.len());
    POOL.lock_irq()
        .add_range(&mut zone::Metas, pages.start as u32, pages.end as u32);
}

/// Gives back what this CPU keeps at hand.
pub(crate) fn drain_local() {
    let pin = machine::pin();
    LISTS.get(&pin).shrink(READY, give_back);
}

/// Gives sections back that hold no table. In task context.
pub(crate) fn trim() {
    loop {
        let section = POOL.lock_irq().alloc(&mut zone::Metas, MAX_ORDER);
        let Some(first) = section else { return };
        guard(first as Pfn, false);
        zone::free(first as Pfn, MAX_ORDER);
    }
}

/// Free pages on lists, and free blocks by order.
pub(super) fn free_counts() -> (usize, [usize; ORDERS]) {
    let listed = LISTS.iter().map(|list| list.len()).sum();
    let pool = POOL.lock_irq();
    (
        listed,
        core::array::from_fn(|order| pool.free_blocks(order as u8)),
    )
}
