//! mlock(2) and its family.
use crate::VmFlags;
use crate::areas::{Areas, page_ceil, pages};
use crate::mm::Mm;
use crate::types::FaultError;
use crate::vma::Vma;
use abi::raw::{MCL_CURRENT, MCL_FUTURE, MCL_ONFAULT};
use abi::{Errno, PAGE_SIZE, Result, USER_END};
use vma::Area;

const LOCK: VmFlags = VmFlags::LOCKED.union(VmFlags::LOCK_ON_FAULT);

impl Mm {
    /// mlock(2), mlock2(2) (`on_fault`: `MLOCK_ONFAULT`). `EPERM` (nothing may be locked), `ENOMEM` (limit, hole),
    /// `EINVAL` (wraps), `EAGAIN` (some page cannot be had).
    pub fn mlock(&self, addr: usize, len: usize, on_fault: bool) -> Result<()> {
        let (start, end) = range(addr, len)?;
        {
            let mut areas = self.write_areas();
            let fresh = pages(end - start) - areas.locked_in(start, end);
            areas
                .may_lock(fresh)
                .map_err(|e| if e == Errno::EAGAIN { Errno::ENOMEM } else { e })?;
            areas.set_locked(start, end, if on_fault { LOCK } else { VmFlags::LOCKED })?;
        }
        if on_fault {
            return Ok(());
        }
        self.populate(start, end, None).map_err(|e| match e {
            FaultError::SegvMapErr | FaultError::SegvAccErr => Errno::ENOMEM,
            FaultError::Interrupted => Errno::EINTR,
            _ => Errno::EAGAIN,
        })
    }

    /// munlock(2). `ENOMEM` (hole), `EINVAL` (wraps).
    pub fn munlock(&self, addr: usize, len: usize) -> Result<()> {
        let (start, end) = range(addr, len)?;
        self.write_areas().set_locked(start, end, VmFlags::empty())
    }

    /// mlockall(2). `EINVAL` (flags), `EPERM`, `ENOMEM` (limit).
    pub fn mlockall(&self, flags: u32) -> Result<()> {
        let known = MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT;
        if flags == 0 || flags & !known != 0 || flags == MCL_ONFAULT {
            return Err(Errno::EINVAL);
        }
        let lock = if flags & MCL_ONFAULT != 0 {
            LOCK
        } else {
            VmFlags::LOCKED
        };
        {
            let mut areas = self.write_areas();
            if areas.limits.memlock == 0 {
                return Err(Errno::EPERM);
            }
            if flags & MCL_CURRENT != 0
                && areas.total as u64 > areas.limits.memlock / PAGE_SIZE as u64
            {
                return Err(Errno::ENOMEM);
            }
            areas.default_flags = if flags & MCL_FUTURE != 0 {
                lock
            } else {
                VmFlags::empty()
            };
            if flags & MCL_CURRENT == 0 {
                return Ok(());
            }
            areas.lock_all(lock)?;
        }
        if flags & MCL_ONFAULT == 0 {
            self.populate_all();
        }
        Ok(())
    }

    /// munlockall(2).
    pub fn munlockall(&self) -> Result<()> {
        let mut areas = self.write_areas();
        areas.default_flags = VmFlags::empty();
        areas.lock_all(VmFlags::empty())
    }

    /// Everything that can be had; the rest faults later.
    fn populate_all(&self) {
        let mut at = 0;
        loop {
            let next = self
                .areas
                .read()
                .map
                .find_from(at)
                .map(|a| (a.start, a.end));
            let Some((start, end)) = next else { return };
            let _ = self.populate(start, end, None);
            at = end;
        }
    }
}

/// Whole pages that touch `addr..addr + len`.
fn range(addr: usize, len: usize) -> Result<(usize, usize)> {
    let start = addr & !(PAGE_SIZE - 1);
    // As Linux: a length that wraps when it is rounded up is 0.
    let len = page_ceil(len.wrapping_add(addr - start)).unwrap_or(0);
    let end = start.checked_add(len).ok_or(Errno::EINVAL)?;
    if len == 0 {
        Ok((start, start))
    } else if end > USER_END {
        Err(Errno::ENOMEM)
    } else {
        Ok((start, end))
    }
}

impl Areas {
    fn locked_in(&self, start: usize, end: usize) -> usize {
        let locked = self
            .map
            .range(start, end)
            .filter(|a| a.data.flags.contains(VmFlags::LOCKED));
        locked
            .map(|a| pages(a.end.min(end) - a.start.max(start)))
            .sum()
    }

    /// Locks or unlocks what is there. `ENOMEM` for a hole, after the rest was done.
    fn set_locked(&mut self, start: usize, end: usize, lock: VmFlags) -> Result<()> {
        let had = self.locked_in(start, end);
        let is_there = |area: &Area<Vma>| area.data.flags.intersects(VmFlags::SPECIAL);
        // What is always there is not even cut.
        if !self.map.range(start, end).all(is_there) {
            self.change_flags(start, end, LOCK, lock)?;
        }
        self.locked = self.locked - had.min(self.locked) + self.locked_in(start, end);
        if self.map.covers(start, end) {
            Ok(())
        } else {
            Err(Errno::ENOMEM)
        }
    }

    fn lock_all(&mut self, lock: VmFlags) -> Result<()> {
        self.change_flags(0, USER_END, LOCK, lock)?;
        self.locked = self.locked_in(0, USER_END);
        Ok(())
    }
}
