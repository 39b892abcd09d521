//! Huge pages: 2 MiB in a row, and the pool that they come from and go back to (`Documentation/admin-guide/mm/hugetlbpage`).
//!
//! The pool has `total` pages, of which `free` are nobody's. Of the free ones `reserved` are promised to mappings. What was
//! taken beyond the persistent pool, because overcommitting is allowed or because the pool was made smaller while pages were
//! in use, is `surplus`: so many go back to the allocator as they become free.
use super::{FrameMeta, Gfp, Kind, NO_MEMORY, alloc_order, free_order};
use crate::machine;
use abi::Result;
use core::mem::ManuallyDrop;
use core::ptr::NonNull;
use core::sync::atomic::{Ordering, fence};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use sync::{LockClass, SpinLock, rank};

/// log2 of the size in pages.
const ORDER: u8 = 9;
/// Bytes of a huge page.
pub const HUGE_SIZE: usize = PAGE_SIZE << ORDER;

static CLASS: LockClass = LockClass::new("huge-pages", rank::PAGE_TABLE);
static POOL: SpinLock<Pool> = SpinLock::new(
    &CLASS,
    Pool {
        list: None,
        counts: HugeCounts {
            total: 0,
            free: 0,
            reserved: 0,
            surplus: 0,
            most_surplus: 0,
        },
    },
);

/// How many huge pages there are, by what they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HugeCounts {
    /// All.
    pub total: usize,
    /// Nobody's.
    pub free: usize,
    /// Promised, and of the free ones.
    pub reserved: usize,
    /// Beyond the persistent pool.
    pub surplus: usize,
    /// Most of those (`nr_overcommit_hugepages`).
    pub most_surplus: usize,
}

impl HugeCounts {
    fn persistent(&self) -> usize {
        self.total - self.surplus
    }
    /// Free and not promised.
    fn available(&self) -> usize {
        self.free.saturating_sub(self.reserved)
    }
}

struct Pool {
    /// Free pages, linked by `next` of their metadata, which is a page number or `END`.
    list: Option<Pfn>,
    counts: HugeCounts,
}

const END: u32 = u32::MAX;

fn meta(page: Pfn) -> &'static FrameMeta {
    // SAFETY: metadata lives forever.
    unsafe { machine::meta_of(page).as_ref() }
}

impl Pool {
    fn put(&mut self, page: Pfn) {
        let next = self.list.map_or(END, |next| next as u32);
        meta(page).next.store(next, Ordering::Relaxed);
        self.list = Some(page);
        self.counts.free += 1;
    }

    fn take(&mut self) -> Option<Pfn> {
        let page = self.list?;
        let next = meta(page).next.load(Ordering::Relaxed);
        self.list = (next != END).then_some(next as Pfn);
        self.counts.free -= 1;
        Some(page)
    }
}

/// From the allocator. It is a page more or less: nobody is killed for it.
fn fresh() -> Option<Pfn> {
    alloc_order(ORDER, Gfp::NORETRY, Kind::Block)
}

/// One page more in the pool: of the surplus if `surplus`, and only where that is allowed.
fn grow(surplus: bool) -> bool {
    let full = |c: &HugeCounts| surplus && c.surplus >= c.most_surplus;
    if full(&huge_counts()) {
        return false;
    }
    let Some(page) = fresh() else { return false };
    let mut pool = POOL.lock();
    if full(&pool.counts) {
        drop(pool);
        free_order(page, ORDER);
        return false;
    }
    pool.counts.total += 1;
    pool.counts.surplus += usize::from(surplus);
    pool.put(page);
    true
}

/// Gives one free page back to the allocator.
fn shrink(surplus: bool) -> bool {
    let page = {
        let mut pool = POOL.lock();
        let Some(page) = pool.take() else {
            return false;
        };
        pool.counts.total -= 1;
        pool.counts.surplus -= usize::from(surplus);
        page
    };
    free_order(page, ORDER);
    true
}

/// The counts of this moment.
pub fn huge_counts() -> HugeCounts {
    POOL.lock().counts
}

/// Makes the persistent pool `count` pages large (`vm.nr_hugepages`), as far as memory is in pieces large enough, and no page
/// is promised or in use.
pub fn resize_huge_pool(count: usize) {
    {
        let c = &mut POOL.lock().counts;
        let kept = count.saturating_sub(c.persistent()).min(c.surplus);
        c.surplus -= kept;
    }
    if huge_counts().persistent() < count {
        super::drain_local();
        while huge_counts().persistent() < count {
            if !grow(false) {
                return;
            }
        }
    }
    loop {
        let c = huge_counts();
        if c.persistent() <= count || c.available() == 0 || !shrink(false) {
            break;
        }
    }
    // What is in use goes when it is no more.
    let c = &mut POOL.lock().counts;
    c.surplus += c.persistent().saturating_sub(count);
}

/// Sets `vm.nr_overcommit_hugepages`.
pub fn set_huge_overcommit(most: usize) {
    POOL.lock().counts.most_surplus = most;
}

/// Promises pages, which [`HugePage::promised`] then finds. ENOMEM: not so many are free, and no more may or can be had.
pub fn reserve_huge(pages: usize) -> Result<()> {
    let mut added = 0;
    loop {
        {
            let c = &mut POOL.lock().counts;
            if c.available() >= pages {
                c.reserved += pages;
                return Ok(());
            }
        }
        if added < pages && grow(true) {
            added += 1;
            continue;
        }
        while added > 0 && huge_counts().available() > 0 && shrink_surplus() {
            added -= 1;
        }
        return Err(NO_MEMORY);
    }
}

/// Takes a promise back.
pub fn unreserve_huge(pages: usize) {
    let back = {
        let c = &mut POOL.lock().counts;
        debug_assert!(c.reserved >= pages);
        c.reserved = c.reserved.saturating_sub(pages);
        pages.min(c.surplus)
    };
    for _ in 0..back {
        if huge_counts().available() == 0 || !shrink_surplus() {
            return;
        }
    }
}

/// Promises pages that are about to become free.
pub fn promise_huge(pages: usize) {
    POOL.lock().counts.reserved += pages;
}

fn shrink_surplus() -> bool {
    huge_counts().surplus > 0 && shrink(true)
}

/// 2 MiB of memory, counted as a [`Frame`](super::Frame) is; the last handle gives them back to the pool.
pub struct HugePage(NonNull<FrameMeta>);

// SAFETY: the handle gives access to atomics and, by copies, to memory that may be shared anyway.
unsafe impl Send for HugePage {}
// SAFETY: as above.
unsafe impl Sync for HugePage {}

impl HugePage {
    /// One of those that were promised to the caller, filled with zeros. ENOMEM: none was.
    pub fn promised() -> Result<Self> {
        let page = {
            let mut pool = POOL.lock();
            if pool.counts.reserved == 0 {
                return Err(NO_MEMORY);
            }
            let page = pool.take().ok_or(NO_MEMORY)?;
            pool.counts.reserved -= 1;
            page
        };
        Ok(Self::out(page))
    }

    /// One that was promised to nobody, filled with zeros. ENOMEM.
    pub fn unpromised() -> Result<Self> {
        loop {
            {
                let mut pool = POOL.lock();
                if pool.counts.available() > 0
                    && let Some(page) = pool.take()
                {
                    drop(pool);
                    return Ok(Self::out(page));
                }
            }
            if !grow(true) {
                return Err(NO_MEMORY);
            }
        }
    }

    fn out(page: Pfn) -> Self {
        meta(page).reset(Kind::Block as u32);
        let new = Self(machine::meta_of(page));
        // SAFETY: the page is off every list, so it is ours.
        unsafe { machine::zero(new.ptr(), HUGE_SIZE) };
        new
    }

    /// Number of its first page.
    pub fn pfn(&self) -> Pfn {
        machine::pfn_of(self.0)
    }
    /// Its physical address.
    pub fn paddr(&self) -> PhysAddr {
        PhysAddr::from_pfn(self.pfn())
    }
    /// How many references there are, this one included.
    pub fn refs(&self) -> u32 {
        meta(self.pfn()).refs.load(Ordering::Acquire)
    }
    /// How many places map it.
    pub fn mapcount(&self) -> u32 {
        meta(self.pfn()).mapcount()
    }
    fn ptr(&self) -> *mut u8 {
        machine::phys_to_virt(self.paddr())
    }
    #[track_caller]
    fn at(&self, offset: usize, len: usize) -> *mut u8 {
        assert!(
            offset <= HUGE_SIZE && len <= HUGE_SIZE - offset,
            "beyond the page: {offset}+{len}"
        );
        self.ptr().wrapping_add(offset)
    }
    /// Hands bytes of it, checked to lie in it, to `f`.
    #[track_caller]
    pub(super) fn with_bytes(&self, offset: usize, len: usize, f: impl FnOnce(*const u8)) {
        f(self.at(offset, len));
    }
    /// Copies from the page. Panics when the range leaves it; so do the following.
    #[track_caller]
    pub fn read(&self, offset: usize, dst: &mut [u8]) {
        let src = self.at(offset, dst.len());
        // SAFETY: `at` checked the range; the page lives while the handle does; the copy tolerates concurrent stores.
        unsafe { machine::copy(dst.as_mut_ptr(), src, dst.len()) }
    }
    /// Copies into the page.
    #[track_caller]
    pub fn write(&self, offset: usize, src: &[u8]) {
        let dst = self.at(offset, src.len());
        // SAFETY: as in `read`.
        unsafe { machine::copy(dst, src.as_ptr(), src.len()) }
    }
    /// Fills bytes with zeros.
    #[track_caller]
    pub fn fill_zero(&self, offset: usize, len: usize) {
        let dst = self.at(offset, len);
        // SAFETY: as in `read`.
        unsafe { machine::zero(dst, len) }
    }
    /// Copies all of another one.
    pub fn copy_from(&self, src: &Self) {
        for offset in (0..HUGE_SIZE).step_by(PAGE_SIZE) {
            // SAFETY: two live pages, aligned.
            unsafe { machine::copy_page(self.at(offset, PAGE_SIZE), src.at(offset, PAGE_SIZE)) }
        }
    }

    /// One more place maps it.
    pub(crate) fn count_map(&self) {
        meta(self.pfn()).inc_mapcount();
    }
    /// A place does not map it any more; its reference goes too.
    pub(crate) fn unmapped(self) {
        meta(self.pfn()).dec_mapcount();
    }

    /// As a bare pointer to its metadata; the reference goes with it.
    pub(crate) fn into_meta(self) -> NonNull<FrameMeta> {
        ManuallyDrop::new(self).0
    }
    /// # Safety
    /// `meta` is that of a huge page and carries one reference, which the handle takes over.
    pub(crate) unsafe fn from_meta(meta: NonNull<FrameMeta>) -> Self {
        Self(meta)
    }
}

impl Clone for HugePage {
    fn clone(&self) -> Self {
        meta(self.pfn()).refs.fetch_add(1, Ordering::Relaxed);
        Self(self.0)
    }
}

impl Drop for HugePage {
    fn drop(&mut self) {
        let page = self.pfn();
        if meta(page).refs.fetch_sub(1, Ordering::Release) != 1 {
            return;
        }
        fence(Ordering::Acquire);
        let mut pool = POOL.lock();
        // A promise that is not met yet keeps it.
        if pool.counts.surplus == 0 || pool.counts.free < pool.counts.reserved {
            return pool.put(page);
        }
        pool.counts.total -= 1;
        pool.counts.surplus -= 1;
        drop(pool);
        free_order(page, ORDER);
    }
}

impl core::fmt::Debug for HugePage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "HugePage({:#x}, refs {})", self.paddr().0, self.refs())
    }
}
