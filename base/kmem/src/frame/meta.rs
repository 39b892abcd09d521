//! What is known of each page: 64 bytes, one cache line.
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

bitflags::bitflags! {
    /// State of a page in use. The page cache, mm and drivers agree on these; kmem only clears them at allocation.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct PageFlags: u32 {
        /// Locked for I/O or truncation.
        const LOCKED = 1 << 0;
        /// The content is valid.
        const UPTODATE = 1 << 1;
        /// Newer than its backing store.
        const DIRTY = 1 << 2;
        /// Being written back.
        const WRITEBACK = 1 << 3;
        /// Anonymous: the owner word names an address space's reverse map, not a file.
        const ANON = 1 << 4;
        /// On an LRU list.
        const LRU = 1 << 5;
        /// On the active one of them.
        const ACTIVE = 1 << 6;
        /// Touched since last looked at.
        const REFERENCED = 1 << 7;
        /// Locked in memory (mlock(2)).
        const MLOCKED = 1 << 8;
        /// Somebody waits for `LOCKED` or `WRITEBACK` to go.
        const WAITERS = 1 << 9;
        /// The last I/O on it failed.
        const ERROR = 1 << 10;
        /// Read ahead: reaching it starts the next window.
        const READAHEAD = 1 << 11;
        /// Held by a page cache.
        const CACHED = 1 << 12;
        /// Came with the initrd.
        const ADOPTED = 1 << 13;
        /// Marked by a driver as not to be moved or counted (`SetPageReserved`).
        const RESERVED = 1 << 14;
    }
}

/// Metadata of one page frame. Its meaning while the page is free, slab or page table is kmem's; while it is a
/// [`Frame`](super::Frame) the words below belong to whoever owns the page.
#[repr(C, align(64))]
pub struct FrameMeta {
    pub(crate) refs: AtomicU32,
    mapcount: AtomicU32,
    flags: AtomicU32,
    /// [`Kind`](super::Kind) in the low byte, order in the next.
    pub(crate) kind: AtomicU32,
    owner: AtomicU64,
    pub(crate) index: AtomicU64,
    pub(crate) next: AtomicU32,
    pub(crate) prev: AtomicU32,
    pub(crate) group: AtomicU32,
    pub(crate) spare: AtomicU32,
    pub(crate) private: [AtomicU64; 2],
}
const _: () = assert!(size_of::<FrameMeta>() == 64);

impl FrameMeta {
    /// How many page-table entries hold it, if those who map it keep count.
    #[inline]
    pub fn mapcount(&self) -> u32 {
        self.mapcount.load(Ordering::Relaxed)
    }
    /// One more mapping; says how many there were.
    #[inline]
    pub fn inc_mapcount(&self) -> u32 {
        self.mapcount.fetch_add(1, Ordering::Relaxed)
    }
    /// One mapping less; says how many are left.
    #[inline]
    pub fn dec_mapcount(&self) -> u32 {
        self.mapcount.fetch_sub(1, Ordering::Relaxed) - 1
    }
    /// The flags.
    #[inline]
    pub fn flags(&self) -> PageFlags {
        PageFlags::from_bits_retain(self.flags.load(Ordering::Acquire))
    }
    /// Whether all of `flags` are set.
    #[inline]
    pub fn has(&self, flags: PageFlags) -> bool {
        self.flags().contains(flags)
    }
    /// Sets flags; says what they were.
    #[inline]
    pub fn set_flags(&self, flags: PageFlags) -> PageFlags {
        PageFlags::from_bits_retain(self.flags.fetch_or(flags.bits(), Ordering::AcqRel))
    }
    /// Clears flags; says what they were.
    #[inline]
    pub fn clear_flags(&self, flags: PageFlags) -> PageFlags {
        PageFlags::from_bits_retain(self.flags.fetch_and(!flags.bits(), Ordering::AcqRel))
    }
    /// Takes the page lock if it is free.
    #[inline]
    pub fn try_lock_page(&self) -> bool {
        !self
            .set_flags(PageFlags::LOCKED)
            .contains(PageFlags::LOCKED)
    }
    /// Releases the page lock; says whether somebody waits for it.
    #[inline]
    pub fn unlock_page(&self) -> bool {
        self.clear_flags(PageFlags::LOCKED | PageFlags::WAITERS)
            .contains(PageFlags::WAITERS)
    }
    /// Identity of the mapping (page cache, anonymous family) that the page belongs to; 0 for none.
    #[inline]
    pub fn owner(&self) -> u64 {
        self.owner.load(Ordering::Acquire)
    }
    /// Sets the owner.
    #[inline]
    pub fn set_owner(&self, owner: u64) {
        self.owner.store(owner, Ordering::Release);
    }
    /// Page number within its mapping.
    #[inline]
    pub fn index(&self) -> u64 {
        self.index.load(Ordering::Relaxed)
    }
    /// Sets the page number within its mapping.
    #[inline]
    pub fn set_index(&self, index: u64) {
        self.index.store(index, Ordering::Relaxed);
    }
    /// A word for the owner's use (a file system's per-page state).
    #[inline]
    pub fn private(&self) -> u64 {
        self.private[0].load(Ordering::Acquire)
    }
    /// Sets the owner's word.
    #[inline]
    pub fn set_private(&self, value: u64) {
        self.private[0].store(value, Ordering::Release);
    }

    /// As a page comes out of the allocator: one reference, nothing known.
    #[inline]
    pub(crate) fn reset(&self, kind: u32) {
        self.kind.store(kind, Ordering::Relaxed);
        self.mapcount.store(0, Ordering::Relaxed);
        self.flags.store(0, Ordering::Relaxed);
        self.owner.store(0, Ordering::Relaxed);
        self.index.store(0, Ordering::Relaxed);
        self.private[0].store(0, Ordering::Relaxed);
        self.refs.store(1, Ordering::Release);
    }
}
