//! Operations on ranges of a space: take out, protect, clean, visit, move.
use super::table::{self, LEAF_SPAN, Leaf, Table};
use super::tlb::{self, Span, Tables};
use super::{Mapping, Prot, UserSpace, entry, mapping};
use crate::frame::{self, Frame};
use abi::{Result, USER_END};
use arrayvec::ArrayVec;
use core::ops::{ControlFlow, Range};
use core::sync::atomic::Ordering;
use hal::addr::{PAGE_SIZE, UserAddr};

/// What [`UserSpace::unmap`] took out; the reference that the entry held comes with it.
#[derive(Debug)]
pub struct Unmapped {
    /// Where it was.
    pub va: UserAddr,
    /// The page.
    pub frame: Frame,
    /// Its protection.
    pub prot: Prot,
    /// Stored to since mapped or last cleaned.
    pub dirty: bool,
}

/// How many pages [`UserSpace::discard`] took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Discarded {
    /// Marked [`Prot::ANON`].
    pub anon: usize,
    /// Not marked.
    pub other: usize,
}

/// Entries taken out but still in TLBs, and leaf tables that became empty.
struct Batch {
    entries: ArrayVec<(usize, u64), 64>,
    dead: ArrayVec<Table, 8>,
    span: Span,
}

impl UserSpace {
    /// Takes all pages of a range out. `each` gets them after every CPU has forgotten them, without a lock held.
    /// Tables that become empty are freed.
    pub fn unmap(&self, range: Range<UserAddr>, mut each: impl FnMut(Unmapped)) {
        self.take(range, |va, e| {
            // SAFETY: the entry was taken out; its reference comes here.
            let frame = unsafe { Frame::from_meta(table::page_meta(e)) };
            let dirty = e & entry::DIRTY != 0;
            each(Unmapped {
                va: UserAddr(va),
                frame,
                prot: entry::prot(e),
                dirty,
            });
        });
    }

    /// [`unmap`](Self::unmap) for who only needs the counts: frees pages in batches.
    pub fn discard(&self, range: Range<UserAddr>) -> Discarded {
        let mut counts = Discarded::default();
        let mut free = FreeBatch::default();
        self.take(range, |_, e| {
            if e & entry::ANON != 0 {
                counts.anon += 1;
            } else {
                counts.other += 1;
            }
            free.put(e);
        });
        counts
    }

    /// Changes the protection of all present pages of a range. `WRITE` is taken away where `prot` lacks it but never
    /// added: the next write fault decides (the page may be shared after a fork, or clean). `ANON` marks stay.
    pub fn protect(&self, range: Range<UserAddr>, prot: Prot) {
        let prot = prot - Prot::ANON;
        let mut changed = Span::new();
        self.for_leaves(range, |leaf, va, end| {
            leaf.each_filled(va, end, |at, slot, _| {
                let old = slot.fetch_update(Ordering::AcqRel, Ordering::Relaxed, |e| {
                    let new = entry::with_prot(e, weaker(entry::prot(e), prot));
                    (e != 0 && e != new).then_some(new)
                });
                if old.is_ok_and(|e| e & entry::PRESENT != 0) {
                    changed.add(at);
                }
                ControlFlow::Continue(())
            });
        });
        if let Some(changed) = changed.take() {
            tlb::flush(self.root.pfn(), changed, Tables::Stay);
        }
    }

    /// Makes the pages of a range clean and read-only; `each` sees those that were dirty (msync(2), writeback). It runs
    /// under a leaf lock: it must not sleep nor call the space.
    pub fn clean(&self, range: Range<UserAddr>, mut each: impl FnMut(UserAddr, &Frame)) {
        let mut changed = Span::new();
        self.for_leaves(range, |leaf, va, end| {
            leaf.each_filled(va, end, |at, slot, e| {
                if e & (entry::WRITE | entry::DIRTY) == 0 {
                    return ControlFlow::Continue(());
                }
                let old = slot.fetch_and(!(entry::WRITE | entry::DIRTY), Ordering::AcqRel);
                changed.add(at);
                if old & entry::DIRTY != 0 {
                    each(UserAddr(at), &mapping(old).frame);
                }
                ControlFlow::Continue(())
            });
        });
        if let Some(changed) = changed.take() {
            tlb::flush(self.root.pfn(), changed, Tables::Stay);
        }
    }

    /// Calls `each` for every present page of a range. It runs under a leaf lock: it must not sleep nor call the space.
    pub fn for_each(&self, range: Range<UserAddr>, mut each: impl FnMut(UserAddr, &Mapping)) {
        self.for_leaves(range, |leaf, va, end| {
            leaf.each_filled(va, end, |at, _, e| {
                each(UserAddr(at), &mapping(e));
                ControlFlow::Continue(())
            });
        });
    }

    /// Moves all pages of `[from, from + len)` to `to` (mremap(2)); the ranges do not overlap, nothing is mapped at the
    /// target and nobody maps anything in either meanwhile. ENOMEM: what was moved so far is moved back.
    pub fn move_range(&self, from: UserAddr, to: UserAddr, len: usize) -> Result<()> {
        let result = self.move_up_to(from.0, to.0, len);
        tlb::flush(self.root.pfn(), from.0..from.0 + len, Tables::Stay);
        result.map_err(|moved| {
            // The tables at `from` still exist, or the pages moved away just now made room for them.
            let _ = self.move_up_to(to.0, from.0, moved);
            tlb::flush(self.root.pfn(), to.0..to.0 + moved, Tables::Stay);
            frame::NO_MEMORY
        })
    }

    /// The error says how many bytes of the range are done.
    fn move_up_to(&self, from: usize, to: usize, len: usize) -> Result<(), usize> {
        let mut at = from;
        while let Some(va) = table::next_leaf(self.root, at, from + len) {
            let target = va - from + to;
            let room = (LEAF_SPAN - va % LEAF_SPAN).min(LEAF_SPAN - target % LEAF_SPAN);
            let end = (va + room).min(from + len);
            loop {
                match self.move_in_leaf(va..end, target) {
                    Some(()) => break,
                    None => {
                        table::make_leaf(self.root, target, &self.tables).map_err(|_| va - from)?;
                    }
                }
            }
            at = end;
        }
        Ok(())
    }

    /// Moves entries between two leaves, locked in the order of their addresses. `None`: the target's is missing.
    fn move_in_leaf(&self, range: Range<usize>, target: usize) -> Option<()> {
        let (a, b) = (range.start.min(target), range.start.max(target));
        let first = table::lock_leaf(self.root, a);
        let second = if a / LEAF_SPAN == b / LEAF_SPAN {
            None
        } else {
            table::lock_leaf(self.root, b)
        };
        let (source, dest) = match (a / LEAF_SPAN == b / LEAF_SPAN, a == target) {
            (true, _) => (&first, &first),
            (false, true) => (&second, &first),
            (false, false) => (&first, &second),
        };
        let Some(source) = source else {
            return Some(());
        };
        let dest = dest.as_ref()?;
        for va in range.clone().step_by(PAGE_SIZE) {
            let slot = source.entry(va);
            if slot.load(Ordering::Relaxed) == 0 {
                continue;
            }
            let e = slot.swap(0, Ordering::AcqRel);
            source.emptied(1);
            dest.fill(va - range.start + target, e);
        }
        Some(())
    }

    /// Visits the leaf tables of a range, locked, with the part of the range that each covers.
    pub(super) fn for_leaves(
        &self,
        range: Range<UserAddr>,
        mut each: impl FnMut(&Leaf, usize, usize),
    ) {
        let end = range.end.0.min(USER_END);
        let mut at = range.start.0;
        while let Some(va) = table::next_leaf(self.root, at, end) {
            at = ((va | (LEAF_SPAN - 1)) + 1).min(end);
            if let Some(leaf) = table::lock_leaf(self.root, va) {
                each(&leaf, va, at);
            }
        }
    }

    /// Takes all entries of a range out and gives them to `sink` once no TLB has them.
    fn take(&self, range: Range<UserAddr>, mut sink: impl FnMut(usize, u64)) {
        let end = range.end.0.min(USER_END);
        let mut at = range.start.0;
        let mut batch = Batch {
            entries: ArrayVec::new(),
            dead: ArrayVec::new(),
            span: Span::new(),
        };
        while let Some(va) = table::next_leaf(self.root, at, end) {
            let stop = ((va | (LEAF_SPAN - 1)) + 1).min(end);
            at = match table::lock_leaf(self.root, va) {
                Some(leaf) => self.take_leaf(&leaf, va, stop, &mut batch),
                None => stop,
            };
            if batch.entries.is_full() || batch.dead.is_full() {
                self.finish(&mut batch, &mut sink);
            }
        }
        self.finish(&mut batch, &mut sink);
    }

    /// Moves entries into the batch until it is full; returns where to go on.
    fn take_leaf(&self, leaf: &Leaf, va: usize, stop: usize, batch: &mut Batch) -> usize {
        let mut taken = 0;
        let mut next = stop;
        leaf.each_filled(va, stop, |at, slot, _| {
            // The caller emptied the batch when it was full.
            let _ = batch.entries.try_push((at, slot.swap(0, Ordering::AcqRel)));
            taken += 1;
            batch.span.add(at);
            if batch.entries.is_full() {
                next = at + PAGE_SIZE;
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        if leaf.emptied(taken) == 0 {
            self.unlink(leaf, va, batch);
        }
        next
    }

    /// Takes an empty, locked leaf table out of the table above.
    fn unlink(&self, leaf: &Leaf, va: usize, batch: &mut Batch) {
        if let Some(above) = table::leaf_entry(self.root, va)
            && batch.dead.try_push(leaf.table).is_ok()
        {
            above.store(0, Ordering::Release);
            self.tables.fetch_sub(1, Ordering::Relaxed);
            batch.span.add(va & !(PAGE_SIZE - 1));
        }
    }

    fn finish(&self, batch: &mut Batch, sink: &mut impl FnMut(usize, u64)) {
        let Some(span) = batch.span.take() else {
            return;
        };
        let tables = if batch.dead.is_empty() {
            Tables::Stay
        } else {
            Tables::Go
        };
        tlb::flush(self.root.pfn(), span, tables);
        for table in batch.dead.drain(..) {
            // SAFETY: unlinked under its lock, and flushed: no walker and no CPU finds it. Late lockers see the entry
            // above changed and leave.
            unsafe { table.free(true) };
        }
        for (va, e) in batch.entries.drain(..) {
            sink(va, e);
        }
    }
}

/// What an entry with `old` may become when its area gets `new`.
pub(super) fn weaker(old: Prot, new: Prot) -> Prot {
    (new - Prot::WRITE) | (old & Prot::ANON) | (old & new & Prot::WRITE)
}

/// Frees pages whose entries are gone, many at a time.
#[derive(Default)]
pub(super) struct FreeBatch(ArrayVec<u32, 64>);

impl FreeBatch {
    /// Drops the reference that an entry held.
    #[inline]
    pub(super) fn put(&mut self, e: u64) {
        // SAFETY: metadata lives forever.
        let refs = &unsafe { table::page_meta(e).as_ref() }.refs;
        // A count of 1 is ours alone: nobody can make more of it.
        if refs.load(Ordering::Acquire) == 1 || refs.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.push(entry::pfn(e) as u32);
        }
    }
    #[inline(never)]
    fn push(&mut self, page: u32) {
        if self.0.is_full() {
            self.flush();
        }
        self.0.push(page);
    }
    fn flush(&mut self) {
        frame::give_all(&self.0);
        self.0.clear();
    }
}

impl Drop for FreeBatch {
    fn drop(&mut self) {
        self.flush();
    }
}
