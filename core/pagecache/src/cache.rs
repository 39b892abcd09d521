//! The pages of one inode.
use crate::users::{MapToken, MapUser, Unmapped, Users};
use abi::{Errno, PAGE_SHIFT, PAGE_SIZE, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use kmem::TryVec;
use kmem::charge::{Charge, charge};
use kmem::frame::{Frame, PageFlags};
use kmem::user::UserBuf;
use sync::{LockClass, SpinLock, rank};
use xarray::{NeedNodes, Spare, XArray};

static PAGES: LockClass = LockClass::new("pagecache.pages", rank::PAGE_CACHE);
static IDENTITY: AtomicU64 = AtomicU64::new(1);

/// Where an inode's data lives when it is not in memory.
pub trait PageSource: Send + Sync {
    /// Whether the cache is all there is: a page that is not cached reads as zeros, and none may be dropped.
    fn is_memory(&self) -> bool {
        false
    }

    /// Asks for room for one more page before it enters the cache. ENOSPC.
    fn charge(&self) -> Result<()> {
        Ok(())
    }

    /// Most pages that all caches over it may hold.
    fn capacity(&self) -> u64 {
        u64::MAX
    }

    /// Gives back the room of `pages` that left the cache.
    fn uncharge(&self, _pages: u64) {}

    /// Reads page `index` into a page that holds zeros. EIO, ENOMEM.
    fn fill(&self, _index: u64, _page: &Frame) -> Result<()> {
        Ok(())
    }

    /// Writes page `index` to where it is kept. EIO, ENOSPC.
    fn write_back(&self, _index: u64, _page: &Frame) -> Result<()> {
        Ok(())
    }
}

/// The cached pages of one inode. See the crate's front page.
pub struct PageCache {
    pages: SpinLock<XArray<Frame>>,
    source: Arc<dyn PageSource>,
    users: Users,
    identity: u64,
}

/// Moves `buf` by pieces that end with their page, from byte `pos` to `end`; `piece` gets a position, a length and the
/// buffer and says how much it moved. An error counts if nothing was moved before.
#[inline]
fn by_pages(
    mut pos: u64,
    end: u64,
    buf: &mut UserBuf<'_>,
    mut piece: impl FnMut(u64, usize, &mut UserBuf<'_>) -> Result<usize>,
) -> Result<usize> {
    let mut done = 0;
    while pos < end && !buf.is_empty() {
        let left = usize::try_from(end - pos).unwrap_or(usize::MAX);
        let len = to_page_end(pos).min(left).min(buf.remaining());
        match piece(pos, len, buf) {
            Ok(n) => {
                done += n;
                pos += n as u64;
                if n < len {
                    break;
                }
            }
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
    }
    Ok(done)
}

/// Bytes from `pos` to the end of its page.
const fn to_page_end(pos: u64) -> usize {
    PAGE_SIZE - (pos as usize & (PAGE_SIZE - 1))
}

const fn page_of(pos: u64) -> u64 {
    pos >> PAGE_SHIFT
}

impl PageCache {
    /// An empty cache over `source`.
    pub fn new(source: Arc<dyn PageSource>) -> Self {
        Self {
            pages: SpinLock::new(&PAGES, XArray::new()),
            source,
            users: Users::new(),
            identity: IDENTITY.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Names this cache among all; see [`crate::MapObject::identity`].
    pub const fn identity(&self) -> u64 {
        self.identity
    }

    /// Number of cached pages.
    pub fn nr_pages(&self) -> u64 {
        self.pages.lock().len() as u64
    }

    /// The page at `index` if it is cached.
    #[inline]
    pub fn lookup(&self, index: u64) -> Option<Frame> {
        self.pages.lock().get(index).cloned()
    }

    /// The pages from `first` on, as far as they are cached, one for each place of `pages`.
    pub fn lookup_range(&self, first: u64, pages: &mut [Option<Frame>]) {
        let cached = self.pages.lock();
        for (n, page) in pages.iter_mut().enumerate() {
            *page = cached.get(first + n as u64).cloned();
        }
    }

    /// The page at `index`, brought in if need be. ENOMEM, ENOSPC, EIO.
    #[inline]
    pub fn get_page(&self, index: u64) -> Result<Frame> {
        match self.lookup(index) {
            Some(page) => Ok(page),
            None => self.bring_in(index),
        }
    }

    /// Brings pages `first..end` in, all or none (fallocate(2)). ENOMEM, ENOSPC, EIO.
    pub fn bring_in_all(&self, first: u64, end: u64) -> Result<()> {
        if end.saturating_sub(first) > self.source.capacity() {
            return Err(Errno::ENOSPC);
        }
        // Runs of pages that were not there before.
        let mut added: Vec<(u64, u64)> = Vec::new();
        let mut index = first;
        let result = loop {
            if index >= end {
                return Ok(());
            }
            if self.lookup(index).is_none() {
                match added.last_mut().filter(|run| run.1 == index) {
                    Some(run) => run.1 += 1,
                    None => {
                        if let Err(e) = added.try_push((index, index + 1)) {
                            break Err(e);
                        }
                    }
                }
                if let Err(e) = self.get_page(index) {
                    break Err(e);
                }
            }
            index += 1;
        };
        for (from, to) in added {
            self.punch(from << PAGE_SHIFT, to << PAGE_SHIFT);
        }
        result
    }

    #[cold]
    fn bring_in(&self, index: u64) -> Result<Frame> {
        let page = Frame::zeroed()?;
        self.source.fill(index, &page)?;
        match self.insert(index, page.clone()) {
            Ok(()) => Ok(page),
            // Somebody was faster: theirs is the page.
            Err(Errno::EEXIST) => self.get_page(index),
            Err(e) => Err(e),
        }
    }

    /// Puts a page in whose content is already right. EEXIST, ENOMEM, ENOSPC.
    pub fn insert(&self, index: u64, page: Frame) -> Result<()> {
        self.source.charge()?;
        let inserted = self.insert_charged(index, page);
        match inserted {
            Ok(()) => charge(Charge::Cache, 1),
            Err(_) => self.source.uncharge(1),
        }
        inserted
    }

    fn insert_charged(&self, index: u64, mut page: Frame) -> Result<()> {
        page.meta().set_owner(self.identity);
        page.meta().set_index(index);
        let mut spare = Spare::new();
        loop {
            let need = {
                let mut pages = self.pages.lock();
                if pages.get(index).is_some() {
                    return Err(Errno::EEXIST);
                }
                match pages.insert(index, page, &mut spare) {
                    Ok(_) => return Ok(()),
                    Err(NeedNodes { value, nodes }) => {
                        page = value;
                        nodes
                    }
                }
            };
            // Allocated with no lock held; another insertion may change the number meanwhile, hence the loop.
            spare.reserve(need).map_err(|_| Errno::ENOMEM)?;
        }
    }

    /// Copies from byte `pos` of a file of `size` bytes into `buf`. EFAULT, EIO, ENOMEM, if nothing was copied.
    pub fn read(&self, pos: u64, size: u64, buf: &mut UserBuf<'_>) -> Result<usize> {
        by_pages(pos, size, buf, |pos, len, buf| {
            let offset = pos as usize & (PAGE_SIZE - 1);
            match self.lookup(page_of(pos)) {
                Some(page) => buf.copy_frame_to(&page, offset, len),
                None if self.source.is_memory() => buf.zero(len),
                None => {
                    let page = self.bring_in(page_of(pos))?;
                    buf.copy_frame_to(&page, offset, len)
                }
            }
        })
    }

    /// Copies all of `buf` to byte `pos` on. The caller holds the inode's lock and sets the size afterwards. EFAULT,
    /// ENOSPC, EIO, ENOMEM, if nothing was copied.
    pub fn write(&self, pos: u64, buf: &mut UserBuf<'_>) -> Result<usize> {
        by_pages(pos, u64::MAX, buf, |pos, len, buf| {
            self.write_page(pos, len, buf)
        })
    }

    fn write_page(&self, pos: u64, len: usize, buf: &mut UserBuf<'_>) -> Result<usize> {
        let (index, offset) = (page_of(pos), pos as usize & (PAGE_SIZE - 1));
        if let Some(page) = self.lookup(index) {
            let n = buf.copy_frame_from(&page, offset, len)?;
            page.meta().set_flags(PageFlags::DIRTY);
            return Ok(n);
        }
        // A page nobody sees yet, so that a fault in the middle leaves no half-written one.
        let page = if len == PAGE_SIZE {
            Frame::uninit()?
        } else {
            let page = Frame::zeroed()?;
            self.source.fill(index, &page)?;
            page
        };
        let n = buf.copy_frame_from(&page, offset, len)?;
        if len == PAGE_SIZE && n < len {
            page.fill_zero(n..PAGE_SIZE);
            self.refill(index, &page, n)?;
        }
        page.meta().set_flags(PageFlags::DIRTY);
        match self.insert(index, page.clone()) {
            Ok(()) => {}
            Err(Errno::EEXIST) => {
                let theirs = self.get_page(index)?;
                theirs.copy_part(offset, &page, offset, n);
                theirs.meta().set_flags(PageFlags::DIRTY);
            }
            Err(e) => return Err(e),
        }
        Ok(n)
    }

    /// Puts what the file holds behind the first `n` bytes of a page whose overwriting was cut short.
    #[cold]
    fn refill(&self, index: u64, page: &Frame, n: usize) -> Result<()> {
        if self.source.is_memory() {
            return Ok(());
        }
        let old = Frame::zeroed()?;
        self.source.fill(index, &old)?;
        page.copy_part(n, &old, n, PAGE_SIZE - n);
        Ok(())
    }

    /// Drops what lies at or beyond byte `size` and zeroes the rest of its last page, for a file whose size was just
    /// set to `size`. The caller holds the inode's lock.
    pub fn truncate(&self, size: u64) {
        let first = size.div_ceil(PAGE_SIZE as u64);
        if !self.users.is_empty() {
            self.users
                .unmap(self.identity, first, u64::MAX, Unmapped::Truncated);
        }
        self.drop_pages(first, u64::MAX);
        let offset = size as usize & (PAGE_SIZE - 1);
        if offset != 0
            && let Some(page) = self.lookup(page_of(size))
        {
            page.fill_zero(offset..PAGE_SIZE);
        }
    }

    /// Makes bytes `from..to` zeros; whole pages leave the cache. The caller holds the inode's lock.
    pub fn punch(&self, from: u64, to: u64) {
        let (first, end) = (from.div_ceil(PAGE_SIZE as u64), page_of(to));
        if first < end {
            self.zero_part(from, first << PAGE_SHIFT);
            if !self.users.is_empty() {
                self.users
                    .unmap(self.identity, first, end - 1, Unmapped::Punched);
            }
            self.drop_pages(first, end - 1);
            self.zero_part(end << PAGE_SHIFT, to);
        } else {
            let middle = (first << PAGE_SHIFT).clamp(from, to);
            self.zero_part(from, middle);
            self.zero_part(middle, to);
        }
    }

    /// Zeroes bytes of one page.
    fn zero_part(&self, from: u64, to: u64) {
        if from < to
            && let Some(page) = self.lookup(page_of(from))
        {
            let offset = from as usize & (PAGE_SIZE - 1);
            page.fill_zero(offset..offset + (to - from) as usize);
            page.meta().set_flags(PageFlags::DIRTY);
        }
    }

    fn drop_pages(&self, first: u64, last: u64) {
        /// Frames freed under one hold of the lock.
        const BATCH: usize = 16;
        loop {
            let mut batch: [Option<Frame>; BATCH] = [const { None }; BATCH];
            let mut taken = 0;
            {
                let mut pages = self.pages.lock();
                while taken < BATCH {
                    match pages.next(first) {
                        Some((index, _)) if index <= last => batch[taken] = pages.remove(index),
                        _ => break,
                    }
                    taken += 1;
                }
            }
            if taken > 0 {
                charge(Charge::Cache, -(taken as isize));
                self.source.uncharge(taken as u64);
            }
            if taken < BATCH {
                return;
            }
        }
    }

    /// The first cached page at or after `index` (for SEEK_DATA).
    pub fn next_page(&self, index: u64) -> Option<u64> {
        self.pages.lock().next(index).map(|(index, _)| index)
    }

    /// The first page at or after `index`, up to `last`, that is not cached (for SEEK_HOLE).
    pub fn next_hole(&self, index: u64, last: u64) -> Option<u64> {
        self.pages.lock().next_free(index, last)
    }

    /// Whether the cache is all there is.
    pub fn is_memory(&self) -> bool {
        self.source.is_memory()
    }

    /// Writes the dirty pages `first..=last` back. The first error; all pages are tried.
    pub fn sync(&self, first: u64, last: u64) -> Result<()> {
        if self.source.is_memory() {
            return Ok(());
        }
        let mut result = Ok(());
        let mut from = first;
        loop {
            let next = self
                .pages
                .lock()
                .next(from)
                .map(|(index, page)| (index, page.clone()));
            let Some((index, page)) = next.filter(|(index, _)| *index <= last) else {
                return result;
            };
            if page
                .meta()
                .clear_flags(PageFlags::DIRTY)
                .contains(PageFlags::DIRTY)
                && let Err(e) = self.source.write_back(index, &page)
            {
                page.meta().set_flags(PageFlags::DIRTY);
                result = result.and(Err(e));
            }
            let Some(after) = index.checked_add(1) else {
                return result;
            };
            from = after;
        }
    }

    /// See [`crate::MapObject::attach`].
    pub fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        self.users.attach(user)
    }

    /// Whether somebody shares pages of it by a mapping that may be written.
    pub fn is_shared(&self) -> bool {
        let identity = self.identity();
        self.users.any(|user| user.shares(identity))
    }

    /// See [`crate::MapObject::detach`].
    pub fn detach(&self, token: MapToken) {
        self.users.detach(token);
    }
}

impl Drop for PageCache {
    fn drop(&mut self) {
        let pages = self.pages.get_mut().len() as u64;
        if pages > 0 {
            charge(Charge::Cache, -(pages as isize));
            self.source.uncharge(pages);
        }
    }
}
