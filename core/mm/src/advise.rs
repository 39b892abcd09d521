//! madvise(2), msync(2), mincore(2).
use crate::VmFlags;
use crate::areas::{Areas, page_ceil, page_range, pages};
use crate::mm::Mm;
use crate::types::FaultError;
use crate::vma::Vma;
use abi::raw::{
    MADV_COLD, MADV_DODUMP, MADV_DOFORK, MADV_DONTDUMP, MADV_DONTFORK, MADV_DONTNEED,
    MADV_DONTNEED_LOCKED, MADV_FREE, MADV_HUGEPAGE, MADV_KEEPONFORK, MADV_MERGEABLE,
    MADV_NOHUGEPAGE, MADV_NORMAL, MADV_PAGEOUT, MADV_POPULATE_READ, MADV_POPULATE_WRITE,
    MADV_RANDOM, MADV_REMOVE, MADV_SEQUENTIAL, MADV_UNMERGEABLE, MADV_WILLNEED, MADV_WIPEONFORK,
    MS_ASYNC, MS_INVALIDATE, MS_SYNC,
};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result};
use hal::addr::UserAddr;
use kmem::frame::HUGE_SIZE;
use vma::Area;

impl Mm {
    /// madvise(2). `EINVAL` (address, unknown or unsuitable advice, merging: nothing merges pages here), `ENOMEM` (a hole;
    /// the rest is done), `EACCES` and `EOPNOTSUPP` (`MADV_REMOVE`), `EFAULT` and others from populating.
    pub fn madvise(&self, addr: usize, len: usize, advice: u32) -> Result<()> {
        let known = matches!(advice, MADV_NORMAL..=MADV_FREE | MADV_REMOVE..=MADV_DONTNEED_LOCKED);
        if !known || matches!(advice, MADV_MERGEABLE | MADV_UNMERGEABLE) {
            return Err(Errno::EINVAL);
        }
        let (start, end) = page_range(addr, len)?;
        if start == end {
            return Ok(());
        }
        match advice {
            MADV_DONTNEED | MADV_DONTNEED_LOCKED | MADV_FREE => self.forget(start, end, advice),
            MADV_POPULATE_READ | MADV_POPULATE_WRITE => self.populate_advised(start, end, advice),
            MADV_REMOVE => self.remove_pages(start, end),
            // Hints without effect here; only holes are an error.
            MADV_WILLNEED | MADV_COLD | MADV_PAGEOUT => {
                let areas = self.areas.read();
                let huge = |a: &Area<Vma>| a.data.flags.contains(VmFlags::HUGETLB);
                if advice != MADV_WILLNEED && areas.map.range(start, end).any(huge) {
                    return Err(Errno::EINVAL);
                }
                holes(&areas, start, end)
            }
            _ => self.advise_flags(start, end, advice),
        }
    }

    /// Punches a hole into what shared mappings show: it reads as zeros in all of them.
    fn remove_pages(&self, start: usize, end: usize) -> Result<()> {
        let shared = VmFlags::SHARED | VmFlags::WRITE;
        let mut hole = false;
        let mut at = start;
        while at < end {
            // The areas are not held while the object works: it unmaps the pages from here as well.
            let found = {
                let areas = self.areas.read();
                let area = areas.map.find_from(at).filter(|area| area.start < end);
                let Some(area) = area else { break };
                let vma = &area.data;
                hole |= area.start > at;
                let from = area.start.max(at);
                let object = vma.object().cloned().ok_or(Errno::EINVAL)?;
                if vma.flags.contains(VmFlags::LOCKED) {
                    return Err(Errno::EINVAL);
                }
                if !vma.flags.contains(shared) {
                    return Err(Errno::EACCES);
                }
                let stop = area.end.min(end);
                (
                    object,
                    vma.index(area.start, from) << PAGE_SHIFT,
                    from,
                    stop,
                )
            };
            let (object, offset, from, stop) = found;
            object.punch(offset, offset + (stop - from) as u64)?;
            at = stop;
        }
        if hole || at < end {
            Err(Errno::ENOMEM)
        } else {
            Ok(())
        }
    }

    /// Throws pages away: private ones read as zeros or as the file again.
    fn forget(&self, start: usize, end: usize, advice: u32) -> Result<()> {
        let areas = self.areas.read();
        for area in areas.map.range(start, end) {
            let vma = &area.data;
            if vma.flags.contains(VmFlags::LOCKED) && advice != MADV_DONTNEED_LOCKED {
                return Err(Errno::EINVAL);
            }
            let (from, mut to) = (area.start.max(start), area.end.min(end));
            if vma.flags.contains(VmFlags::HUGETLB) {
                // What is not a whole page stays.
                to &= !(HUGE_SIZE - 1);
                if !from.is_multiple_of(HUGE_SIZE) {
                    return Err(Errno::EINVAL);
                }
            }
            if advice == MADV_FREE && !vma.is_anon() || vma.flags.contains(VmFlags::PFN_MAP) {
                return Err(Errno::EINVAL);
            }
            // Freeing at once is one of the outcomes MADV_FREE allows.
            self.zap(from, to, vma);
        }
        holes(&areas, start, end)
    }

    fn populate_advised(&self, start: usize, end: usize, advice: u32) -> Result<()> {
        self.populate(start, end, Some(advice == MADV_POPULATE_WRITE))
            .map_err(|e| match e {
                FaultError::SegvMapErr => Errno::ENOMEM,
                FaultError::SegvAccErr => Errno::EINVAL,
                FaultError::BusAdrErr => Errno::EFAULT,
                other => other.errno(),
            })
    }

    fn advise_flags(&self, start: usize, end: usize, advice: u32) -> Result<()> {
        let random = VmFlags::SEQ_READ | VmFlags::RAND_READ;
        let huge = VmFlags::HUGE | VmFlags::NO_HUGE;
        let (clear, set) = match advice {
            MADV_NORMAL => (random, VmFlags::empty()),
            MADV_SEQUENTIAL => (random, VmFlags::SEQ_READ),
            MADV_RANDOM => (random, VmFlags::RAND_READ),
            MADV_DONTFORK => (VmFlags::empty(), VmFlags::DONT_FORK),
            MADV_DOFORK => (VmFlags::DONT_FORK, VmFlags::empty()),
            MADV_WIPEONFORK => (VmFlags::empty(), VmFlags::WIPE_ON_FORK),
            MADV_KEEPONFORK => (VmFlags::WIPE_ON_FORK, VmFlags::empty()),
            MADV_DONTDUMP => (VmFlags::empty(), VmFlags::DONT_DUMP),
            MADV_DODUMP => (VmFlags::DONT_DUMP, VmFlags::empty()),
            MADV_HUGEPAGE => (huge, VmFlags::HUGE),
            MADV_NOHUGEPAGE => (huge, VmFlags::NO_HUGE),
            _ => return Err(Errno::EINVAL),
        };
        let mut areas = self.write_areas();
        if advice == MADV_WIPEONFORK && areas.map.range(start, end).any(|a| !a.data.is_anon()) {
            return Err(Errno::EINVAL);
        }
        areas.change_flags(start, end, clear, set)?;
        holes(&areas, start, end)
    }

    /// msync(2). `EINVAL` (address, flags), `EBUSY` (`MS_INVALIDATE` on locked memory), `ENOMEM` (a hole; the rest is
    /// done), `EIO`.
    pub fn msync(&self, addr: usize, len: usize, flags: u32) -> Result<()> {
        if flags & !(MS_ASYNC | MS_INVALIDATE | MS_SYNC) != 0
            || flags & (MS_ASYNC | MS_SYNC) == MS_ASYNC | MS_SYNC
        {
            return Err(Errno::EINVAL);
        }
        if !addr.is_multiple_of(PAGE_SIZE) {
            return Err(Errno::EINVAL);
        }
        // As Linux: a length that wraps when it is rounded up is 0.
        let len = page_ceil(len).unwrap_or(0);
        let end = addr.checked_add(len).ok_or(Errno::ENOMEM)?;
        let (mut at, mut answer) = (addr, Ok(()));
        while at < end {
            // The areas are not held while the object writes: it may take locks that come before ours.
            let (stop, object) = {
                let areas = self.areas.read();
                let area = areas.map.find_from(at).filter(|area| area.start < end);
                if area.is_none_or(|area| area.start > at) {
                    answer = Err(Errno::ENOMEM); // what lies behind a hole is written all the same
                }
                let Some(area) = area else { break };
                at = at.max(area.start);
                let stop = area.end.min(end);
                if flags & MS_INVALIDATE != 0 && area.data.flags.contains(VmFlags::LOCKED) {
                    return Err(Errno::EBUSY);
                }
                let first = area.data.index(area.start, at);
                let last = first + pages(stop - at) as u64 - 1;
                let written = flags & MS_SYNC != 0 && area.data.is_shared();
                let object = area.data.object().filter(|_| written);
                (stop, object.map(|object| (object.clone(), first, last)))
            };
            if let Some((object, first, last)) = object {
                object.sync(first, last)?;
            }
            at = stop;
        }
        answer
    }

    /// mincore(2): for each page from page address `addr` on, 1 if it is in memory, else 0. `ENOMEM`: a hole.
    pub fn mincore(&self, addr: usize, resident: &mut [u8]) -> Result<()> {
        let areas = self.areas.read();
        for (n, slot) in resident.iter_mut().enumerate() {
            let va = addr + n * PAGE_SIZE;
            let area = areas.map.find(va).ok_or(Errno::ENOMEM)?;
            let cached = || {
                area.data
                    .object()
                    .is_some_and(|o| o.cached(area.data.index(area.start, va)).is_some())
            };
            let present = if area.data.flags.contains(VmFlags::HUGETLB) {
                self.space.prot_huge(UserAddr(va)).is_some()
            } else {
                self.space.prot(UserAddr(va)).is_some() || cached()
            };
            *slot = u8::from(present);
        }
        Ok(())
    }
}

impl Areas {
    /// Changes flags that page tables do not know.
    pub(crate) fn change_flags(
        &mut self,
        start: usize,
        end: usize,
        clear: VmFlags,
        set: VmFlags,
    ) -> Result<()> {
        self.isolate(start, end)?;
        self.map.for_each_mut(start, end, |_, _, vma| {
            let may_not = match vma.flags.intersects(VmFlags::SPECIAL) {
                true => VmFlags::LOCKED | VmFlags::LOCK_ON_FAULT,
                false => VmFlags::empty(),
            };
            vma.flags = (vma.flags - clear) | (set - may_not);
        });
        self.map.merge(start, end);
        Ok(())
    }
}

fn holes(areas: &Areas, start: usize, end: usize) -> Result<()> {
    if areas.map.covers(start, end) {
        Ok(())
    } else {
        Err(Errno::ENOMEM)
    }
}
