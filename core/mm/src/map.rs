//! mmap(2) and munmap(2).
use crate::areas::{Areas, MAX_AREAS, page_ceil, page_range, pages};
use crate::mm::Mm;
use crate::types::{Backing, MmapRequest};
use crate::vma::{Attachment, Vma};
use crate::{VmFlags, commit, huge, shm};
use abi::raw::{
    MAP_32BIT, MAP_ANONYMOUS, MAP_DENYWRITE, MAP_EXECUTABLE, MAP_FIXED, MAP_FIXED_NOREPLACE,
    MAP_GROWSDOWN, MAP_HUGETLB, MAP_LOCKED, MAP_NONBLOCK, MAP_NORESERVE, MAP_POPULATE, MAP_PRIVATE,
    MAP_SHARED, MAP_SHARED_VALIDATE, MAP_STACK, MAP_TYPE, PROT_EXEC, PROT_WRITE,
};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result, USER_END};
use alloc::sync::{Arc, Weak};
use kmem::TryVec;
use pagecache::MapUser;
use vma::Area;

/// `vm.mmap_min_addr`: below only with `CAP_SYS_RAWIO`.
pub const MMAP_MIN_ADDR: usize = 65_536;

/// What `MAP_SHARED_VALIDATE` accepts.
const KNOWN_FLAGS: u32 = MAP_TYPE
    | MAP_FIXED
    | MAP_ANONYMOUS
    | MAP_GROWSDOWN
    | MAP_DENYWRITE
    | MAP_EXECUTABLE
    | MAP_LOCKED
    | MAP_NORESERVE
    | MAP_POPULATE
    | MAP_NONBLOCK
    | MAP_STACK
    | MAP_HUGETLB
    | MAP_32BIT
    | MAP_FIXED_NOREPLACE;

/// A file ends at most here; devices do not.
const MAX_FILE_PAGES: u64 = i64::MAX as u64 >> PAGE_SHIFT;

/// Where `MAP_32BIT` looks.
const LOW_WINDOW: (usize, usize) = (0x4000_0000, 0x8000_0000);

impl Mm {
    /// mmap(2). `EINVAL` (length 0, bad type, address not a page's), `ENOMEM` (room, limits, memory), `EOVERFLOW`
    /// (file offset), `EACCES` (shared and writable, but the file is not), `EPERM` (low address, `noexec`, sealed), `EEXIST`
    /// (`MAP_FIXED_NOREPLACE`), `EAGAIN` (too much locked), `EOPNOTSUPP` (`MAP_SHARED_VALIDATE`).
    pub fn mmap(self: &Arc<Self>, request: MmapRequest) -> Result<usize> {
        let request = if request.flags & MAP_HUGETLB == 0 && request.backing.is_none() {
            request
        } else {
            huge::request(request)?
        };
        if request.len == 0 {
            return Err(Errno::EINVAL);
        }
        let len = page_ceil(request.len).ok_or(Errno::ENOMEM)?;
        if len > USER_END {
            return Err(Errno::ENOMEM);
        }
        let first = request.offset >> PAGE_SHIFT;
        if let Some(object) = &request.backing
            && first + pages(len) as u64 > MAX_FILE_PAGES
            && object.per_area().is_none()
        {
            return Err(Errno::EOVERFLOW);
        }
        let flags = area_flags(&request)?;
        let populate = request.flags & (MAP_POPULATE | MAP_NONBLOCK) == MAP_POPULATE;
        let request_locks = request.flags & MAP_LOCKED != 0;
        let (start, flags) = self.mmap_locked(request, len, flags)?;
        let populate = populate || request_locks && flags.contains(VmFlags::HUGETLB);
        if populate || flags.contains(VmFlags::LOCKED) && !flags.contains(VmFlags::LOCK_ON_FAULT) {
            // As Linux: the mapping stands even if not all of it can be had now.
            let _ = self.populate(start, start + len, None);
        }
        Ok(start)
    }

    fn mmap_locked(
        self: &Arc<Self>,
        request: MmapRequest,
        len: usize,
        flags: VmFlags,
    ) -> Result<(usize, VmFlags)> {
        let backing = match request.backing {
            Some(object) => Some(object),
            None if flags.contains(VmFlags::MAY_SHARE) => {
                Some(shm::new(pages(len), flags.contains(VmFlags::NO_RESERVE))?)
            }
            None => None,
        };
        let offset = if flags.contains(VmFlags::SHMEM) {
            0
        } else {
            request.offset >> PAGE_SHIFT
        };
        let mut areas = self.write_areas();
        let (addr, low_allowed) = (request.addr, request.low_allowed);
        let start = if flags.contains(VmFlags::HUGETLB) {
            areas.place_huge(addr, len, request.flags, low_allowed)?
        } else {
            areas.place(addr, len, request.flags, low_allowed)?
        };
        let flags = flags | areas.default_flags;
        if flags.contains(VmFlags::LOCKED) {
            areas.may_lock(pages(len))?;
        }
        let flags = if flags.contains(VmFlags::HUGETLB) {
            flags - (VmFlags::LOCKED | VmFlags::LOCK_ON_FAULT)
        } else {
            flags
        };
        if areas.map.len() >= MAX_AREAS {
            return Err(Errno::ENOMEM);
        }
        let flags = self.install_area(&mut areas, start, len, flags, offset, backing)?;
        Ok((start, flags))
    }

    /// Makes an area over whatever was there; its flags. `ENOMEM`, and what the object answers.
    fn install_area(
        self: &Arc<Self>,
        areas: &mut Areas,
        start: usize,
        len: usize,
        mut flags: VmFlags,
        offset: u64,
        backing: Option<Backing>,
    ) -> Result<VmFlags> {
        let end = start + len;
        let mut covered = areas
            .map
            .range(start, end)
            .map(|a| a.end.min(end) - a.start.max(start))
            .sum();
        if !areas.may_expand(flags, pages(len), pages(covered)) {
            return Err(Errno::ENOMEM);
        }
        if covered != 0 && flags.contains(VmFlags::HUGETLB) {
            // What goes may be what the new area is to be promised.
            self.remove(areas, start, end).map_err(|_| Errno::ENOMEM)?;
            covered = 0;
        }
        let attachment = backing
            .map(|object| {
                if flags.contains(VmFlags::HUGETLB) {
                    let user: Weak<dyn MapUser> = Arc::<Self>::downgrade(self);
                    areas.has_huge = true;
                    Attachment::huge(object, user, flags, offset, len)
                } else {
                    areas.attach(self, start, object)
                }
            })
            .transpose()?;
        if let Some(attachment) = attachment
            .as_ref()
            .filter(|_| flags.contains(VmFlags::SHARED))
        {
            // Once more, now that whoever seals it finds us.
            attachment.object.share(flags.contains(VmFlags::WRITE))?;
        }
        let mut charged = 0;
        if Vma::is_accountable(flags) {
            charged = pages(len);
            commit::charge(charged)?;
            flags |= VmFlags::ACCOUNT;
        }
        let mut result = Ok(());
        if covered != 0 {
            result = self.remove(areas, start, end).map_err(|_| Errno::ENOMEM);
        }
        let mut vma = Vma::new(flags, offset, attachment);
        result
            .and_then(|()| vma.begin(start, end))
            .and_then(|()| {
                flags = vma.flags;
                areas.per_area |= flags.contains(VmFlags::PER_AREA);
                areas.insert(start, end, vma)
            })
            .inspect_err(|_| commit::uncharge(charged))?;
        Ok(flags)
    }

    /// munmap(2). `EINVAL` (not a page address, length 0, beyond user space), `ENOMEM` (a cut needs memory or an area
    /// too many).
    pub fn munmap(&self, addr: usize, len: usize) -> Result<()> {
        let (start, end) = page_range(addr, len)?;
        if start == end || end > USER_END {
            return Err(Errno::EINVAL);
        }
        self.remove(&mut self.write_areas(), start, end)
    }

    /// Where mmap(2) would put `len` bytes now (exec: nobody else maps meanwhile). `ENOMEM`.
    pub fn find_room(&self, len: usize) -> Result<usize> {
        self.areas
            .read()
            .place(0, page_ceil(len).ok_or(Errno::ENOMEM)?, 0, false)
    }

    /// Takes `start..end` out, cutting areas at its ends. `ENOMEM`: nothing was changed.
    pub(crate) fn remove(&self, areas: &mut Areas, start: usize, end: usize) -> Result<()> {
        self.remove_areas(areas, start, end, huge::release)
    }

    /// The same, of what lies elsewhere now with all that was promised to it.
    pub(crate) fn remove_moved(&self, areas: &mut Areas, start: usize, end: usize) -> Result<()> {
        self.remove_areas(areas, start, end, |_| ())
    }

    fn remove_areas(
        &self,
        areas: &mut Areas,
        start: usize,
        end: usize,
        release: impl Fn(&Area<Vma>),
    ) -> Result<()> {
        areas.isolate(start, end)?;
        let mut gone = Gone::default();
        let Areas { map, late, .. } = areas;
        map.remove_range(start, end, |area| {
            self.zap(area.start, area.end, &area.data);
            if area.data.flags.contains(VmFlags::HUGETLB) {
                release(&area);
            }
            gone.add(area.data.flags, pages(area.len()));
            if area.data.flags.contains(VmFlags::PER_AREA)
                && let Some(object) = area.data.backing
            {
                // Without room it ends at once.
                let _ = late.try_push(object);
            }
        });
        gone.apply(areas);
        Ok(())
    }
}

/// Sums over removed areas; the map is borrowed while they are made.
#[derive(Default)]
struct Gone {
    sums: Option<Areas>,
}

impl Gone {
    fn add(&mut self, flags: VmFlags, pages: usize) {
        self.sums
            .get_or_insert_with(Areas::new)
            .account(flags, pages, true);
    }
    fn apply(self, areas: &mut Areas) {
        let Some(sums) = self.sums else { return };
        areas.total -= sums.total.min(areas.total);
        areas.exec -= sums.exec.min(areas.exec);
        areas.data -= sums.data.min(areas.data);
        areas.stack -= sums.stack.min(areas.stack);
        areas.locked -= sums.locked.min(areas.locked);
        areas.committed -= sums.committed.min(areas.committed);
        commit::uncharge(sums.committed);
    }
}

impl Areas {
    /// Where a mapping of `len` goes. `ENOMEM`, `EINVAL`, `EPERM`, `EEXIST`.
    pub(crate) fn place(
        &self,
        addr: usize,
        len: usize,
        flags: u32,
        low_allowed: bool,
    ) -> Result<usize> {
        let limit = USER_END.checked_sub(len).ok_or(Errno::ENOMEM)?;
        if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0 {
            if addr > limit {
                return Err(Errno::ENOMEM);
            }
            if !addr.is_multiple_of(PAGE_SIZE) {
                return Err(Errno::EINVAL);
            }
            if addr < MMAP_MIN_ADDR && !low_allowed {
                return Err(Errno::EPERM);
            }
            let taken = flags & MAP_FIXED_NOREPLACE != 0 && !self.map.is_free(addr, addr + len);
            return if taken { Err(Errno::EEXIST) } else { Ok(addr) };
        }
        let hint = match addr & !(PAGE_SIZE - 1) {
            0 => 0,
            hint => hint.max(MMAP_MIN_ADDR),
        };
        if hint != 0 && hint <= limit && self.map.gap_bottom_up(len, hint, hint + len) == Some(hint)
        {
            return Ok(hint);
        }
        self.find_room(len, flags).ok_or(Errno::ENOMEM)
    }

    fn find_room(&self, len: usize, flags: u32) -> Option<usize> {
        if flags & MAP_32BIT != 0 {
            return self.map.gap_bottom_up(len, LOW_WINDOW.0, LOW_WINDOW.1);
        }
        let from_above =
            (!self.bottom_up).then(|| self.map.gap_top_down(len, MMAP_MIN_ADDR, self.mmap_base));
        from_above
            .flatten()
            .or_else(|| self.map.gap_bottom_up(len, bottom_up_base(), USER_END))
    }

    /// The note at the object, shared with the area below if it maps the same.
    fn attach(&self, mm: &Arc<Mm>, start: usize, object: Backing) -> Result<Arc<Attachment>> {
        let below = self
            .map
            .find_before(start)
            .and_then(|a| a.data.backing.as_ref());
        match below {
            Some(b) if Arc::ptr_eq(&b.object, &object) => Ok(b.clone()),
            _ => {
                let user: Weak<dyn MapUser> = Arc::<Mm>::downgrade(mm);
                Attachment::new(object, user)
            }
        }
    }
}

/// Where a search from below begins: `TASK_UNMAPPED_BASE`.
const fn bottom_up_base() -> usize {
    (USER_END / 3 + PAGE_SIZE - 1) & !(PAGE_SIZE - 1)
}

/// The flags of the area to be, as far as the request alone decides them.
fn area_flags(r: &MmapRequest) -> Result<VmFlags> {
    let mut flags = VmFlags::from_prot(r.prot) | VmFlags::MAY_ALL;
    for (bit, flag) in [
        (MAP_GROWSDOWN, VmFlags::GROWS_DOWN),
        (MAP_LOCKED, VmFlags::LOCKED),
        (MAP_NORESERVE, VmFlags::NO_RESERVE),
    ] {
        if r.flags & bit != 0 {
            flags |= flag;
        }
    }
    let shared = match r.flags & MAP_TYPE {
        MAP_PRIVATE => false,
        MAP_SHARED => true,
        MAP_SHARED_VALIDATE if r.backing.is_none() => return Err(Errno::EINVAL),
        MAP_SHARED_VALIDATE if r.flags & !KNOWN_FLAGS != 0 => return Err(Errno::EOPNOTSUPP),
        MAP_SHARED_VALIDATE => true,
        _ => return Err(Errno::EINVAL),
    };
    if flags.contains(VmFlags::GROWS_DOWN) && (shared || r.backing.is_some()) {
        return Err(Errno::EINVAL);
    }
    if r.backing.as_ref().is_some_and(|o| o.huge().is_some()) {
        flags |= VmFlags::HUGETLB | VmFlags::DONT_EXPAND;
    }
    let Some(object) = &r.backing else {
        let kind = VmFlags::SHARED | VmFlags::MAY_SHARE | VmFlags::SHMEM | VmFlags::EAGER;
        return Ok(if shared { flags | kind } else { flags });
    };
    if shared {
        object.share(r.prot & PROT_WRITE != 0)?;
        flags |= VmFlags::SHARED | VmFlags::MAY_SHARE;
        if !object.may_write() {
            if r.prot & PROT_WRITE != 0 {
                return Err(Errno::EACCES);
            }
            flags -= VmFlags::MAY_WRITE;
        }
    }
    if !object.may_exec() {
        if r.prot & PROT_EXEC != 0 {
            return Err(Errno::EPERM);
        }
        flags -= VmFlags::MAY_EXEC;
    }
    Ok(flags)
}
