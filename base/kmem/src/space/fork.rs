//! Copying a space: one increment per present page, protection taken away in place, tables walked only where they are.
use super::table::{self, LEAF_SPAN, Leaf, Table};
use super::{Prot, UserSpace, entry, tlb};
use abi::Result;
use core::ops::Range;
use core::sync::atomic::Ordering;
use hal::addr::{PAGE_SIZE, UserAddr};

/// What [`UserSpace::fork_range`] does to each present page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CowMode {
    /// Both spaces map it as the first did (shared mappings).
    Share,
    /// Both map it read-only; a write fault copies.
    CopyOnWrite,
    /// As `CopyOnWrite` for entries marked [`Prot::ANON`]; all others stay out, a fault in the child rebuilds them.
    AnonOnly,
}

impl UserSpace {
    /// Maps in `dst`, where nothing is mapped, what a range of this space has present, and returns how many pages.
    /// ENOMEM: `dst` then has part of it; drop it.
    pub fn fork_range(
        &self,
        dst: &UserSpace,
        range: Range<UserAddr>,
        mode: CowMode,
    ) -> Result<usize> {
        self.fork_ranges(dst, [(range, mode)])
    }

    /// [`fork_range`](Self::fork_range) for many ranges with one TLB flush at the end.
    pub fn fork_ranges(
        &self,
        dst: &UserSpace,
        ranges: impl IntoIterator<Item = (Range<UserAddr>, CowMode)>,
    ) -> Result<usize> {
        let mut fork = Fork {
            count: 0,
            changed: usize::MAX..0,
        };
        let result = ranges
            .into_iter()
            .try_for_each(|(range, mode)| self.fork_one(dst, range, mode, &mut fork));
        if fork.changed.start < fork.changed.end {
            tlb::flush(self.root, fork.changed.clone());
        }
        result.map(|()| fork.count)
    }

    fn fork_one(
        &self,
        dst: &UserSpace,
        range: Range<UserAddr>,
        mode: CowMode,
        fork: &mut Fork,
    ) -> Result<()> {
        let end = range.end.0.min(abi::USER_END);
        let mut at = range.start.0;
        while let Some(va) = table::next_leaf(self.root, at, end) {
            at = ((va | (LEAF_SPAN - 1)) + 1).min(end);
            if table::leaf_entry(dst.root, va).is_none_or(|e| e.load(Ordering::Relaxed) == 0) {
                if !self.wants(va..at, mode) {
                    continue;
                }
                table::make_leaf(dst.root, va, &dst.tables)?;
            }
            // Parent first, then child: nobody forks the other way round, the child is new.
            let Some(from) = table::lock_leaf(self.root, va) else {
                continue;
            };
            if let Some(to) = table::lock_leaf(dst.root, va) {
                fork.leaf(&from, &to, va..at, mode);
            }
        }
        Ok(())
    }

    /// Whether a part of a leaf has anything to copy: a table for the child costs more than this look.
    fn wants(&self, range: Range<usize>, mode: CowMode) -> bool {
        table::lock_leaf(self.root, range.start).is_some_and(|leaf| {
            entries(leaf.table, &range)
                .any(|i| copied(leaf.table.entries()[i].load(Ordering::Relaxed), mode))
        })
    }
}

fn entries(table: Table, range: &Range<usize>) -> impl Iterator<Item = usize> {
    table.filled(
        table::index(range.start, 1),
        table::index(range.end - 1, 1) + 1,
    )
}

#[inline]
fn copied(e: u64, mode: CowMode) -> bool {
    e != 0 && (mode != CowMode::AnonOnly || e & entry::ANON != 0)
}

struct Fork {
    count: usize,
    /// Addresses that lost the right to write.
    changed: Range<usize>,
}

impl Fork {
    fn leaf(&mut self, from: &Leaf, to: &Leaf, range: Range<usize>, mode: CowMode) {
        let base = range.start & !(LEAF_SPAN - 1);
        let mut count = 0;
        for i in entries(from.table, &range) {
            let slot = &from.table.entries()[i];
            let mut e = slot.load(Ordering::Relaxed);
            if !copied(e, mode) {
                continue;
            }
            let at = base + i * PAGE_SIZE;
            if mode != CowMode::Share && e & entry::WRITE != 0 {
                e = slot.fetch_and(!entry::WRITE, Ordering::AcqRel) & !entry::WRITE;
                self.changed = self.changed.start.min(at)..self.changed.end.max(at + PAGE_SIZE);
            }
            let child = &to.table.entries()[i];
            if child.load(Ordering::Relaxed) != 0 {
                debug_assert!(false, "fork into a range that is mapped");
                continue;
            }
            // SAFETY: metadata lives forever; the parent's entry, locked, holds a reference.
            unsafe { table::page_meta(e).as_ref() }
                .refs
                .fetch_add(1, Ordering::Relaxed);
            child.store(e & !entry::DIRTY, Ordering::Release);
            to.table.note(i);
            count += 1;
        }
        to.filled(count);
        self.count += count;
    }
}

const _: () = assert!(Prot::ANON.bits() == 8);
