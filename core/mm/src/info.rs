//! What proc(5) shows.
use crate::huge::small_pages;
use crate::mm::Mm;
use crate::types::{AreaPages, Counters, PageInfo, VmaInfo};
use core::ops::Range;
use core::sync::atomic::Ordering;
use hal::addr::UserAddr;
use kmem::frame::HUGE_SIZE;
use kmem::space::{Mapping, Prot};

impl Mm {
    /// Calls `f` for each area that ends above `from`, lowest first, until it answers false. The areas are locked for
    /// reading meanwhile: `f` must not touch user memory.
    pub fn for_each_vma(&self, from: usize, f: &mut dyn FnMut(&VmaInfo<'_>) -> bool) {
        let areas = self.areas.read();
        for area in areas.map.iter_from(from) {
            let vma = &area.data;
            let info = VmaInfo {
                start: area.start,
                end: area.end,
                flags: vma.flags,
                offset: if vma.is_anon() {
                    0
                } else {
                    vma.offset << abi::PAGE_SHIFT
                },
                object: vma.object(),
                has_anon: vma.has_anon(),
                name: areas.name(area),
            };
            if !f(&info) {
                return;
            }
        }
    }

    /// Page counts of a range, for `smaps`.
    pub fn area_pages(&self, range: Range<usize>) -> AreaPages {
        let mut sums = AreaPages::default();
        self.count_pages(range, &mut sums);
        sums
    }

    /// Adds the page counts of a range to `sums`.
    pub fn count_pages(&self, range: Range<usize>, sums: &mut AreaPages) {
        self.space
            .for_each(UserAddr(range.start)..UserAddr(range.end), |_, m| {
                let own = m.prot.contains(Prot::ANON);
                let mappers = mappers(m);
                sums.rss += 1;
                let share = 4096 / mappers;
                sums.pss_4096 += share;
                sums.anonymous += usize::from(own);
                sums.referenced += usize::from(m.accessed);
                let dirty = m.dirty || own;
                for (sum, counts) in [
                    (&mut sums.pss_dirty_4096, dirty),
                    (&mut sums.pss_anon_4096, own),
                ] {
                    *sum += if counts { share } else { 0 };
                }
                *match (mappers > 1, dirty) {
                    (true, true) => &mut sums.shared_dirty,
                    (true, false) => &mut sums.shared_clean,
                    (false, true) => &mut sums.private_dirty,
                    (false, false) => &mut sums.private_clean,
                } += 1;
            });
        if self.has_huge() {
            self.count_huge(range, sums);
        }
    }

    /// Whether it has huge pages, or just had.
    fn has_huge(&self) -> bool {
        self.rss.huge.load(Ordering::Relaxed) != 0
    }

    fn count_huge(&self, range: Range<usize>, sums: &mut AreaPages) {
        self.space
            .for_each_huge(UserAddr(range.start)..UserAddr(range.end), |_, m| {
                *match m.page.mapcount() > 1 {
                    true => &mut sums.shared_huge,
                    false => &mut sums.private_huge,
                } += small_pages(1);
            });
    }

    /// Calls `f` with the address and what is known of it for each page of a range that is in memory.
    pub fn for_each_page(&self, range: Range<usize>, f: &mut dyn FnMut(usize, PageInfo)) {
        self.space
            .for_each(UserAddr(range.start)..UserAddr(range.end), |va, m| {
                let page = PageInfo {
                    frame_number: m.frame.paddr().0 as u64 >> abi::PAGE_SHIFT,
                    is_own: m.prot.contains(Prot::ANON),
                    mappers: mappers(m),
                };
                f(va.0, page);
            });
        if !self.has_huge() {
            return;
        }
        self.space
            .for_each_huge(UserAddr(range.start)..UserAddr(range.end), |at, m| {
                let (first, end) = (range.start.max(at.0), range.end.min(at.0 + HUGE_SIZE));
                for va in (first..end).step_by(abi::PAGE_SIZE) {
                    let page = PageInfo {
                        frame_number: (m.page.pfn() + ((va - at.0) >> abi::PAGE_SHIFT)) as u64,
                        is_own: m.prot.contains(Prot::ANON),
                        mappers: m.page.mapcount() as usize,
                    };
                    f(va, page);
                }
            });
    }

    /// Counters for `status`, `statm`, `stat`.
    pub fn counters(&self) -> Counters {
        let positive =
            |c: &core::sync::atomic::AtomicIsize| c.load(Ordering::Relaxed).max(0) as usize;
        let rss_peak = self.rss.note_peak();
        let areas = self.areas.read();
        Counters {
            total: areas.total,
            peak: areas.peak,
            rss: self.rss.total(),
            rss_peak,
            anon: positive(&self.rss.anon),
            file: positive(&self.rss.file),
            shmem: positive(&self.rss.shmem),
            data: areas.data,
            stack: areas.stack,
            exec: areas.exec,
            locked: areas.locked,
            huge: small_pages(positive(&self.rss.huge)),
            page_tables: self.space.table_pages(),
            areas: areas.map.len(),
        }
    }

    /// The counters that are there without a lock (size, resident pages, page tables; the others are 0), for the OOM
    /// killer: whoever ran out of memory may hold the areas.
    pub fn counters_unlocked(&self) -> Counters {
        let positive =
            |c: &core::sync::atomic::AtomicIsize| c.load(Ordering::Relaxed).max(0) as usize;
        Counters {
            total: self.shown_total.load(Ordering::Relaxed),
            rss: self.rss.total(),
            anon: positive(&self.rss.anon),
            file: positive(&self.rss.file),
            shmem: positive(&self.rss.shmem),
            page_tables: self.space.table_pages(),
            ..Counters::default()
        }
    }

    /// Resident pages without a lock, for the OOM killer's choice.
    pub fn rss_pages(&self) -> usize {
        self.rss.total()
    }
}

/// How many places map a page. The handle that we look through is one reference, and so is the page cache's.
fn mappers(m: &Mapping) -> usize {
    let others = if m.prot.contains(Prot::ANON) { 1 } else { 2 };
    m.frame.refs().saturating_sub(others).max(1) as usize
}
