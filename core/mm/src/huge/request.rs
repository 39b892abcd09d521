//! What is asked for, and where it goes.
use super::{MASK, huge_ceil};
use crate::VmFlags;
use crate::areas::Areas;
use crate::types::MmapRequest;
use crate::vma::Vma;
use abi::raw::{MAP_FIXED, MAP_FIXED_NOREPLACE, MAP_HUGETLB};
use abi::{Errno, PAGE_SIZE, Result, USER_END};
use alloc::sync::Weak;
use core::fmt;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use kmem::frame::{Frame, HUGE_SIZE};
use pagecache::{HugeCache, MapAccess, MapObject, MapToken, MapUser};
use vma::Area;

/// Whether log2 of a page size, as `MAP_HUGETLB` and its kin carry it, is one that there is; 0 is the default. `EINVAL`;
/// `ENOMEM`: of 1 GiB none are ever set aside.
pub fn huge_size(log: u32) -> Result<()> {
    match log {
        0 | 21 => Ok(()),
        30 => Err(Errno::ENOMEM),
        _ => Err(Errno::EINVAL),
    }
}

/// `vm.hugetlb_shm_group`: who may have System V segments of huge pages without a capability.
static SHM_GROUP: AtomicU32 = AtomicU32::new(0);

/// The group, as it is known outside all user namespaces.
pub fn huge_shm_group() -> u32 {
    SHM_GROUP.load(Ordering::Relaxed)
}

/// Sets it.
pub fn set_huge_shm_group(group: u32) {
    SHM_GROUP.store(group, Ordering::Relaxed);
}

/// Huge pages without a name: `MAP_ANONYMOUS | MAP_HUGETLB`.
struct Anonymous {
    cache: HugeCache,
    inode: u64,
}

impl MapObject for Anonymous {
    fn page(&self, _index: u64, _access: MapAccess) -> Result<Frame> {
        Err(Errno::EFAULT)
    }
    fn identity(&self) -> u64 {
        self.cache.identity()
    }
    fn size(&self) -> u64 {
        self.cache.size()
    }
    fn dev_ino(&self) -> (u64, u64) {
        (14, self.inode)
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("/anon_hugepage (deleted)")
    }
    fn may_write(&self) -> bool {
        true
    }
    fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        self.cache.attach(user)
    }
    fn detach(&self, token: MapToken) {
        self.cache.detach(token);
    }
    fn huge(&self) -> Option<&HugeCache> {
        Some(&self.cache)
    }
    fn punch(&self, from: u64, to: u64) -> Result<()> {
        self.cache.punch_bytes(from, to);
        Ok(())
    }
}

/// What mmap(2) is asked for, once huge pages are named by an object and the length is theirs. `EINVAL`: no such size, not a
/// file of huge pages, or an offset within one.
pub(crate) fn request(mut r: MmapRequest) -> Result<MmapRequest> {
    static INODE: AtomicU64 = AtomicU64::new(1024);
    let Some(object) = &r.backing else {
        huge_size(r.flags >> abi::raw::MAP_HUGE_SHIFT & abi::raw::MAP_HUGE_MASK)?;
        r.len = huge_ceil(r.len).ok_or(Errno::ENOMEM)?;
        r.offset = 0;
        r.backing = Some(kmem::try_arc(Anonymous {
            cache: HugeCache::new(None, r.len as u64),
            inode: INODE.fetch_add(1, Ordering::Relaxed),
        })?);
        return Ok(r);
    };
    if object.huge().is_none() {
        return if r.flags & MAP_HUGETLB != 0 {
            Err(Errno::EINVAL)
        } else {
            Ok(r)
        };
    }
    if !r.offset.is_multiple_of(HUGE_SIZE as u64) {
        return Err(Errno::EINVAL);
    }
    r.len = huge_ceil(r.len).ok_or(Errno::ENOMEM)?;
    Ok(r)
}

impl Areas {
    /// Where a mapping of huge pages goes. `EINVAL`: a fixed address within one; and what [`Areas::place`] answers.
    pub(crate) fn place_huge(
        &self,
        addr: usize,
        len: usize,
        flags: u32,
        low_allowed: bool,
    ) -> Result<usize> {
        if flags & (MAP_FIXED | MAP_FIXED_NOREPLACE) != 0 {
            if addr & MASK != 0 {
                return Err(Errno::EINVAL);
            }
            return self.place(addr, len, flags, low_allowed);
        }
        let hint = addr & !MASK;
        if hint != 0 {
            let at = self.place(hint, len, flags, low_allowed)?;
            if at & MASK == 0 {
                return Ok(at);
            }
        }
        let room = len
            .checked_add(HUGE_SIZE - PAGE_SIZE)
            .filter(|room| *room <= USER_END)
            .ok_or(Errno::ENOMEM)?;
        let at = self.place(0, room, flags, low_allowed)?;
        huge_ceil(at).ok_or(Errno::ENOMEM)
    }

    /// Whether areas may be cut at `at`. `EINVAL`: not within a huge page.
    pub(crate) fn may_cut(&self, at: usize) -> Result<()> {
        let inside = |a: &Area<Vma>| a.start < at && a.data.flags.contains(VmFlags::HUGETLB);
        if at & MASK != 0 && self.map.find(at).is_some_and(inside) {
            Err(Errno::EINVAL)
        } else {
            Ok(())
        }
    }
}
