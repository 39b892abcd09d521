//! The huge pages of one inode: as the page cache holds single pages, but reserved ahead of use, and all there is.
//!
//! What a shared mapping reserves belongs to the inode until it is shortened or goes, whatever becomes of the mapping.
use crate::users::{MapToken, MapUser, Unmapped, Users};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicU64, Ordering};
use kmem::frame::{HUGE_SIZE, HugePage, promise_huge, reserve_huge, unreserve_huge};
use sync::{LockClass, Mutex, SpinLock, rank};
use xarray::XArray;

static SLOTS: LockClass = LockClass::new("pagecache.huge", rank::PAGE_CACHE_FILL);
static LIMITS: LockClass = LockClass::new("pagecache.huge-limits", rank::NONE);
static IDENTITY: AtomicU64 = AtomicU64::new(1 << 63);

/// Single pages in a huge one.
pub const PER_HUGE: u64 = (HUGE_SIZE / abi::PAGE_SIZE) as u64;

/// How many huge pages the files of one mount may take, and how many are kept for them.
pub struct HugeLimits {
    most: Option<u64>,
    least: u64,
    counts: SpinLock<Counts>,
}

struct Counts {
    used: u64,
    /// Kept for the mount and not in use.
    kept: u64,
}

impl HugeLimits {
    /// ENOMEM: `least` pages can't be had.
    pub fn new(most: Option<u64>, least: u64) -> Result<Self> {
        let pages = usize::try_from(least).map_err(|_| Errno::ENOMEM)?;
        reserve_huge(pages)?;
        Ok(Self {
            most,
            least,
            counts: SpinLock::new(
                &LIMITS,
                Counts {
                    used: 0,
                    kept: least,
                },
            ),
        })
    }

    /// The most, and how many are in use.
    pub fn usage(&self) -> (Option<u64>, u64) {
        (self.most, self.counts.lock().used)
    }

    /// The least.
    pub fn least(&self) -> u64 {
        self.least
    }

    /// Takes room for pages; how many of them the pool has yet to promise. ENOSPC.
    fn take(&self, pages: u64) -> Result<u64> {
        let mut counts = self.counts.lock();
        let used = counts.used.checked_add(pages).ok_or(Errno::ENOSPC)?;
        if self.most.is_some_and(|most| used > most) {
            return Err(Errno::ENOSPC);
        }
        counts.used = used;
        let kept = counts.kept.min(pages);
        counts.kept -= kept;
        Ok(pages - kept)
    }

    /// Gives room back; how many of the pages the pool's promise is to be taken back of.
    fn give(&self, pages: u64) -> u64 {
        let mut counts = self.counts.lock();
        counts.used -= pages;
        let wanted = self.least.saturating_sub(counts.used + counts.kept);
        let kept = wanted.min(pages);
        counts.kept += kept;
        pages - kept
    }
}

impl Drop for HugeLimits {
    fn drop(&mut self) {
        unreserve_huge(self.counts.get_mut().kept as usize);
    }
}

enum Slot {
    Reserved,
    Page(HugePage),
}

/// The huge pages of one inode, by their number. Lock order: `slots` (sleeping) → the pool's.
pub struct HugeCache {
    slots: Mutex<XArray<Slot>>,
    limits: Option<Arc<HugeLimits>>,
    /// Bytes; what counts for mappings.
    size: AtomicU64,
    users: Users,
    identity: u64,
}

impl HugeCache {
    /// An empty one of so many bytes.
    pub fn new(limits: Option<Arc<HugeLimits>>, size: u64) -> Self {
        Self {
            slots: Mutex::new(&SLOTS, XArray::new()),
            limits,
            size: AtomicU64::new(size),
            users: Users::new(),
            identity: IDENTITY.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// See [`crate::MapObject::identity`].
    pub const fn identity(&self) -> u64 {
        self.identity
    }

    /// Its length in bytes.
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::SeqCst)
    }

    /// Makes it at least so long.
    pub fn lengthen(&self, size: u64) {
        self.size.fetch_max(size, Ordering::SeqCst);
    }

    /// How many pages it has.
    pub fn nr_pages(&self) -> u64 {
        let slots = self.slots.lock();
        slots
            .iter()
            .filter(|(_, slot)| matches!(slot, Slot::Page(_)))
            .count() as u64
    }

    fn take_room(&self, pages: u64) -> Result<u64> {
        self.limits
            .as_ref()
            .map_or(Ok(pages), |limits| limits.take(pages))
    }

    fn give_room(&self, pages: u64) -> u64 {
        self.limits
            .as_ref()
            .map_or(pages, |limits| limits.give(pages))
    }

    /// Reserves pages `first..end` as far as they are not. ENOMEM: not so many can be had; nothing was changed.
    pub fn reserve(&self, first: u64, end: u64) -> Result<()> {
        let mut slots = self.slots.lock();
        let there = slots
            .iter()
            .filter(|(index, _)| (first..end).contains(index))
            .count() as u64;
        let missing = end.saturating_sub(first) - there;
        let promised = self.take_room(missing).map_err(|_| Errno::ENOMEM)?;
        let pages = usize::try_from(promised).map_err(|_| Errno::ENOMEM)?;
        if let Err(e) = reserve_huge(pages) {
            self.give_room(missing);
            return Err(e);
        }
        for index in first..end {
            if slots.get(index).is_none() && slots.insert_alloc(index, Slot::Reserved).is_err() {
                // No memory for the note of this and the following: their room goes back.
                let missing = (index..end).filter(|index| slots.get(*index).is_none());
                unreserve_huge(self.give_room(missing.count() as u64) as usize);
                return Err(Errno::ENOMEM);
            }
        }
        Ok(())
    }

    /// The page at `index` if it is there.
    pub fn lookup(&self, index: u64) -> Option<HugePage> {
        match self.slots.lock().get(index) {
            Some(Slot::Page(page)) => Some(page.clone()),
            _ => None,
        }
    }

    /// The page at `index`, made if it is not there: of the reserve, if it is reserved. EFAULT: beyond the end; ENOSPC: none is
    /// left.
    pub fn page(&self, index: u64) -> Result<HugePage> {
        if index >= self.size().div_ceil(HUGE_SIZE as u64) {
            return Err(Errno::EFAULT);
        }
        self.bring_in(index)
    }

    fn bring_in(&self, index: u64) -> Result<HugePage> {
        let mut slots = self.slots.lock();
        if let Some(slot) = slots.get_mut(index) {
            if let Slot::Page(page) = slot {
                return Ok(page.clone());
            }
            let page = HugePage::promised().map_err(|_| Errno::ENOSPC)?;
            *slot = Slot::Page(page.clone());
            return Ok(page);
        }
        let unpromised = self.take_room(1)?;
        let page = if unpromised == 0 {
            HugePage::promised()
        } else {
            HugePage::unpromised()
        };
        let page = page.map_err(|_| {
            self.give_room(1);
            Errno::ENOSPC
        })?;
        if slots.insert_alloc(index, Slot::Page(page.clone())).is_err() {
            // What was kept for the mount is kept again before the page is free.
            if self.give_room(1) == 0 {
                promise_huge(1);
            }
            return Err(Errno::ENOMEM);
        }
        Ok(page)
    }

    /// Brings pages `first..end` in (fallocate(2)). ENOSPC; what was had before stays.
    pub fn bring_in_all(&self, first: u64, end: u64) -> Result<()> {
        (first..end).try_for_each(|index| self.bring_in(index).map(drop))
    }

    /// Makes it `size` bytes long: what lies beyond goes, its reservations too. The caller holds the inode's lock.
    pub fn set_size(&self, size: u64) {
        let old = self.size.swap(size, Ordering::SeqCst);
        if size < old {
            let first = size.div_ceil(HUGE_SIZE as u64);
            self.unmap(first, u64::MAX / PER_HUGE, Unmapped::Truncated);
            self.drop_slots(first, u64::MAX, true);
        }
    }

    /// Makes a hole of pages `first..end`; reservations of pages that are not there stay.
    pub fn punch(&self, first: u64, end: u64) {
        if first < end {
            self.unmap(first, end - 1, Unmapped::Punched);
            self.drop_slots(first, end - 1, false);
            // Whoever mapped one meanwhile has what is no page of ours any more.
            self.unmap(first, end - 1, Unmapped::Punched);
        }
    }

    /// Makes bytes `from..to` zeros: whole pages become a hole.
    pub fn punch_bytes(&self, from: u64, to: u64) {
        let size = HUGE_SIZE as u64;
        let (first, end) = (from.div_ceil(size), to / size);
        if first <= end {
            self.zero(from, first * size);
            self.punch(first, end);
            self.zero(end * size, to);
        } else {
            self.zero(from, to);
        }
    }

    /// Makes bytes `from..to`, which lie in one page, zeros.
    fn zero(&self, from: u64, to: u64) {
        if from < to
            && let Some(page) = self.lookup(from / HUGE_SIZE as u64)
        {
            page.fill_zero(from as usize % HUGE_SIZE, (to - from) as usize);
        }
    }

    fn unmap(&self, first: u64, last: u64, why: Unmapped) {
        if !self.users.is_empty() {
            let end = last.saturating_mul(PER_HUGE).saturating_add(PER_HUGE - 1);
            self.users.unmap(self.identity, first * PER_HUGE, end, why);
        }
    }

    /// Takes what stands for page `index` from private mappings that were not promised it.
    pub fn steal(&self, index: u64) {
        self.unmap(index, index, Unmapped::Stolen);
    }

    fn drop_slots(&self, first: u64, last: u64, reserved: bool) {
        let mut from = first;
        loop {
            let gone = {
                let mut slots = self.slots.lock();
                let Some((index, slot)) = slots.next(from).filter(|(index, _)| *index <= last)
                else {
                    return;
                };
                from = index + 1;
                if !reserved && matches!(slot, Slot::Reserved) {
                    continue;
                }
                slots.remove(index)
            };
            if let Some(slot) = gone {
                self.put(slot);
            }
        }
    }

    fn put(&self, slot: Slot) {
        let back = self.give_room(1);
        match slot {
            Slot::Reserved => unreserve_huge(back as usize),
            // Kept for the mount: promised again before it is free.
            Slot::Page(_page) if back == 0 => promise_huge(1),
            Slot::Page(_) => {}
        }
    }

    /// See [`crate::MapObject::attach`].
    pub fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        self.users.attach(user)
    }

    /// See [`crate::MapObject::detach`].
    pub fn detach(&self, token: MapToken) {
        self.users.detach(token);
    }

    /// Whether somebody shares pages of it by a mapping that may be written.
    pub fn is_shared(&self) -> bool {
        self.users.any(|user| user.shares(self.identity))
    }
}

impl Drop for HugeCache {
    fn drop(&mut self) {
        self.drop_slots(0, u64::MAX, true);
    }
}
