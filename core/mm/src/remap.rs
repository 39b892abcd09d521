//! mremap(2), remap_file_pages(2).
use crate::areas::{Areas, MAX_AREAS, page_ceil, pages};
use crate::huge::huge_ceil;
use crate::map::MMAP_MIN_ADDR;
use crate::mm::Mm;
use crate::types::MmapRequest;
use crate::vma::Vma;
use crate::{VmFlags, commit};
use abi::raw::{
    MAP_FIXED, MAP_LOCKED, MAP_NONBLOCK, MAP_POPULATE, MAP_SHARED, MREMAP_DONTUNMAP, MREMAP_FIXED,
    MREMAP_MAYMOVE,
};
use abi::{Errno, PAGE_SIZE, Result, USER_END};
use alloc::sync::Arc;
use hal::addr::UserAddr;
use kmem::frame::HUGE_SIZE;

/// A checked request: page-aligned, lengths rounded.
#[derive(Clone, Copy)]
struct Move {
    from: usize,
    old_len: usize,
    new_len: usize,
    keep: bool,
}

impl Mm {
    /// remap_file_pages(2): the pages from `first` on of what is mapped there, by a mapping of their own, as Linux does it
    /// since 3.16. `EINVAL` (`prot`, addresses, not shared areas of one object), and what mmap(2) answers.
    pub fn remap_file_pages(
        self: &Arc<Self>,
        start: usize,
        len: usize,
        prot: u32,
        first: usize,
        flags: u32,
    ) -> Result<()> {
        let (start, len) = (start & !(PAGE_SIZE - 1), len & !(PAGE_SIZE - 1));
        let end = start.checked_add(len).filter(|end| *end > start);
        let offset = first.checked_mul(PAGE_SIZE);
        let (Some(end), Some(offset), 0) = (end, offset, prot) else {
            return Err(Errno::EINVAL);
        };
        let request = {
            let areas = self.areas.read();
            let area = areas.map.find(start).ok_or(Errno::EINVAL)?;
            let (vma, object) = (&area.data, area.data.object());
            let same = |other: &Vma| {
                let both = other.object().zip(object);
                other.flags == vma.flags && both.is_some_and(|(a, b)| Arc::ptr_eq(a, b))
            };
            let one = areas.map.covers(start, end)
                && areas.map.range(start, end).all(|area| same(&area.data));
            if !vma.flags.contains(VmFlags::SHARED) || !one {
                return Err(Errno::EINVAL);
            }
            let locked = if vma.flags.contains(VmFlags::LOCKED) {
                MAP_LOCKED
            } else {
                0
            };
            MmapRequest {
                addr: start,
                len,
                prot: (vma.flags & VmFlags::PROT).bits(),
                flags: flags & MAP_NONBLOCK | MAP_SHARED | MAP_FIXED | MAP_POPULATE | locked,
                backing: object.cloned(),
                offset: offset as u64,
                low_allowed: true,
            }
        };
        self.mmap(request).map(drop)
    }

    /// mremap(2). `EINVAL` (flags, addresses, length 0, overlapping ranges), `EFAULT` (no area, or the range leaves it),
    /// `EAGAIN` (too much locked), `ENOMEM` (no room in place and may not move; limits; memory).
    pub fn mremap(
        self: &Arc<Self>,
        old: usize,
        old_len: usize,
        new_len: usize,
        flags: u32,
        new_addr: usize,
    ) -> Result<usize> {
        let mut m = check(old, old_len, new_len, flags, new_addr)?;
        let mut areas = self.write_areas();
        if areas.has_huge {
            areas.round_huge(&mut m, new_addr)?;
        }
        let at = if flags & MREMAP_FIXED != 0 {
            self.move_to(&mut areas, m, new_addr)?
        } else if m.keep {
            self.move_anywhere(&mut areas, m, new_addr)?
        } else {
            self.resize(&mut areas, m, flags & MREMAP_MAYMOVE != 0)?
        };
        let locked = areas
            .map
            .find(at)
            .is_some_and(|a| a.data.flags.contains(VmFlags::LOCKED));
        drop(areas);
        if locked && m.new_len > m.old_len {
            let _ = self.populate(at + m.old_len, at + m.new_len, None);
        }
        Ok(at)
    }

    fn resize(self: &Arc<Self>, areas: &mut Areas, m: Move, may_move: bool) -> Result<usize> {
        let area = areas.map.find(m.from).ok_or(Errno::EFAULT)?;
        if m.new_len <= m.old_len && m.old_len != 0 {
            // The tail may cover several areas: it is munmap.
            if m.new_len < m.old_len {
                if m.old_len > USER_END || m.from > USER_END - m.old_len {
                    return Err(Errno::EINVAL);
                }
                self.remove(areas, m.from + m.new_len, m.from + m.old_len)?;
            }
            return Ok(m.from);
        }
        let at_end = area.end == m.from + m.old_len;
        let (area_start, flags) = (area.start, area.data.flags);
        let more = areas.may_grow(m)?;
        let new_end = m.from + m.new_len;
        let grow = m.new_len - m.old_len;
        let in_place = at_end
            && new_end <= USER_END
            && areas.map.gap_bottom_up(grow, m.from + m.old_len, new_end)
                == Some(m.from + m.old_len);
        if in_place {
            if flags.contains(VmFlags::ACCOUNT) {
                commit::charge(more)?;
            }
            areas
                .map
                .resize(m.from, area_start, new_end)
                .map_err(|_| Errno::ENOMEM)?;
            areas.account(flags, more, true);
            areas.map.merge(area_start, new_end);
            areas.tell_places(area_start, new_end);
            return Ok(m.from);
        }
        if may_move {
            self.move_anywhere(areas, m, 0)
        } else {
            Err(Errno::ENOMEM)
        }
    }

    fn move_to(self: &Arc<Self>, areas: &mut Areas, mut m: Move, to: usize) -> Result<usize> {
        if areas.map.len() + 4 > MAX_AREAS {
            return Err(Errno::ENOMEM);
        }
        areas.map.find(m.from).ok_or(Errno::EFAULT)?;
        self.remove(areas, to, to + m.new_len)?;
        if m.old_len > m.new_len {
            self.remove(areas, m.from + m.new_len, m.from + m.old_len)?;
            m.old_len = m.new_len;
        }
        areas.may_grow(m)?;
        self.move_area(areas, m, to)
    }

    fn move_anywhere(self: &Arc<Self>, areas: &mut Areas, m: Move, hint: usize) -> Result<usize> {
        areas.may_grow(m)?;
        let to = areas.place(hint, m.new_len, 0, false)?;
        self.move_area(areas, m, to)
    }

    /// Moves `m.old_len` bytes of one area to the free place `to`, where the area is then `m.new_len` long.
    fn move_area(self: &Arc<Self>, areas: &mut Areas, m: Move, to: usize) -> Result<usize> {
        let area = areas.map.find(m.from).ok_or(Errno::EFAULT)?;
        let flags = area.data.flags;
        let mut data = area.data.duplicate(flags, area.data.backing.clone());
        if data.backing.is_some() {
            data.offset = area.data.index(area.start, m.from);
        }
        if let Some(shared) = &data.backing
            && let Some(own) = shared.again(data.place(to, to + m.new_len))?
        {
            data.backing = Some(own);
        }
        let charged = if flags.contains(VmFlags::ACCOUNT) {
            pages(m.new_len)
        } else {
            0
        };
        commit::charge(charged)?;
        let moved = areas
            .isolate(m.from, m.from + m.old_len)
            .and_then(|()| areas.insert(to, to + m.new_len, data))
            .inspect_err(|_| commit::uncharge(charged));
        moved?;
        if m.old_len != 0 {
            let (from, target) = (UserAddr(m.from), UserAddr(to));
            let moved = if flags.contains(VmFlags::HUGETLB) {
                self.space.move_huge(from, target, m.old_len)
            } else {
                self.space.move_range(from, target, m.old_len)
            };
            if let Err(e) = moved {
                // The pages are where they were: the new area is empty.
                let _ = self.remove(areas, to, to + m.new_len);
                return Err(e);
            }
            if !m.keep {
                self.remove_moved(areas, m.from, m.from + m.old_len)?;
            }
        }
        Ok(to)
    }
}

fn check(old: usize, old_len: usize, new_len: usize, flags: u32, new_addr: usize) -> Result<Move> {
    let may_move = flags & MREMAP_MAYMOVE != 0;
    let (fixed, keep) = (flags & MREMAP_FIXED != 0, flags & MREMAP_DONTUNMAP != 0);
    let unknown = flags & !(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) != 0;
    if unknown || (fixed || keep) && !may_move || !old.is_multiple_of(PAGE_SIZE) {
        return Err(Errno::EINVAL);
    }
    // A length that wraps is 0, which asks for a copy of a shared mapping.
    let old_len = page_ceil(old_len).unwrap_or(0);
    let new_len = page_ceil(new_len).ok_or(Errno::EINVAL)?;
    if new_len == 0 || keep && old_len != new_len || old.checked_add(old_len).is_none() {
        return Err(Errno::EINVAL);
    }
    if fixed || keep {
        // The address counts as a hint for MREMAP_DONTUNMAP, and is checked the same way.
        let beyond = new_len > USER_END || new_addr > USER_END - new_len;
        let overlaps = new_addr < old + old_len && old < new_addr.wrapping_add(new_len);
        if !new_addr.is_multiple_of(PAGE_SIZE) || beyond || overlaps {
            return Err(Errno::EINVAL);
        }
        if fixed && new_addr < MMAP_MIN_ADDR {
            return Err(Errno::EPERM);
        }
    } else if new_len > USER_END {
        return Err(Errno::ENOMEM);
    }
    Ok(Move {
        from: old,
        old_len,
        new_len,
        keep,
    })
}

impl Areas {
    /// Of huge pages whole ones are moved or cut off. `EINVAL`: not at such addresses, or it is to become longer.
    fn round_huge(&self, m: &mut Move, new_addr: usize) -> Result<()> {
        let area = self.map.find(m.from).ok_or(Errno::EFAULT)?;
        if !area.data.flags.contains(VmFlags::HUGETLB) {
            return Ok(());
        }
        m.old_len = huge_ceil(m.old_len).ok_or(Errno::EINVAL)?;
        m.new_len = huge_ceil(m.new_len).ok_or(Errno::EINVAL)?;
        let aligned = (m.from | new_addr).is_multiple_of(HUGE_SIZE);
        if aligned && m.new_len <= m.old_len {
            Ok(())
        } else {
            Err(Errno::EINVAL)
        }
    }

    /// Whether the area may become so long; answers by how many pages it grows.
    fn may_grow(&self, m: Move) -> Result<usize> {
        let area = self.map.find(m.from).ok_or(Errno::EFAULT)?;
        let vma = &area.data;
        // Length 0 doubles a shared mapping; a private one has nothing to share.
        if m.old_len == 0 && !vma.flags.contains(VmFlags::MAY_SHARE) {
            return Err(Errno::EINVAL);
        }
        if m.keep && !vma.is_anon() {
            return Err(Errno::EINVAL);
        }
        if m.old_len > area.end - m.from {
            return Err(Errno::EFAULT);
        }
        let more = pages(m.new_len.saturating_sub(m.old_len));
        if more == 0 {
            return Ok(0);
        }
        if vma.flags.contains(VmFlags::DONT_EXPAND) {
            return Err(Errno::EFAULT);
        }
        if !vma.is_anon() {
            let first = vma.index(area.start, m.from);
            first
                .checked_add(pages(m.new_len) as u64)
                .ok_or(Errno::EINVAL)?;
        }
        if vma.flags.contains(VmFlags::LOCKED) {
            self.may_lock(more).map_err(|_| Errno::EAGAIN)?;
        }
        if self.may_expand(vma.flags, more, 0) {
            Ok(more)
        } else {
            Err(Errno::ENOMEM)
        }
    }
}
