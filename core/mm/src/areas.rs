//! What an address space's lock protects: the areas and the sums over them.
use crate::flags::VmFlags;
use crate::types::{Layout, Limits};
use crate::vma::{Attachment, Vma};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use vma::{Area, AreaMap, MapError};

/// `vm.max_map_count`.
pub const MAX_AREAS: usize = 65_530;

/// The areas and the sums over them, in pages.
pub(crate) struct Areas {
    pub(crate) map: AreaMap<Vma>,
    pub(crate) total: usize,
    pub(crate) peak: usize,
    pub(crate) locked: usize,
    pub(crate) data: usize,
    pub(crate) stack: usize,
    pub(crate) exec: usize,
    /// Charged against the commit limit.
    pub(crate) committed: usize,
    /// Added to new areas: mlockall(2)'s `MCL_FUTURE`.
    pub(crate) default_flags: VmFlags,
    pub(crate) layout: Layout,
    pub(crate) limits: Limits,
    /// Where a search for room from above begins.
    pub(crate) mmap_base: usize,
    /// Search from below instead, as programs of old expect.
    pub(crate) bottom_up: bool,
    /// Some area has, or had, an object of its own that is told where it lies.
    pub(crate) per_area: bool,
    /// Some area has, or had, huge pages.
    pub(crate) has_huge: bool,
    /// Objects of areas that are gone: they end when the areas are unlocked, since a driver hears of it.
    pub(crate) late: Vec<Arc<Attachment>>,
}

pub(crate) fn pages(len: usize) -> usize {
    len >> PAGE_SHIFT
}

impl From<Full> for Errno {
    fn from(_: Full) -> Self {
        Errno::ENOMEM
    }
}

/// The map could not take one more area.
pub(crate) struct Full;

impl From<MapError> for Full {
    fn from(_: MapError) -> Self {
        Full
    }
}

impl Areas {
    pub(crate) fn new() -> Self {
        Self {
            map: AreaMap::new(),
            total: 0,
            peak: 0,
            locked: 0,
            data: 0,
            stack: 0,
            exec: 0,
            committed: 0,
            default_flags: VmFlags::empty(),
            layout: Layout::default(),
            limits: Limits::default(),
            mmap_base: abi::USER_END - (128 << 20),
            bottom_up: false,
            per_area: false,
            has_huge: false,
            late: Vec::new(),
        }
    }

    /// Adds (or with `false` takes off) an area's pages in the sums.
    pub(crate) fn account(&mut self, flags: VmFlags, pages: usize, add: bool) {
        let change = |sum: &mut usize| {
            *sum = if add {
                *sum + pages
            } else {
                sum.saturating_sub(pages)
            };
        };
        change(&mut self.total);
        let kind = flags & (VmFlags::EXEC | VmFlags::WRITE | VmFlags::GROWS_DOWN);
        if kind == VmFlags::EXEC {
            change(&mut self.exec);
        } else if kind.contains(VmFlags::GROWS_DOWN) {
            change(&mut self.stack);
        } else if kind.contains(VmFlags::WRITE) && !flags.contains(VmFlags::SHARED) {
            change(&mut self.data);
        }
        if flags.contains(VmFlags::LOCKED) {
            change(&mut self.locked);
        }
        if flags.contains(VmFlags::ACCOUNT) {
            change(&mut self.committed);
        }
        self.peak = self.peak.max(self.total);
    }

    /// Whether `more` pages of an area with these flags keep `RLIMIT_AS` and `RLIMIT_DATA`; `less` are about to go.
    pub(crate) fn may_expand(&self, flags: VmFlags, more: usize, less: usize) -> bool {
        let fits = |used: usize, limit: u64| {
            (used.saturating_sub(less) as u64 + more as u64) <= limit >> PAGE_SHIFT
        };
        let is_data =
            flags & (VmFlags::WRITE | VmFlags::SHARED | VmFlags::GROWS_DOWN) == VmFlags::WRITE;
        fits(self.total, self.limits.address_space)
            && (!is_data || fits(self.data, self.limits.data))
    }

    /// Whether `more` pages may be locked. `EPERM` when nothing may be, `EAGAIN` when that is too much.
    pub(crate) fn may_lock(&self, more: usize) -> Result<()> {
        if self.limits.memlock == 0 {
            return Err(Errno::EPERM);
        }
        let limit = self.limits.memlock >> PAGE_SHIFT;
        if (self.locked + more) as u64 > limit {
            Err(Errno::EAGAIN)
        } else {
            Ok(())
        }
    }

    /// Cuts areas so that `start..end` covers whole ones. `ENOMEM` beyond the limit of areas; `EINVAL` within a huge page.
    pub(crate) fn isolate(&mut self, start: usize, end: usize) -> Result<()> {
        if self.has_huge {
            self.may_cut(start)?;
            self.may_cut(end)?;
        }
        if self.map.len() + 2 > MAX_AREAS && (self.cuts(start) || self.cuts(end)) {
            return Err(Errno::ENOMEM);
        }
        self.map.isolate(start, end).map_err(Full::from)?;
        if self.per_area {
            // From above: an area that was cut twice still shares its object with both neighbours.
            self.part(end)?;
            self.part(start)?;
        }
        Ok(())
    }

    /// Gives an area that begins at `at`, where it was cut, an object of its own if it wants one. `ENOMEM`.
    fn part(&mut self, at: usize) -> Result<()> {
        let both = self.map.find_before(at).zip(self.map.find(at));
        let Some((lower, upper)) = both.filter(|(lower, _)| lower.end == at) else {
            return Ok(());
        };
        let own = match (&lower.data.backing, &upper.data.backing) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => b.again(upper.data.place(at, upper.end))?,
            _ => None,
        };
        lower.data.tell_place(lower.start, at);
        if let Some(own) = own
            && let Some(vma) = self.map.find_mut(at)
        {
            vma.backing = Some(own);
        }
        Ok(())
    }

    /// Tells the objects of areas in `start..end` where these lie, and what they allow.
    pub(crate) fn tell_places(&self, start: usize, end: usize) {
        if self.per_area {
            let areas = self.map.range(start, end);
            areas.for_each(|area| area.data.tell_place(area.start, area.end));
        }
    }

    fn cuts(&self, at: usize) -> bool {
        self.map.find(at).is_some_and(|a| a.start < at)
    }

    /// Adds an area, charged already if its flags say so, and joins it with its neighbours. `ENOMEM`.
    pub(crate) fn insert(&mut self, start: usize, end: usize, data: Vma) -> Result<()> {
        let flags = data.flags;
        if !self.join_neighbours(start, end, &data) {
            self.map
                .insert(Area { start, end, data })
                .map_err(Full::from)?;
            self.map.merge(start, end);
        }
        self.account(flags, pages(end - start), true);
        Ok(())
    }

    /// The common case of a growing heap or stack of mappings: a neighbour takes the new range over, nothing is
    /// allocated.
    fn join_neighbours(&mut self, start: usize, end: usize, data: &Vma) -> bool {
        use vma::Payload;
        if data.backing.is_some() || data.flags.contains(VmFlags::GROWS_DOWN) {
            return false;
        }
        let joins = |a: &Area<Vma>| a.data.joins(a.len(), data);
        let below = self
            .map
            .find_before(start)
            .filter(|a| a.end == start && joins(a));
        let (at, new_start, new_end) = match below {
            Some(a) => (a.start, a.start, end),
            None => match self
                .map
                .find_from(end)
                .filter(|a| a.start == end && joins(a))
            {
                Some(a) => (a.start, start, a.end),
                None => return false,
            },
        };
        if self.map.resize(at, new_start, new_end).is_err() {
            return false;
        }
        if data.has_anon()
            && let Some(joined) = self.map.find(start)
        {
            joined.data.note_anon();
        }
        if new_end == end {
            self.map.merge(new_start, new_end);
        }
        true
    }

    /// `[heap]` and `[stack]`, as Linux tells them.
    pub(crate) fn name(&self, area: &Area<Vma>) -> Option<&'static str> {
        let l = &self.layout;
        if area.data.backing.is_some() {
            None
        } else if l.start_brk != 0
            && area.start < l.brk.max(l.start_brk + 1)
            && area.end > l.start_brk
        {
            Some("[heap]")
        } else if area.contains(l.start_stack) {
            Some("[stack]")
        } else {
            None
        }
    }
}

/// Rounds up to a page; `None` when that wraps.
pub(crate) fn page_ceil(len: usize) -> Option<usize> {
    len.checked_add(PAGE_SIZE - 1).map(|n| n & !(PAGE_SIZE - 1))
}

/// `addr..addr + len` rounded to whole pages: start and end. `EINVAL` when `addr` is not a page address or the end
/// wraps.
pub(crate) fn page_range(addr: usize, len: usize) -> Result<(usize, usize)> {
    if !addr.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    let len = page_ceil(len).ok_or(Errno::EINVAL)?;
    let end = addr.checked_add(len).ok_or(Errno::EINVAL)?;
    Ok((addr, end))
}
