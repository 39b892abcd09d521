//! Tables and the way through them. Four levels; the words of the tables' own [`FrameMeta`]:
//!
//! - `private[0]`: which groups of eight entries were ever filled, so that fork and teardown skip the rest;
//! - `private[1]`: for a root, the CPUs that have it loaded; `index`: how often translations had to be forgotten;
//! - `prev`: how many entries a leaf table has filled, changed under its lock;
//! - `spare`: the lock of a leaf table. It belongs to nobody else even when the page is no table any more, so that a
//!   walker may lock first and then look whether the table is still the one it meant.
//!
//! Tables above the leaves live as long as their space. A leaf goes only under its lock, after its entry above.
use super::{entry, fresh};
use crate::charge::{self, Charge};
use crate::frame::{self, FrameMeta, Gfp};
use crate::machine;
use abi::Result;
use core::ops::ControlFlow;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use hal::addr::{PAGE_SHIFT, PAGE_SIZE, Pfn, PhysAddr};
use sync::PreemptGuard;

pub(super) const ENTRIES: usize = 512;
/// Bytes that a leaf table covers.
pub(super) const LEAF_SPAN: usize = PAGE_SIZE * ENTRIES;

/// A table that exists: a page of kind `Table`.
#[derive(Clone, Copy)]
pub(super) struct Table(Pfn);

impl Table {
    /// A new one, empty. ENOMEM.
    pub(super) fn new() -> Result<Self> {
        let meta = frame::alloc_table(Gfp::KERNEL)?;
        charge::charge(Charge::Tables, 1);
        let table = Self(machine::pfn_of(meta));
        fresh::prepare(table.0);
        table.meta().prev.store(0, Ordering::Relaxed);
        table.meta().private[1].store(0, Ordering::Relaxed);
        Ok(table)
    }

    /// # Safety
    /// `pfn` is a page table, and stays one while the result is used.
    #[inline]
    pub(super) unsafe fn at(pfn: Pfn) -> Self {
        Self(pfn)
    }

    #[inline]
    pub(super) fn pfn(self) -> Pfn {
        self.0
    }
    #[inline]
    pub(super) fn meta(self) -> &'static FrameMeta {
        // SAFETY: metadata lives forever.
        unsafe { machine::meta_of(self.0).as_ref() }
    }
    #[inline]
    pub(super) fn entries(self) -> &'static [AtomicU64; ENTRIES] {
        // SAFETY: a whole page of words that only atomics touch (and the CPU's walker, which is atomic as well).
        unsafe { &*machine::table_virt(PhysAddr::from_pfn(self.0)).cast() }
    }
    /// Groups of eight entries that may be filled.
    #[inline]
    pub(super) fn groups(self) -> u64 {
        self.meta().private[0].load(Ordering::Relaxed)
    }

    /// Notes that entry `index` is filled.
    #[inline]
    pub(super) fn note(self, index: usize) {
        let word = &self.meta().private[0];
        let bit = 1 << (index / 8);
        if word.load(Ordering::Relaxed) & bit == 0 {
            word.fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// Notes that entries of all `groups` may be filled.
    #[inline]
    pub(super) fn note_all(self, groups: u64) {
        self.meta().private[0].fetch_or(groups, Ordering::Relaxed);
    }

    /// Calls `each(index, entry, value)` for every entry in `[first, end)` that is not 0, until it answers `Break`.
    #[inline]
    pub(super) fn each_filled(
        self,
        first: usize,
        end: usize,
        mut each: impl FnMut(usize, &'static AtomicU64, u64) -> ControlFlow<()>,
    ) {
        // SAFETY: the same table, seen as groups of eight.
        let table: &'static [[AtomicU64; 8]; 64] =
            unsafe { &*ptr::from_ref(self.entries()).cast() };
        let mut groups = self.groups() & (!0 << ((first / 8) & 63));
        while groups != 0 {
            let g = groups.trailing_zeros() as usize;
            groups &= groups - 1;
            for (k, slot) in table[g & 63].iter().enumerate() {
                let e = slot.load(Ordering::Acquire);
                let i = g * 8 + k;
                if e != 0 && i >= first {
                    if i >= end {
                        return;
                    }
                    if each(i, slot, e).is_break() {
                        return;
                    }
                }
            }
        }
    }

    /// Frees the table. `zero`: all its entries are 0.
    ///
    /// # Safety
    /// Nobody uses or finds it any more, TLBs and their walkers included.
    pub(super) unsafe fn free(self, zero: bool) {
        charge::charge(Charge::Tables, -1);
        frame::free_table(machine::meta_of(self.0), zero);
    }
}

/// Index of an address in the table of a level (1: leaf … 4: root).
#[inline]
pub(super) const fn index(va: usize, level: u32) -> usize {
    (va >> (PAGE_SHIFT + 9 * (level - 1))) & (ENTRIES - 1)
}

/// The level-2 table of `va`, if it exists.
#[inline]
pub(super) fn above_leaf(root: Table, va: usize) -> Option<Table> {
    let mut table = root;
    for level in [4, 3] {
        let e = table.entries()[index(va, level)].load(Ordering::Acquire);
        if e == 0 {
            return None;
        }
        // SAFETY: tables above the leaves live as long as the space, which the caller borrows.
        table = unsafe { Table::at(entry::pfn(e)) };
    }
    Some(table)
}

/// The entry (in a level-2 table) that names the leaf table of `va`, or maps a huge page, if the tables above exist.
#[inline]
pub(super) fn leaf_entry(root: Table, va: usize) -> Option<&'static AtomicU64> {
    above_leaf(root, va).map(|table| &table.entries()[index(va, 2)])
}

/// Makes the tables for `va` down to the leaf. ENOMEM: also if a huge page is mapped there. May sleep.
#[cold]
pub(super) fn make_leaf(root: Table, va: usize, count: &AtomicUsize) -> Result<()> {
    make_below(root, va, &[4, 3, 2], count).map(drop)
}

/// Makes the tables for `va` down to level 2, and answers that one. ENOMEM. May sleep.
#[cold]
pub(super) fn make_above_leaf(root: Table, va: usize, count: &AtomicUsize) -> Result<Table> {
    make_below(root, va, &[4, 3], count)
}

fn make_below(root: Table, va: usize, levels: &[u32], count: &AtomicUsize) -> Result<Table> {
    let mut table = root;
    for &level in levels {
        let i = index(va, level);
        let slot = &table.entries()[i];
        let mut e = slot.load(Ordering::Acquire);
        if e == 0 {
            let new = Table::new()?;
            table.note(i);
            match slot.compare_exchange(
                0,
                entry::table(new.pfn()),
                Ordering::AcqRel,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    count.fetch_add(1, Ordering::Relaxed);
                    e = entry::table(new.pfn());
                }
                Err(theirs) => {
                    // SAFETY: it was never installed.
                    unsafe { new.free(true) };
                    e = theirs;
                }
            }
        }
        if e & entry::TABLE == 0 {
            return Err(frame::NO_MEMORY);
        }
        // SAFETY: as in `above_leaf`; a leaf itself is not looked into.
        table = unsafe { Table::at(entry::pfn(e)) };
    }
    Ok(table)
}

/// The first address in `[va, end)` for which a leaf table exists, or where a huge page is mapped.
#[inline]
pub(super) fn next_leaf(root: Table, va: usize, end: usize) -> Option<usize> {
    if va >= end {
        return None;
    }
    if leaf_entry(root, va).is_some_and(|e| e.load(Ordering::Relaxed) != 0) {
        return Some(va);
    }
    find_leaf(root, 4, va, end)
}

fn find_leaf(table: Table, level: u32, va: usize, end: usize) -> Option<usize> {
    let span = PAGE_SIZE << (9 * (level - 1));
    let base = va & !(span * ENTRIES - 1);
    let mut found = None;
    table.each_filled(index(va, level), ENTRIES, |i, _, e| {
        let start = va.max(base + i * span);
        if start >= end {
            return ControlFlow::Break(());
        }
        found = if level == 2 {
            Some(start)
        } else {
            // SAFETY: as in `leaf_entry`.
            find_leaf(unsafe { Table::at(entry::pfn(e)) }, level - 1, start, end)
        };
        if found.is_some() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    });
    found
}

/// A locked leaf table; preemption is off.
pub(super) struct Leaf {
    pub(super) table: Table,
    _pin: PreemptGuard,
}

impl Leaf {
    /// Calls `each(address, entry, value)` for every entry in `[va, end)` of this leaf's span that is not 0.
    #[inline]
    pub(super) fn each_filled(
        &self,
        va: usize,
        end: usize,
        mut each: impl FnMut(usize, &'static AtomicU64, u64) -> ControlFlow<()>,
    ) {
        let base = va & !(LEAF_SPAN - 1);
        let first = index(va, 1);
        let last = (end - base) / PAGE_SIZE;
        self.table.each_filled(first, last, |i, slot, e| {
            each(base + i * PAGE_SIZE, slot, e)
        });
    }
    #[inline]
    pub(super) fn entry(&self, va: usize) -> &'static AtomicU64 {
        &self.table.entries()[index(va, 1)]
    }
    /// Writes an entry that was 0.
    #[inline]
    pub(super) fn fill(&self, va: usize, e: u64) {
        let i = index(va, 1);
        self.table.note(i);
        self.table.entries()[i].store(e, Ordering::Release);
        self.filled(1);
    }
    /// Counts entries that were filled.
    #[inline]
    pub(super) fn filled(&self, n: usize) {
        let count = &self.table.meta().prev;
        count.store(count.load(Ordering::Relaxed) + n as u32, Ordering::Relaxed);
    }
    /// Counts entries that were emptied; returns how many are left.
    #[inline]
    pub(super) fn emptied(&self, n: usize) -> u32 {
        let count = &self.table.meta().prev;
        let left = count.load(Ordering::Relaxed) - n as u32;
        count.store(left, Ordering::Relaxed);
        left
    }
}

impl Drop for Leaf {
    #[inline]
    fn drop(&mut self) {
        self.table.meta().spare.store(0, Ordering::Release);
    }
}

/// Locks the leaf table of `va`, if there is one: where a huge page is mapped there is none.
#[inline]
pub(super) fn lock_leaf(root: Table, va: usize) -> Option<Leaf> {
    loop {
        let pin = sync::preempt_disable();
        let above = leaf_entry(root, va)?;
        let e = above.load(Ordering::Acquire);
        if e & entry::TABLE == 0 {
            return None;
        }
        let pfn = entry::pfn(e);
        // SAFETY: metadata lives forever; the lock word is nobody else's.
        let meta = unsafe { machine::meta_of(pfn).as_ref() };
        lock(meta);
        // SAFETY: if the entry above still names it, it is this space's leaf table and stays so under the lock.
        let table = unsafe { Table::at(pfn) };
        let leaf = Leaf { table, _pin: pin };
        if above.load(Ordering::Acquire) == e {
            return Some(leaf);
        }
    }
}

#[inline]
fn lock(meta: &FrameMeta) {
    while meta
        .spare
        .compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        while meta.spare.load(Ordering::Relaxed) != 0 {
            hal::cpu::relax();
            super::tlb::service();
        }
    }
}

/// The metadata of a mapped page.
#[inline]
pub(super) fn page_meta(e: u64) -> NonNull<FrameMeta> {
    machine::meta_of(entry::pfn(e))
}
