//! Huge pages in a space: entries of level-2 tables that name no leaf table. All that handles single pages passes them by.
//!
//! One lock for all of them, held for a few instructions: so that who looks at a page has a reference before who takes it
//! out gives his up. Who maps, changes and takes out at one address is told apart by the caller.
use super::table::{self, LEAF_SPAN, Table};
use super::tlb::{self, Span, Tables};
use super::{MapError, Prot, UserSpace, entry};
use crate::frame::HugePage;
use abi::{Result, USER_END};
use arrayvec::ArrayVec;
use core::mem::ManuallyDrop;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};
use hal::addr::{PhysAddr, UserAddr};
use sync::{LockClass, SpinLock, rank};

static CLASS: LockClass = LockClass::new("huge-entries", rank::NONE);
static ENTRIES: SpinLock<()> = SpinLock::new(&CLASS, ());

/// What is mapped at an address.
#[derive(Debug)]
pub struct HugeMapping {
    /// The page; this handle is one more reference.
    pub page: HugePage,
    /// Its protection.
    pub prot: Prot,
    /// Stored to since mapped.
    pub dirty: bool,
    /// Used since mapped.
    pub accessed: bool,
}

fn entry_of(page: &HugePage, prot: Prot) -> u64 {
    entry::leaf(page.pfn(), prot) | entry::HUGE
}

fn with_prot(e: u64, prot: Prot) -> u64 {
    entry::with_prot(e, prot) | entry::HUGE
}

const fn is_huge(e: u64) -> bool {
    e != 0 && e & entry::TABLE == 0
}

/// The handle of the reference that an entry held.
///
/// # Safety
/// The entry was taken out, or the handle is not dropped.
unsafe fn page_of(e: u64) -> HugePage {
    // SAFETY: the caller's promise.
    unsafe { HugePage::from_meta(table::page_meta(e)) }
}

fn mapping(e: u64) -> HugeMapping {
    // SAFETY: the entry, locked by the caller, keeps its reference: this handle is not dropped.
    let held = ManuallyDrop::new(unsafe { page_of(e) });
    HugeMapping {
        page: HugePage::clone(&held),
        prot: entry::prot(e),
        dirty: e & entry::DIRTY != 0,
        accessed: e & entry::ACCESSED != 0,
    }
}

#[track_caller]
fn check(va: usize) {
    assert!(
        va < USER_END && va.is_multiple_of(LEAF_SPAN),
        "not a huge page's address: {va:#x}"
    );
}

impl UserSpace {
    /// Maps a huge page where nothing is. `va` is aligned user space, else the call panics; so do the others.
    pub fn map_huge(&self, va: UserAddr, page: HugePage, prot: Prot) -> Result<(), MapError> {
        check(va.0);
        let above =
            table::make_above_leaf(self.root, va.0, &self.tables).map_err(|_| MapError::NoMem)?;
        self.drop_empty_leaf(above, va.0);
        let i = table::index(va.0, 2);
        above.note(i);
        let e = entry_of(&page, prot);
        page.count_map();
        let held = page.into_meta();
        let slot = &above.entries()[i];
        if slot
            .compare_exchange(0, e, Ordering::AcqRel, Ordering::Relaxed)
            .is_ok()
        {
            return Ok(());
        }
        // SAFETY: the reference did not go into an entry.
        unsafe { HugePage::from_meta(held) }.unmapped();
        Err(MapError::Exists)
    }

    /// Takes away the leaf table that single pages left behind.
    fn drop_empty_leaf(&self, above: Table, va: usize) {
        let Some(leaf) = table::lock_leaf(self.root, va) else {
            return;
        };
        if leaf.emptied(0) != 0 {
            return;
        }
        above.entries()[table::index(va, 2)].store(0, Ordering::Release);
        self.tables.fetch_sub(1, Ordering::Relaxed);
        let old = leaf.table;
        drop(leaf);
        tlb::flush(self.root.pfn(), va..va + abi::PAGE_SIZE, Tables::Go);
        // SAFETY: unlinked under its lock, and flushed: no walker and no CPU finds it; late lockers see the entry above.
        unsafe { old.free(true) };
    }

    fn huge_slot(&self, va: usize) -> Option<&'static AtomicU64> {
        if va >= USER_END {
            return None;
        }
        table::leaf_entry(self.root, va)
    }

    /// The huge page mapped at `va`, which may lie inside of it.
    pub fn get_huge(&self, va: UserAddr) -> Option<HugeMapping> {
        let slot = self.huge_slot(va.0)?;
        let _lock = ENTRIES.lock();
        let e = slot.load(Ordering::Relaxed);
        is_huge(e).then(|| mapping(e))
    }

    /// Its protection.
    pub fn prot_huge(&self, va: UserAddr) -> Option<Prot> {
        let e = self.huge_slot(va.0)?.load(Ordering::Relaxed);
        is_huge(e).then(|| entry::prot(e))
    }

    /// Gives the huge page at `va` the protection `prot` if it is `expect`. Rights may only grow.
    pub fn set_prot_huge(&self, va: UserAddr, prot: Prot, expect: PhysAddr) -> bool {
        let Some(slot) = self.huge_slot(va.0) else {
            return false;
        };
        let _lock = ENTRIES.lock();
        slot.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |e| {
            (is_huge(e) && entry::pfn(e) == expect.pfn()).then(|| with_prot(e, prot))
        })
        .is_ok()
    }

    /// Maps `page` instead of `expect`. Nobody else changes what is at this address meanwhile, but to take it out.
    pub fn replace_huge(
        &self,
        va: UserAddr,
        page: HugePage,
        prot: Prot,
        expect: PhysAddr,
    ) -> Result<(), MapError> {
        check(va.0);
        let slot = self.huge_slot(va.0).ok_or(MapError::Exists)?;
        let old = {
            let _lock = ENTRIES.lock();
            slot.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |e| {
                (is_huge(e) && entry::pfn(e) == expect.pfn()).then_some(0)
            })
            .map_err(|_| MapError::Exists)?
        };
        // Nothing stands there until all have forgotten the old page: as for single pages.
        tlb::flush(self.root.pfn(), va.0..va.0 + LEAF_SPAN, Tables::Stay);
        // SAFETY: the entry was taken out.
        unsafe { page_of(old) }.unmapped();
        self.map_huge(va, page, prot)
    }

    /// Takes all huge pages of a range out, which begins and ends at such; how many were the space's own, and others.
    pub fn unmap_huge(&self, range: Range<UserAddr>) -> super::Discarded {
        let mut counts = super::Discarded::default();
        let end = range.end.0.min(USER_END);
        let mut at = range.start.0;
        while at < end {
            let mut batch: ArrayVec<u64, 32> = ArrayVec::new();
            let mut span = Span::new();
            while let Some(va) = table::next_leaf(self.root, at, end).filter(|_| !batch.is_full()) {
                at = (va | (LEAF_SPAN - 1)) + 1;
                let Some(slot) = self.huge_slot(va) else {
                    continue;
                };
                let _lock = ENTRIES.lock();
                if is_huge(slot.load(Ordering::Relaxed)) {
                    batch.push(slot.swap(0, Ordering::AcqRel));
                    span.add(va & !(LEAF_SPAN - 1));
                    span.add(at - abi::PAGE_SIZE);
                }
            }
            let more = batch.is_full();
            if let Some(span) = span.take() {
                tlb::flush(self.root.pfn(), span, Tables::Stay);
            }
            for e in batch {
                if e & entry::ANON != 0 {
                    counts.anon += 1;
                } else {
                    counts.other += 1;
                }
                // SAFETY: the entry was taken out, and forgotten by all.
                unsafe { page_of(e) }.unmapped();
            }
            if !more {
                break;
            }
        }
        counts
    }

    /// Calls `each` for the entry of every huge page of a range, locked.
    fn each_huge(&self, range: Range<UserAddr>, mut each: impl FnMut(usize, &AtomicU64, u64)) {
        let end = range.end.0.min(USER_END);
        let mut at = range.start.0;
        while let Some(va) = table::next_leaf(self.root, at, end) {
            at = (va | (LEAF_SPAN - 1)) + 1;
            let Some(slot) = self.huge_slot(va) else {
                continue;
            };
            let _lock = ENTRIES.lock();
            let e = slot.load(Ordering::Relaxed);
            if is_huge(e) {
                each(va & !(LEAF_SPAN - 1), slot, e);
            }
        }
    }

    /// As [`protect`](Self::protect), for the huge pages of a range.
    pub fn protect_huge(&self, range: Range<UserAddr>, prot: Prot) {
        let prot = prot - Prot::ANON;
        let mut changed = Span::new();
        self.each_huge(range, |va, slot, _| {
            let _ = slot.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |e| {
                Some(with_prot(e, super::range::weaker(entry::prot(e), prot)))
            });
            changed.add(va);
            changed.add(va + LEAF_SPAN - abi::PAGE_SIZE);
        });
        if let Some(changed) = changed.take() {
            tlb::flush(self.root.pfn(), changed, Tables::Stay);
        }
    }

    /// Calls `each` for every huge page of a range. It runs under a lock: it must not sleep nor call the space.
    pub fn for_each_huge(
        &self,
        range: Range<UserAddr>,
        mut each: impl FnMut(UserAddr, &HugeMapping),
    ) {
        self.each_huge(range, |va, _, e| {
            // The page that the mapping holds stays: the entry has a reference of its own.
            each(UserAddr(va), &mapping(e));
        });
    }

    /// Maps in `dst` what a range has of its own huge pages ([`Prot::ANON`]): read-only in both. No fault may be resolved
    /// in this space meanwhile. ENOMEM: `dst` then has part of it; drop it. Answers how many.
    pub fn fork_huge(&self, dst: &UserSpace, range: Range<UserAddr>) -> Result<usize> {
        let end = range.end.0.min(USER_END);
        let mut at = range.start.0;
        let (mut count, mut changed) = (0, Span::new());
        let mut result = Ok(());
        while let Some(va) = table::next_leaf(self.root, at, end) {
            let va = va & !(LEAF_SPAN - 1);
            at = va + LEAF_SPAN;
            let Some(m) = self
                .get_huge(UserAddr(va))
                .filter(|m| m.prot.contains(Prot::ANON))
            else {
                continue;
            };
            if m.prot.contains(Prot::WRITE)
                && let Some(slot) = self.huge_slot(va)
            {
                slot.fetch_and(!entry::WRITE, Ordering::AcqRel);
                changed.add(va);
                changed.add(at - abi::PAGE_SIZE);
            }
            result = dst.map_huge(UserAddr(va), m.page, m.prot - Prot::WRITE);
            if result.is_err() {
                break;
            }
            count += 1;
        }
        if let Some(changed) = changed.take() {
            tlb::flush(self.root.pfn(), changed, Tables::Stay);
        }
        result?;
        Ok(count)
    }

    /// Moves the huge pages of `[from, from + len)` to `to`, as [`move_range`](Self::move_range) does single ones. ENOMEM:
    /// nothing was moved.
    pub fn move_huge(&self, from: UserAddr, to: UserAddr, len: usize) -> Result<()> {
        check(from.0);
        check(to.0);
        for offset in (0..len).step_by(LEAF_SPAN) {
            let above = table::make_above_leaf(self.root, to.0 + offset, &self.tables)?;
            self.drop_empty_leaf(above, to.0 + offset);
        }
        self.each_huge(from..UserAddr(from.0 + len), |va, slot, _| {
            let target = va - from.0 + to.0;
            if let Some(above) = table::above_leaf(self.root, target) {
                let i = table::index(target, 2);
                above.note(i);
                above.entries()[i].store(slot.swap(0, Ordering::AcqRel), Ordering::Release);
            }
        });
        tlb::flush(self.root.pfn(), from.0..from.0 + len, Tables::Stay);
        Ok(())
    }
}
