//! Per-CPU lists of single free pages: no lock, no shared cache line. Two stacks: pages of any content and pages known
//! to be zero (the idle loop may clear some).
//!
//! All words are atomics so that statistics may read them from other CPUs; only the own CPU writes, pinned.
use super::{FrameMeta, Gfp, Kind, zone};
use crate::machine::{self, Pinned};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use sync::percpu::{CachePadded, PerCpu};

/// Pages moved between a list and the zone at once.
const BATCH: usize = 64;
const PLAIN: usize = 256;
const ZEROED: usize = 64;

pub(super) struct Stack<const N: usize> {
    len: AtomicU32,
    pages: [AtomicU32; N],
}

impl<const N: usize> Stack<N> {
    pub(super) const fn new() -> Self {
        Self {
            len: AtomicU32::new(0),
            pages: [const { AtomicU32::new(0) }; N],
        }
    }
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len.load(Relaxed) as usize
    }
    #[inline]
    pub(super) fn pop(&self) -> Option<u32> {
        let top = self.len().wrapping_sub(1);
        let page = self.pages.get(top)?.load(Relaxed);
        self.len.store(top as u32, Relaxed);
        Some(page)
    }
    /// `false` when full.
    #[inline]
    pub(super) fn push(&self, page: u32) -> bool {
        let len = self.len();
        match self.pages.get(len) {
            Some(slot) => {
                slot.store(page, Relaxed);
                self.len.store(len as u32 + 1, Relaxed);
                true
            }
            None => false,
        }
    }
    /// Gives the `n` pages that lie lowest (coldest) to `free`.
    pub(super) fn shrink(&self, n: usize, free: impl FnOnce(&mut dyn Iterator<Item = u32>)) {
        let len = self.len();
        let n = n.min(len);
        free(&mut self.pages[..n].iter().map(|p| p.load(Relaxed)));
        for i in n..len {
            self.pages[i - n].store(self.pages[i].load(Relaxed), Relaxed);
        }
        self.len.store((len - n) as u32, Relaxed);
    }
}

struct Lists {
    plain: Stack<PLAIN>,
    zeroed: Stack<ZEROED>,
}

static LISTS: PerCpu<Lists> = PerCpu::new(
    [const {
        CachePadded(Lists {
            plain: Stack::new(),
            zeroed: Stack::new(),
        })
    }; hal::MAX_CPUS],
);

/// A page and whether it is known to be zero.
#[inline]
pub(super) fn take(gfp: Gfp) -> Option<(u32, bool)> {
    let pin = machine::pin();
    let lists = LISTS.get(&pin);
    if gfp.wants_zero()
        && let Some(page) = lists.zeroed.pop()
    {
        return Some((page, true));
    }
    match lists.plain.pop() {
        Some(page) => Some((page, false)),
        None => refill(lists, gfp),
    }
}

#[cold]
fn refill(lists: &Lists, gfp: Gfp) -> Option<(u32, bool)> {
    zone::alloc_batch(BATCH, gfp, |page| {
        lists.plain.push(page);
    });
    match lists.plain.pop() {
        Some(page) => Some((page, false)),
        None => lists.zeroed.pop().map(|page| (page, true)),
    }
}

/// Takes a free page; `zero` when its content is known to be zero.
#[inline]
pub(super) fn give(meta: NonNull<FrameMeta>, zero: bool) {
    let page = machine::pfn_of(meta) as u32;
    // SAFETY: metadata lives forever.
    mark_free(unsafe { meta.as_ref() });
    let pin = machine::pin();
    push(LISTS.get(&pin), page, zero, &pin);
}

/// Takes a page back that was only just taken.
pub(super) fn put_back(page: u32, zero: bool) {
    let pin = machine::pin();
    push(LISTS.get(&pin), page, zero, &pin);
}

/// Takes many free pages.
pub(crate) fn give_all(pages: &[u32]) {
    let pin = machine::pin();
    let lists = LISTS.get(&pin);
    for &page in pages {
        // SAFETY: metadata lives forever.
        mark_free(unsafe { machine::meta_of(page as Pfn).as_ref() });
        push(lists, page, false, &pin);
    }
}

#[inline]
pub(super) fn mark_free(meta: &FrameMeta) {
    let before = meta.kind.swap_relaxed(Kind::PerCpu as u32) as u8;
    debug_assert!(
        before != Kind::PerCpu as u8 && before != Kind::Buddy as u8,
        "page freed twice (kind {before})"
    );
}

#[inline]
fn push(lists: &Lists, page: u32, zero: bool, _pin: &Pinned) {
    if zero && lists.zeroed.push(page) {
        return;
    }
    if !lists.plain.push(page) {
        overflow(lists, page);
    }
}

#[cold]
fn overflow(lists: &Lists, page: u32) {
    lists
        .plain
        .shrink(BATCH * 2, |pages| zone::free_batch(pages));
    lists.plain.push(page);
}

/// Pages on all CPUs' lists.
pub(super) fn len() -> usize {
    LISTS.iter().map(|l| l.plain.len() + l.zeroed.len()).sum()
}

/// Gives this CPU's pages back to the zone.
pub(crate) fn drain_local() {
    let pin = machine::pin();
    let lists = LISTS.get(&pin);
    lists.plain.shrink(PLAIN, |pages| zone::free_batch(pages));
    lists.zeroed.shrink(ZEROED, |pages| zone::free_batch(pages));
}

/// For the idle loop: clears one free page ahead of demand. `false` when there are enough, or too few free ones.
pub fn zero_one_ahead() -> bool {
    let page = {
        let pin = machine::pin();
        let lists = LISTS.get(&pin);
        if lists.zeroed.len() >= ZEROED / 2 || lists.plain.len() <= BATCH / 2 {
            return false;
        }
        lists.plain.pop()
    };
    let Some(page) = page else { return false };
    // SAFETY: the page is off every list, so it is ours.
    unsafe {
        machine::zero(
            machine::phys_to_virt(PhysAddr::from_pfn(page as Pfn)),
            PAGE_SIZE,
        );
    };
    let pin = machine::pin();
    push(LISTS.get(&pin), page, true, &pin);
    true
}

/// A store that says what was there without an atomic exchange: the caller is the only writer.
trait SwapRelaxed {
    fn swap_relaxed(&self, value: u32) -> u32;
}
impl SwapRelaxed for AtomicU32 {
    #[inline]
    fn swap_relaxed(&self, value: u32) -> u32 {
        let old = self.load(Relaxed);
        self.store(value, Relaxed);
        old
    }
}
