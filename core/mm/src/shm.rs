//! `MAP_SHARED | MAP_ANONYMOUS`: an object without a name, whose page cache is all there is of it.
use abi::{Errno, PAGE_SHIFT, Result};
use alloc::sync::{Arc, Weak};
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};
use kmem::frame::Frame;
use pagecache::{MapAccess, MapObject, MapToken, MapUser, PageCache, PageSource};

struct Memory;

impl PageSource for Memory {
    fn is_memory(&self) -> bool {
        true
    }
}

/// Shared anonymous memory; lives as long as somebody maps it.
struct Shared {
    cache: PageCache,
    pages: u64,
    inode: u64,
    /// Promised for it, given back at the end.
    committed: usize,
}

/// A new object of so many pages, charged unless `no_reserve`. `ENOMEM`.
pub(crate) fn new(pages: usize, no_reserve: bool) -> Result<Arc<dyn MapObject>> {
    static INODE: AtomicU64 = AtomicU64::new(1024);
    let committed = if no_reserve { 0 } else { pages };
    crate::commit::charge(committed)?;
    let source = kmem::try_arc(Memory).inspect_err(|_| crate::commit::uncharge(committed))?;
    let object = Shared {
        cache: PageCache::new(source),
        pages: pages as u64,
        inode: INODE.fetch_add(1, Ordering::Relaxed),
        committed,
    };
    Ok(kmem::try_arc(object)?)
}

impl Drop for Shared {
    fn drop(&mut self) {
        crate::commit::uncharge(self.committed);
    }
}

impl MapObject for Shared {
    fn page(&self, index: u64, _access: MapAccess) -> Result<Frame> {
        if index < self.pages {
            self.cache.get_page(index)
        } else {
            Err(Errno::EFAULT)
        }
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        self.cache.lookup(index)
    }
    fn cached_range(&self, first: u64, pages: &mut [Option<Frame>]) {
        let len = pages.len().min(self.pages.saturating_sub(first) as usize);
        self.cache.lookup_range(first, &mut pages[..len]);
    }
    fn identity(&self) -> u64 {
        self.cache.identity()
    }
    fn size(&self) -> u64 {
        self.pages << PAGE_SHIFT
    }
    fn dev_ino(&self) -> (u64, u64) {
        (1, self.inode)
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        out.write_str("/dev/zero (deleted)")
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
    fn punch(&self, from: u64, to: u64) -> Result<()> {
        self.cache.punch(from, to);
        Ok(())
    }
}
