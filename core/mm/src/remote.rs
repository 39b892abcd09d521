//! The memory of an address space as others see it: proc(5), ptrace(2), exec building a stack, futex keys, truncation.
use crate::mm::Mm;
use crate::types::{Access, FaultError, FutexKey};
use crate::{VmFlags, fault::Found};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result};
use core::sync::atomic::Ordering;
use hal::addr::UserAddr;
use kmem::frame::{Frame, HugePage};
use kmem::space::{MapError, Prot};
use pagecache::{MapUser, Unmapped};

impl Mm {
    /// Reads memory of this space from any task, faulting pages in; protections do not matter, as for
    /// `/proc/PID/mem`. Answers how many bytes there were up to the first bad page. `EFAULT` if not even one.
    pub fn read_remote(&self, addr: UserAddr, buf: &mut [u8]) -> Result<usize> {
        self.for_each_part(addr, buf.len(), |done, va, offset, len| {
            let page = self.page_for(va, Access::Read, true)?;
            page.read(offset, &mut buf[done..done + len]);
            Ok(())
        })
    }

    /// A page as it goes into a core image. False: there is nothing of it (never touched, behind the end of its file, not
    /// memory).
    pub fn dump_page(&self, va: usize, page: &mut [u8; PAGE_SIZE]) -> bool {
        let untouched = {
            let areas = self.areas.read();
            let area = areas.map.find(va);
            area.is_none_or(|area| area.data.is_anon()) && self.space.prot(UserAddr(va)).is_none()
                || area.is_some_and(|area| area.data.flags.contains(VmFlags::HUGETLB))
                    && self.space.prot_huge(UserAddr(va)).is_none()
        };
        !untouched && self.read_remote(UserAddr(va), page) == Ok(PAGE_SIZE)
    }

    /// Writes memory of this space from any task. With `force` also where the area is not writable, if it is private
    /// (a breakpoint in text: the page is copied first). Answers as [`Mm::read_remote`].
    pub fn write_remote(&self, addr: UserAddr, bytes: &[u8], force: bool) -> Result<usize> {
        self.for_each_part(addr, bytes.len(), |done, va, offset, len| {
            let page = self.page_for(va, Access::Write, force)?;
            page.write(offset, &bytes[done..done + len]);
            Ok(())
        })
    }

    /// Fills memory of this space with zeros (exec: the end of a page that holds data and bss). Answers as
    /// [`Mm::read_remote`].
    pub fn zero_remote(&self, addr: UserAddr, len: usize) -> Result<usize> {
        self.for_each_part(addr, len, |_, va, offset, len| {
            self.page_for(va, Access::Write, true)?
                .fill_zero(offset, len);
            Ok(())
        })
    }

    /// Calls `part(bytes done, page address, offset, len)` for each page.
    fn for_each_part(
        &self,
        addr: UserAddr,
        len: usize,
        mut part: impl FnMut(usize, usize, usize, usize) -> Result<(), FaultError>,
    ) -> Result<usize> {
        let mut done = 0;
        while done < len {
            let at = addr.0.checked_add(done).filter(|&at| at < abi::USER_END);
            let result = match at {
                Some(at) => {
                    let offset = at % PAGE_SIZE;
                    let n = (PAGE_SIZE - offset).min(len - done);
                    part(done, at - offset, offset, n).map(|()| n)
                }
                None => Err(FaultError::SegvMapErr),
            };
            match result {
                Ok(n) => done += n,
                Err(e) if done == 0 => return Err(e.errno()),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    /// The page at `va`, ready for the access.
    fn page_for(&self, va: usize, access: Access, force: bool) -> Result<Page, FaultError> {
        let write = access == Access::Write;
        loop {
            let areas = self.areas.read();
            let area = areas.map.find(va);
            if area.is_some_and(|area| area.data.flags.intersects(VmFlags::FOREIGN)) {
                return Err(FaultError::SegvAccErr);
            }
            if let Some(area) = area
                && force
            {
                let shared = area.data.is_shared();
                if write && shared && !area.data.flags.contains(VmFlags::WRITE) {
                    return Err(FaultError::SegvAccErr);
                }
                if area.data.flags.contains(VmFlags::HUGETLB) {
                    let (page, at) = self.huge_for(area, va, access)?;
                    return Ok(Page::Huge(page, at));
                }
                if let Some(page) = self.page_now(va, write, shared) {
                    return Ok(Page::Small(page));
                }
                self.fault_in(area, va, access)?;
            } else {
                if let Some(area) = area.filter(|a| a.data.flags.contains(VmFlags::HUGETLB)) {
                    if let Err(e) = self.fault_locked(&areas, va, access) {
                        drop(areas);
                        self.steal_huge(va, e)?;
                        continue;
                    }
                    let (page, at) = self.huge_for(area, va, access)?;
                    return Ok(Page::Huge(page, at));
                }
                if let Some(page) = self.page_now(va, write, true) {
                    return Ok(Page::Small(page));
                }
                if let Found::Grow = self.fault_locked(&areas, va, access)? {
                    drop(areas);
                    self.grow_stack(va)?;
                }
            }
        }
    }

    /// The page that is mapped, if the access may go to it without a fault. With protections passed by, a private page
    /// may be written once it is the space's own alone.
    fn page_now(&self, va: usize, write: bool, by_prot: bool) -> Option<Frame> {
        let m = self.space.get(UserAddr(va))?;
        let own = m.prot.contains(Prot::ANON) && m.frame.refs() == 2;
        let ready = !write || m.prot.contains(Prot::WRITE) || !by_prot && own;
        ready.then_some(m.frame)
    }

    /// Puts a page of the caller's into private anonymous memory where none is (exec: the strings of a new stack).
    /// `EFAULT` (no such area), `EEXIST`, `ENOMEM`.
    pub fn insert_page(&self, addr: UserAddr, page: Frame) -> Result<()> {
        let areas = self.areas.read();
        let area = areas
            .map
            .find(addr.0)
            .filter(|a| a.data.is_anon())
            .ok_or(Errno::EFAULT)?;
        area.data.note_anon();
        self.space
            .map(addr.page_floor(), page, area.data.prot() | Prot::ANON)
            .map_err(|e| match e {
                MapError::Exists => Errno::EEXIST,
                MapError::NoMem => Errno::ENOMEM,
            })?;
        self.rss.anon.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The key of a futex word; `shared` is false with `FUTEX_PRIVATE_FLAG`. `EFAULT` (no area, or its file ends
    /// before), `EINVAL` (not aligned).
    pub fn futex_key(&self, addr: UserAddr, shared: bool) -> Result<FutexKey> {
        if !addr.0.is_multiple_of(4) {
            return Err(Errno::EINVAL);
        }
        kmem::user::check(addr, size_of::<u32>())?;
        let private = FutexKey {
            object: self.id(),
            offset: addr.0 as u64,
            shared: false,
        };
        if !shared {
            return Ok(private);
        }
        let areas = self.areas.read();
        let area = areas.map.find(addr.0).ok_or(Errno::EFAULT)?;
        let usable = VmFlags::READ | VmFlags::WRITE;
        if !area.data.flags.intersects(usable) {
            return Err(Errno::EFAULT);
        }
        match area.data.object() {
            Some(object) if area.data.flags.contains(VmFlags::MAY_SHARE) => {
                let offset = (area.data.offset << PAGE_SHIFT) + (addr.0 - area.start) as u64;
                if offset & !(PAGE_SIZE as u64 - 1) >= object.size() {
                    return Err(Errno::EFAULT);
                }
                Ok(FutexKey {
                    object: object.identity(),
                    offset,
                    shared: true,
                })
            }
            _ => Ok(private),
        }
    }
}

/// A page of another's: a single one, or a huge one and where in it.
enum Page {
    Small(Frame),
    Huge(HugePage, usize),
}

impl Page {
    fn read(&self, offset: usize, dst: &mut [u8]) {
        match self {
            Self::Small(page) => page.read(offset, dst),
            Self::Huge(page, at) => page.read(at + offset, dst),
        }
    }
    fn write(&self, offset: usize, src: &[u8]) {
        match self {
            Self::Small(page) => page.write(offset, src),
            Self::Huge(page, at) => page.write(at + offset, src),
        }
    }
    fn fill_zero(&self, offset: usize, len: usize) {
        match self {
            Self::Small(page) => page.fill_zero(offset..offset + len),
            Self::Huge(page, at) => page.fill_zero(at + offset, len),
        }
    }
}

impl MapUser for Mm {
    fn unmap_pages(&self, identity: u64, first: u64, last: u64, why: Unmapped) {
        // For writing: a fault that read the object's size before it changed has mapped its page by now.
        let areas = self.write_areas();
        for area in areas.map.iter() {
            let Some(object) = area.data.object() else {
                continue;
            };
            let (low, high) = (area.data.offset, area.data.index(area.start, area.end));
            if object.identity() != identity || last < low || first >= high {
                continue;
            }
            let at = |index: u64| area.start + ((index - low) << PAGE_SHIFT) as usize;
            let (start, end) = (at(first.max(low)), at(last.saturating_add(1).min(high)));
            if why == Unmapped::Stolen {
                self.lose_huge(area, start, end);
            } else if why == Unmapped::Punched && area.data.flags.contains(VmFlags::HUGETLB) {
                self.zap_shared_huge(start, end);
            } else if why == Unmapped::Punched && area.data.has_anon() {
                self.zap_shared(start, end, &area.data);
            } else {
                self.zap(start, end, &area.data);
            }
        }
    }

    fn shares(&self, identity: u64) -> bool {
        let may = VmFlags::SHARED | VmFlags::MAY_WRITE;
        self.areas.read().map.iter().any(|area| {
            let object = area.data.object();
            area.data.flags.contains(may) && object.is_some_and(|o| o.identity() == identity)
        })
    }
}

impl Mm {
    /// Takes out only what is not the space's own.
    fn zap_shared(&self, start: usize, end: usize, vma: &crate::vma::Vma) {
        for va in (start..end).step_by(PAGE_SIZE) {
            if self
                .space
                .prot(UserAddr(va))
                .is_some_and(|p| !p.contains(Prot::ANON))
            {
                self.zap(va, va + PAGE_SIZE, vma);
            }
        }
    }
}
