//! How much a file system may hold, and how much it does.
use crate::options::Options;
use abi::{Errno, PAGE_SIZE, Result};
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};
use pagecache::PageSource;
use vfs::StatFs;

/// A count with a limit; limit 0 is none.
struct Quota {
    used: AtomicU64,
    limit: AtomicU64,
}

impl Quota {
    const fn new(limit: u64) -> Self {
        Self {
            used: AtomicU64::new(0),
            limit: AtomicU64::new(limit),
        }
    }

    #[inline]
    fn take(&self) -> Result<()> {
        let used = self.used.fetch_add(1, Ordering::Relaxed);
        let limit = self.limit.load(Ordering::Relaxed);
        if limit != 0 && used >= limit {
            self.give(1);
            return Err(Errno::ENOSPC);
        }
        Ok(())
    }

    fn give(&self, n: u64) {
        self.used.fetch_sub(n, Ordering::Relaxed);
    }

    fn get(&self) -> (u64, u64) {
        (
            self.used.load(Ordering::Relaxed),
            self.limit.load(Ordering::Relaxed),
        )
    }
}

/// The limits of one file system. As [`PageSource`] it answers for the pages of all its files.
pub(crate) struct Limits {
    pages: Quota,
    inodes: Quota,
    /// What both limits are when nothing is said.
    default: u64,
}

impl Limits {
    pub(crate) fn new(options: &Options) -> Self {
        let half = kmem::frame::stats().total as u64 / 2;
        Self {
            pages: Quota::new(options.pages.unwrap_or(half)),
            inodes: Quota::new(options.inodes.unwrap_or(half)),
            default: half,
        }
    }

    /// Takes the new limits of a remount. EINVAL: less than is used.
    pub(crate) fn change(&self, options: &Options) -> Result<()> {
        let fits = |quota: &Quota, limit: Option<u64>| match limit {
            Some(limit) if limit != 0 => quota.get().0 <= limit,
            _ => true,
        };
        if !fits(&self.pages, options.pages) || !fits(&self.inodes, options.inodes) {
            return Err(Errno::EINVAL);
        }
        for (quota, limit) in [(&self.pages, options.pages), (&self.inodes, options.inodes)] {
            if let Some(limit) = limit {
                quota.limit.store(limit, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// Takes room for one more inode. ENOSPC.
    pub(crate) fn take_inode(&self) -> Result<()> {
        self.inodes.take()
    }

    pub(crate) fn free_inode(&self) {
        self.inodes.give(1);
    }

    pub(crate) fn report(&self, stat: &mut StatFs) {
        let (used, limit) = self.pages.get();
        if limit != 0 {
            stat.blocks = limit;
            stat.blocks_free = limit.saturating_sub(used);
            stat.blocks_available = stat.blocks_free;
        }
        let (used, limit) = self.inodes.get();
        if limit != 0 {
            stat.files = limit;
            stat.files_free = limit.saturating_sub(used);
        }
    }

    /// Most inodes, and how many more there may be.
    pub(crate) fn inodes(&self) -> (u64, u64) {
        let (used, limit) = self.inodes.get();
        (limit, limit.saturating_sub(used))
    }

    pub(crate) fn show(&self, out: &mut dyn Write) -> core::fmt::Result {
        let (_, pages) = self.pages.get();
        if pages != self.default {
            write!(out, ",size={}k", pages * (PAGE_SIZE as u64 / 1024))?;
        }
        let (_, inodes) = self.inodes.get();
        if inodes != self.default {
            write!(out, ",nr_inodes={inodes}")?;
        }
        Ok(())
    }
}

impl PageSource for Limits {
    fn is_memory(&self) -> bool {
        true
    }

    #[inline]
    fn charge(&self) -> Result<()> {
        self.pages.take()
    }

    fn capacity(&self) -> u64 {
        match self.pages.get().1 {
            0 => u64::MAX,
            limit => limit,
        }
    }

    fn uncharge(&self, pages: u64) {
        self.pages.give(pages);
    }
}
