//! Copying a space: one increment per present page, protection taken away in place, tables walked only where they are.
use super::table::{self, LEAF_SPAN, Leaf};
use super::tlb::{self, Span, Tables};
use super::{Prot, UserSpace, entry};
use abi::Result;
use core::ops::{ControlFlow, Range};
use core::sync::atomic::Ordering;
use hal::addr::UserAddr;

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

    /// [`fork_range`](Self::fork_range) for many ranges with one TLB flush at the end. No fault may be resolved in this
    /// space meanwhile: a page must not be copied while a CPU that has not forgotten its old rights writes to it.
    pub fn fork_ranges(
        &self,
        dst: &UserSpace,
        ranges: impl IntoIterator<Item = (Range<UserAddr>, CowMode)>,
    ) -> Result<usize> {
        let mut fork = Fork {
            count: 0,
            changed: Span::new(),
            taken: if tlb::is_shared(self.root.pfn()) {
                entry::WRITE | entry::ACCESSED
            } else {
                entry::WRITE
            },
        };
        let result = ranges
            .into_iter()
            .try_for_each(|(range, mode)| self.fork_one(dst, range, mode, &mut fork));
        if let Some(changed) = fork.changed.take() {
            tlb::flush(self.root.pfn(), changed, Tables::Stay);
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
        let mut wants = false;
        if let Some(leaf) = table::lock_leaf(self.root, range.start) {
            leaf.each_filled(range.start, range.end, |_, _, e| {
                wants = copied(e, mode);
                if wants {
                    ControlFlow::Break(())
                } else {
                    ControlFlow::Continue(())
                }
            });
        }
        wants
    }
}

#[inline]
fn copied(e: u64, mode: CowMode) -> bool {
    e != 0 && (mode != CowMode::AnonOnly || e & entry::ANON != 0)
}

struct Fork {
    count: usize,
    /// Addresses whose entries lost something.
    changed: Span,
    /// What an entry loses: the right to write; and, where other CPUs use the space, the mark of past use, so that who
    /// copies a page need not tell those that have not used it since.
    taken: u64,
}

impl Fork {
    #[inline]
    fn leaf(&mut self, from: &Leaf, to: &Leaf, range: Range<usize>, mode: CowMode) {
        let target = to.table.entries();
        let mut count = 0;
        from.each_filled(range.start, range.end, |at, slot, mut e| {
            if !copied(e, mode) {
                return ControlFlow::Continue(());
            }
            if mode != CowMode::Share && e & self.taken != 0 {
                e = slot.fetch_and(!self.taken, Ordering::AcqRel) & !entry::WRITE;
                self.changed.add(at);
            }
            let child = &target[table::index(at, 1)];
            if child.load(Ordering::Relaxed) != 0 {
                debug_assert!(false, "fork into a range that is mapped");
                return ControlFlow::Continue(());
            }
            // SAFETY: metadata lives forever; the parent's entry, locked, holds a reference.
            unsafe { table::page_meta(e).as_ref() }
                .refs
                .fetch_add(1, Ordering::Relaxed);
            child.store(e & !(entry::DIRTY | entry::ACCESSED), Ordering::Release);
            count += 1;
            ControlFlow::Continue(())
        });
        // A superset of what was filled is good enough for the child's groups.
        to.table.note_all(from.table.groups());
        to.filled(count);
        self.count += count;
    }
}

const _: () = assert!(Prot::ANON.bits() == 8);
