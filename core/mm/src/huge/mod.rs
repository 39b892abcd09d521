//! Memory in huge pages: areas whose object has [`pagecache::HugeCache`]s for pages (hugetlbfs, `MAP_HUGETLB`, `SHM_HUGETLB`).
//!
//! Pages are promised when an area is made: for shared memory to the object, for private to the [`Attachment`], which a
//! fork does not hand on. One fault at a time looks at a page of an object, so that two never take two pages for it.
//!
//! | file | holds |
//! |---|---|
//! | `request` | what mmap(2) asks for, and where it goes |
//! | `attach` | what is promised to areas |
//!
//! Specification: `Documentation/admin-guide/mm/hugetlbpage.rst`; mmap(2), "Huge page (Huge TLB) mappings".
mod attach;
mod request;

use crate::VmFlags;
use crate::areas::Areas;
use crate::mm::Mm;
use crate::types::{Access, FaultError};
use crate::vma::{Attachment, Vma};
use abi::{Errno, PAGE_SHIFT, Result};
use alloc::sync::Arc;
pub(crate) use attach::release;
use core::sync::atomic::Ordering;
use hal::addr::UserAddr;
use kmem::frame::{HUGE_SIZE, HugePage};
use kmem::space::{HugeMapping, MapError, Prot};
use pagecache::PER_HUGE;
pub(crate) use request::request;
pub use request::{huge_shm_group, huge_size, set_huge_shm_group};
use sync::{LockClass, Mutex, rank};
use vma::Area;

static FAULT: LockClass = LockClass::new("mm.huge-fault", rank::HUGE_FAULT);
static FAULTS: [Mutex<()>; 16] = [const { Mutex::new(&FAULT, ()) }; 16];

const MASK: usize = HUGE_SIZE - 1;

/// Rounds up to a huge page; `None` when that wraps.
pub(crate) fn huge_ceil(len: usize) -> Option<usize> {
    len.checked_add(MASK).map(|n| n & !MASK)
}

/// Which page of its object the huge page at `va` is.
fn huge_index(vma: &Vma, start: usize, va: usize) -> u64 {
    vma.index(start, va) / PER_HUGE
}

impl Mm {
    /// A fault on a huge page.
    #[cold]
    pub(crate) fn fault_huge(
        &self,
        area: &Area<Vma>,
        va: usize,
        access: Access,
    ) -> Result<(), FaultError> {
        let vma = &area.data;
        let backing = vma.backing.as_ref().ok_or(FaultError::SegvMapErr)?;
        let cache = backing.object.huge().ok_or(FaultError::BusAdrErr)?;
        let va = va & !MASK;
        let index = huge_index(vma, area.start, va);
        let slot = (cache.identity().wrapping_add(index)) as usize % FAULTS.len();
        let _one = FAULTS[slot].lock();
        let found = self.space.get_huge(UserAddr(va));
        let result = match found {
            Some(m) => return self.huge_present(vma, backing, index, va, access, &m),
            None if index >= cache.size().div_ceil(HUGE_SIZE as u64) => {
                return Err(FaultError::BusAdrErr);
            }
            None if vma.flags.contains(VmFlags::MAY_SHARE) => {
                let page = cache.page(index).map_err(no_page)?;
                self.space.map_huge(UserAddr(va), page, vma.prot())
            }
            None => {
                let page = match cache.lookup(index) {
                    Some(page) if access != Access::Write => (page, vma.prot() - Prot::WRITE),
                    theirs => {
                        let own = private_page(backing, index)?;
                        if let Some(theirs) = theirs {
                            own.copy_from(&theirs);
                        }
                        vma.note_anon();
                        (own, vma.prot() | Prot::ANON)
                    }
                };
                self.space.map_huge(UserAddr(va), page.0, page.1)
            }
        };
        match result {
            Ok(()) => {
                self.rss.huge.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(MapError::Exists) => Ok(()),
            Err(MapError::NoMem) => Err(FaultError::Oom),
        }
    }

    fn huge_present(
        &self,
        vma: &Vma,
        backing: &Attachment,
        index: u64,
        va: usize,
        access: Access,
        m: &HugeMapping,
    ) -> Result<(), FaultError> {
        let at = UserAddr(va);
        if access == Access::Write && !m.prot.contains(Prot::WRITE) {
            let own = vma.prot() | Prot::ANON;
            if vma.is_shared() {
                self.space.set_prot_huge(at, vma.prot(), m.page.paddr());
            } else if m.prot.contains(Prot::ANON) && m.page.mapcount() == 1 {
                self.space.set_prot_huge(at, own, m.page.paddr());
            } else {
                let page = private_page(backing, index)?;
                page.copy_from(&m.page);
                vma.note_anon();
                match self.space.replace_huge(at, page, own, m.page.paddr()) {
                    Ok(()) | Err(MapError::Exists) => {}
                    Err(MapError::NoMem) => return Err(FaultError::Oom),
                }
            }
            return Ok(());
        }
        let needs = if access == Access::Exec {
            Prot::EXEC
        } else {
            Prot::READ
        };
        if !m.prot.intersects(needs) {
            let now = (vma.prot() - Prot::WRITE) | (m.prot & (Prot::WRITE | Prot::ANON));
            self.space.set_prot_huge(at, now, m.page.paddr());
        }
        Ok(())
    }

    /// A fault failed by `error`. If it was for want of a huge page, although one was promised, children have a part in it: they
    /// lose it (`unmap_ref_private` of Linux), and the fault may be tried again. The error: it was not, or it stays shared.
    #[cold]
    pub(crate) fn steal_huge(&self, va: usize, error: FaultError) -> Result<(), FaultError> {
        let shared = |m: HugeMapping| m.prot.contains(Prot::ANON) && m.page.mapcount() > 1;
        let is_shared = || self.space.get_huge(UserAddr(va)).is_some_and(shared);
        if error != FaultError::BusAdrErr || !is_shared() {
            return Err(error);
        }
        let (backing, index) = {
            let areas = self.areas.read();
            let area = areas.map.find(va).ok_or(error)?;
            let promised = |b: &&Arc<Attachment>| b.promise.is_some();
            let backing = area.data.backing.as_ref().filter(promised).ok_or(error)?;
            let index = huge_index(&area.data, area.start, va & !MASK);
            (backing.clone(), index)
        };
        if let Some(cache) = backing.object.huge() {
            cache.steal(index);
        }
        if is_shared() { Err(error) } else { Ok(()) }
    }

    /// Pages of an area are somebody else's by promise.
    pub(crate) fn lose_huge(&self, area: &Area<Vma>, start: usize, end: usize) {
        let promised = area
            .data
            .backing
            .as_ref()
            .is_some_and(|b| b.promise.is_some());
        if !promised && !area.data.flags.contains(VmFlags::MAY_SHARE) {
            self.zap_huge(start, end);
        }
    }

    /// [`zap`](Self::zap) for an area of huge pages.
    #[cold]
    pub(crate) fn zap_huge(&self, start: usize, end: usize) {
        let gone = self.space.unmap_huge(UserAddr(start)..UserAddr(end));
        let gone = (gone.anon + gone.other) as isize;
        self.rss.huge.fetch_sub(gone, Ordering::Relaxed);
    }

    /// Copies into the child what is the areas' own. The areas are locked for writing.
    pub(crate) fn fork_huge(&self, areas: &Areas, child: &Self) -> Result<()> {
        let skip = VmFlags::SHARED | VmFlags::DONT_FORK | VmFlags::WIPE_ON_FORK;
        for area in areas.map.iter() {
            let vma = &area.data;
            let wanted = vma.flags.contains(VmFlags::HUGETLB) && vma.has_anon();
            if wanted && !vma.flags.intersects(skip) {
                let range = UserAddr(area.start)..UserAddr(area.end);
                let copied = self.space.fork_huge(&child.space, range)?;
                child.rss.huge.fetch_add(copied as isize, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Takes out only what is not the space's own.
    pub(crate) fn zap_shared_huge(&self, start: usize, end: usize) {
        for va in (start & !MASK..end).step_by(HUGE_SIZE) {
            let prot = self.space.prot_huge(UserAddr(va));
            if prot.is_some_and(|p| !p.contains(Prot::ANON)) {
                self.zap_huge(va, va + HUGE_SIZE);
            }
        }
    }

    /// The huge page at `va` and the offset there, brought in for the access.
    pub(crate) fn huge_for(
        &self,
        area: &Area<Vma>,
        va: usize,
        access: Access,
    ) -> Result<(HugePage, usize), FaultError> {
        loop {
            if let Some(m) = self.space.get_huge(UserAddr(va)) {
                let own = m.prot.contains(Prot::ANON) && m.page.mapcount() == 1;
                let shared = area.data.is_shared();
                if access != Access::Write || own || shared || m.prot.contains(Prot::WRITE) {
                    return Ok((m.page, va & MASK));
                }
            }
            self.fault_huge(area, va, access)?;
        }
    }
}

fn private_page(backing: &Attachment, index: u64) -> Result<HugePage, FaultError> {
    let promised = backing.promise.as_ref().and_then(|p| p.take(index));
    match promised {
        Some(page) => Ok(page),
        None => HugePage::unpromised().map_err(|_| FaultError::BusAdrErr),
    }
}

fn no_page(e: Errno) -> FaultError {
    match e {
        Errno::ENOMEM => FaultError::Oom,
        _ => FaultError::BusAdrErr,
    }
}

/// Pages of 4 KiB in a number of huge ones.
pub(crate) const fn small_pages(huge: usize) -> usize {
    huge << (HUGE_SIZE.trailing_zeros() as usize - PAGE_SHIFT as usize)
}
