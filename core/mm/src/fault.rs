//! Page faults. The areas are locked for reading only: faults of threads on different areas, and on different parts of
//! one, run side by side; where two meet on one page the page tables decide and the loser's work is dropped.
use crate::VmFlags;
use crate::areas::Areas;
use crate::mm::Mm;
use crate::types::{Access, FaultError};
use crate::vma::Vma;
use abi::{Errno, PAGE_SIZE};
use core::sync::atomic::Ordering;
use hal::addr::UserAddr;
use kmem::frame::Frame;
use kmem::space::{MapError, Prot};
use pagecache::{MapAccess, MapObject};
use sync::Once;
use sync::cost::COUNTED;
use vma::Area;

/// Pages of a file that one fault maps if they are in memory: 16, aligned.
const AROUND: usize = 16 * PAGE_SIZE;

/// What a look at the areas says.
pub(crate) enum Found {
    Done,
    /// A stack begins above: it has to grow down to the address first.
    Grow,
}

/// The page of zeros, which reads of untouched anonymous memory see.
pub(crate) fn zero_page() -> Result<&'static Frame, FaultError> {
    static ZERO: Once<Frame> = Once::new();
    if let Some(page) = ZERO.get() {
        return Ok(page);
    }
    let page = Frame::zeroed().map_err(|_| FaultError::Oom)?;
    let _ = ZERO.set(page);
    ZERO.get().ok_or(FaultError::Oom)
}

impl From<MapError> for FaultError {
    fn from(_: MapError) -> Self {
        FaultError::Oom
    }
}

/// Somebody else mapped something there meanwhile: the access is tried again and sees it.
fn lost_race(result: Result<(), MapError>) -> Result<bool, FaultError> {
    match result {
        Ok(()) => Ok(true),
        Err(MapError::Exists) => Ok(false),
        Err(MapError::NoMem) => Err(FaultError::Oom),
    }
}

impl Mm {
    /// Resolves a fault (of user mode, or of the kernel on user memory). May sleep; the caller holds no lock of rank
    /// `MMAP` or above.
    #[inline]
    pub fn handle_fault(&self, addr: UserAddr, access: Access) -> Result<(), FaultError> {
        let va = addr.page_floor().0;
        loop {
            // A statement of its own: the guard must be gone before the stack grows.
            let found = self.fault_locked(&self.areas.read(), va, access);
            match found {
                Ok(Found::Done) => return Ok(()),
                Ok(Found::Grow) => self.grow_stack(va)?,
                Err(e) => self.steal_huge(va, e)?,
            }
        }
    }

    /// A fault at page address `va` with the areas locked.
    pub(crate) fn fault_locked(
        &self,
        areas: &Areas,
        va: usize,
        access: Access,
    ) -> Result<Found, FaultError> {
        let Some(area) = areas.map.find_from(va) else {
            return Err(FaultError::SegvMapErr);
        };
        if area.start > va {
            let grows = area.data.flags.contains(VmFlags::GROWS_DOWN);
            return if grows {
                Ok(Found::Grow)
            } else {
                Err(FaultError::SegvMapErr)
            };
        }
        let needs = match access {
            Access::Write => VmFlags::WRITE,
            Access::Read => VmFlags::PROT,
            Access::Exec => VmFlags::EXEC,
        };
        if !area.data.flags.intersects(needs) {
            return Err(FaultError::SegvAccErr);
        }
        self.fault_in(area, va, access)?;
        Ok(Found::Done)
    }

    /// Brings the page in; the area allows the access.
    pub(crate) fn fault_in(
        &self,
        area: &Area<Vma>,
        va: usize,
        access: Access,
    ) -> Result<(), FaultError> {
        match self.space.prot(UserAddr(va)) {
            None if area.data.is_anon() => self.fault_anon(area, va, access),
            None => self.fault_object(area, va, access),
            Some(prot) => self.fault_present(area, va, access, prot),
        }
    }

    /// The first touch of private anonymous memory.
    fn fault_anon(&self, area: &Area<Vma>, va: usize, access: Access) -> Result<(), FaultError> {
        let vma = &area.data;
        if access != Access::Write {
            let zero = zero_page()?.clone();
            lost_race(self.space.map(UserAddr(va), zero, vma.prot() - Prot::WRITE))?;
            return Ok(());
        }
        let page = Frame::zeroed().map_err(|_| FaultError::Oom)?;
        vma.note_anon();
        if lost_race(self.space.map(UserAddr(va), page, vma.prot() | Prot::ANON))? {
            self.rss.anon.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// The first touch of a page of an object.
    fn fault_object(&self, area: &Area<Vma>, va: usize, access: Access) -> Result<(), FaultError> {
        let vma = &area.data;
        if vma.flags.contains(VmFlags::HUGETLB) {
            return self.fault_huge(area, va, access);
        }
        let Some(object) = vma.object() else {
            return Err(FaultError::SegvMapErr);
        };
        if access == Access::Write && !vma.is_shared() {
            return self.copy_from_object(area, object.as_ref(), va);
        }
        // Memory without a file behind it has no use for the news that it is dirty.
        let write = access == Access::Write || vma.flags.contains(VmFlags::EAGER | VmFlags::WRITE);
        if write {
            let page = object_page(object.as_ref(), vma.index(area.start, va), MapAccess::Write)?;
            if lost_race(self.space.map(UserAddr(va), page, vma.prot()))? {
                self.rss.of(vma).fetch_add(1, Ordering::Relaxed);
                note_shared(vma, 1);
            }
            return Ok(());
        }
        self.read_around(area, object.as_ref(), va)
    }

    /// A private copy at once.
    fn copy_from_object(
        &self,
        area: &Area<Vma>,
        object: &dyn MapObject,
        va: usize,
    ) -> Result<(), FaultError> {
        let vma = &area.data;
        let page = object_page(object, vma.index(area.start, va), MapAccess::Read)?;
        let copy = Frame::uninit().map_err(|_| FaultError::Oom)?;
        copy.copy_from(&page);
        vma.note_anon();
        if lost_race(self.space.map(UserAddr(va), copy, vma.prot() | Prot::ANON))? {
            self.rss.anon.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Maps the page and what else is in memory around it. Read-only even where writing is allowed: the first write
    /// marks the page dirty, or copies it.
    fn read_around(
        &self,
        area: &Area<Vma>,
        object: &dyn MapObject,
        va: usize,
    ) -> Result<(), FaultError> {
        let vma = &area.data;
        let window = va & !(AROUND - 1);
        let (start, end) = (window.max(area.start), (window + AROUND).min(area.end));
        let mut pages = [const { None }; AROUND / PAGE_SIZE];
        let pages = &mut pages[..(end - start) / PAGE_SIZE];
        object.cached_range(vma.index(area.start, start), pages);
        let wanted = &mut pages[(va - start) / PAGE_SIZE];
        if wanted.is_none() {
            *wanted = Some(object_page(
                object,
                vma.index(area.start, va),
                MapAccess::Read,
            )?);
        }
        let mapped = self
            .space
            .map_pages(UserAddr(start), pages, vma.prot() - Prot::WRITE)?;
        self.rss
            .of(vma)
            .fetch_add(mapped as isize, Ordering::Relaxed);
        note_shared(vma, mapped);
        Ok(())
    }

    /// A fault on a page that is there: a write to a read-only entry, or somebody else was faster.
    fn fault_present(
        &self,
        area: &Area<Vma>,
        va: usize,
        access: Access,
        prot: Prot,
    ) -> Result<(), FaultError> {
        let (vma, at) = (&area.data, UserAddr(va));
        if access == Access::Write && !prot.contains(Prot::WRITE) {
            return if vma.is_shared() {
                self.write_shared(area, va)
            } else {
                self.copy_on_write(vma, at, prot)
            };
        }
        let needs = if access == Access::Exec {
            Prot::EXEC
        } else {
            Prot::READ
        };
        if !prot.intersects(needs)
            && let Some(m) = self.space.get(at)
        {
            // An entry that is stricter than its area: bring it up to date, writing aside.
            let now = (vma.prot() - Prot::WRITE) | (m.prot & (Prot::WRITE | Prot::ANON));
            self.space.set_prot(at, now, m.frame.paddr());
        }
        Ok(())
    }

    /// The first write to a page of a shared mapping: the object learns of it, then the entry allows it.
    fn write_shared(&self, area: &Area<Vma>, va: usize) -> Result<(), FaultError> {
        let vma = &area.data;
        let Some(object) = vma.object() else {
            return Err(FaultError::SegvMapErr);
        };
        let page = object_page(object.as_ref(), vma.index(area.start, va), MapAccess::Write)?;
        if !self.space.set_prot(UserAddr(va), vma.prot(), page.paddr()) {
            // Another page stands there than the object has now: take the stale one out, the next fault maps anew.
            self.zap(va, va + PAGE_SIZE, vma);
        }
        Ok(())
    }

    /// A write to a private page that is read-only: it is ours alone and is taken over, or it is copied.
    fn copy_on_write(&self, vma: &Vma, at: UserAddr, prot: Prot) -> Result<(), FaultError> {
        let new_prot = vma.prot() | Prot::ANON;
        if prot.contains(Prot::ANON) && self.space.try_reuse(at, new_prot) {
            return Ok(());
        }
        // Gone meanwhile, or taken over by another thread, who may write to it already: the access is tried again. From
        // here on our reference keeps others from taking it over.
        let Some(old) = self
            .space
            .get(at)
            .filter(|old| !old.prot.contains(Prot::WRITE))
        else {
            return Ok(());
        };
        let from_zero = zero_page()?.same(&old.frame);
        let page = if from_zero {
            Frame::zeroed()
        } else {
            Frame::uninit().inspect(|page| page.copy_from(&old.frame))
        }
        .map_err(|_| FaultError::Oom)?;
        vma.note_anon();
        match self
            .space
            .replace(at, page, new_prot, Some(old.frame.paddr()))
        {
            Ok(_) if old.prot.contains(Prot::ANON) => {}
            Ok(_) => {
                self.rss.anon.fetch_add(1, Ordering::Relaxed);
                if !from_zero && !vma.is_anon() {
                    self.rss.of(vma).fetch_sub(1, Ordering::Relaxed);
                }
            }
            Err(MapError::Exists) => {}
            Err(MapError::NoMem) => return Err(FaultError::Oom),
        }
        Ok(())
    }

    /// Brings all pages of `start..end` in, as mlock(2) and `MAP_POPULATE` do: for writing where that would copy.
    /// `ENOMEM` where there is no area, and what a fault would answer otherwise.
    pub(crate) fn populate(
        &self,
        start: usize,
        end: usize,
        as_write: Option<bool>,
    ) -> Result<(), FaultError> {
        for va in (start..end).step_by(PAGE_SIZE) {
            let areas = self.areas.read();
            let Some(area) = areas.map.find(va) else {
                return Err(FaultError::SegvMapErr);
            };
            if area.data.flags.intersects(VmFlags::FOREIGN) {
                continue;
            }
            if area.data.flags.contains(VmFlags::HUGETLB)
                && va != start
                && !va.is_multiple_of(kmem::frame::HUGE_SIZE)
            {
                continue;
            }
            let private_write =
                area.data.flags & (VmFlags::WRITE | VmFlags::SHARED) == VmFlags::WRITE;
            let access = if as_write.unwrap_or(private_write) {
                Access::Write
            } else {
                Access::Read
            };
            let settled = self
                .space
                .prot(UserAddr(va))
                .is_some_and(|p| access != Access::Write || p.contains(Prot::WRITE));
            if !settled {
                self.fault_locked(&areas, va, access)?;
            }
        }
        Ok(())
    }
}

/// Pages of a shared mapping came to be seen.
#[inline]
fn note_shared(vma: &Vma, pages: usize) {
    if sync::static_branch!(COUNTED) && vma.is_shared() {
        sync::cost::referenced(pages * PAGE_SIZE);
    }
}

fn object_page(object: &dyn MapObject, index: u64, access: MapAccess) -> Result<Frame, FaultError> {
    object.page(index, access).map_err(|e| match e {
        Errno::ENOMEM => FaultError::Oom,
        Errno::ERESTARTSYS | Errno::EINTR | Errno::EAGAIN => FaultError::Interrupted,
        Errno::EACCES => FaultError::SegvMapErr,
        _ => FaultError::BusAdrErr,
    })
}
