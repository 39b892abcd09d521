//! How files and memory mappings meet.
use crate::huge::HugeCache;
use crate::users::{MapToken, MapUser};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::fmt;
use kmem::frame::Frame;

/// What a fault wants a page for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapAccess {
    /// To read it, or to copy it for a private mapping.
    Read,
    /// To write to it through a shared mapping: it counts as dirty from now on.
    Write,
}

/// Where an area lies that maps an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapPlace {
    /// First address.
    pub start: usize,
    /// One past the last.
    pub end: usize,
    /// Page of the object at the first address.
    pub first: u64,
    /// What the area allows and is: bits of `mm::VmFlags`.
    pub flags: u32,
}

/// An object of which each area that maps it has its own, as drivers have it: they are told where each lies. All calls come
/// with the address space's areas locked for changes.
pub trait PerArea {
    /// mmap(2) is about to make the first area: answers what its flags become. Any error is that of mmap(2).
    fn begin(&self, place: MapPlace) -> Result<u32>;

    /// The object of one more area, after a fork, a cut or a move; attached as this one is. ENOMEM.
    fn again(&self, place: MapPlace) -> Result<Arc<dyn MapObject>>;

    /// The area lies there now.
    fn placed(&self, place: MapPlace);
}

/// What can stand behind a mapping: a file's pages, or a device's.
pub trait MapObject: Send + Sync {
    /// The page at `index` (in pages from the start of the object); may sleep.
    ///
    /// # Errors
    /// EFAULT: beyond the end (SIGBUS); ENOSPC or EIO: it cannot be had (SIGBUS); EACCES: nothing is there (SIGSEGV); EAGAIN:
    /// the access is to be tried again; ENOMEM.
    fn page(&self, index: u64, access: MapAccess) -> Result<Frame>;

    /// The page at `index` if it is in memory and inside the object: for faulting around; does not sleep.
    fn cached(&self, _index: u64) -> Option<Frame> {
        None
    }

    /// The pages from `first` on as [`cached`](Self::cached) has them, one for each place of `pages`, which hold `None`.
    fn cached_range(&self, first: u64, pages: &mut [Option<Frame>]) {
        for (n, page) in pages.iter_mut().enumerate() {
            *page = self.cached(first + n as u64);
        }
    }

    /// Names the memory behind it: two objects with one identity map the same pages.
    fn identity(&self) -> u64;

    /// Length in bytes; pages that begin at or after it raise SIGBUS.
    fn size(&self) -> u64;

    /// Device and inode number, for `/proc/PID/maps`.
    fn dev_ino(&self) -> (u64, u64);

    /// Writes the path, for `/proc/PID/maps`.
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result;

    /// Whether the pages behind a shared mapping of it may be written (the file was opened for writing).
    fn may_write(&self) -> bool;

    /// Whether a mapping may share its pages, and write to them if `writes`. EPERM: it is sealed.
    fn share(&self, _writes: bool) -> Result<()> {
        Ok(())
    }

    /// Whether it may be executed (no `noexec` mount).
    fn may_exec(&self) -> bool {
        true
    }

    /// Notes that `user` maps pages of it and is to be called when they go. ENOMEM.
    fn attach(&self, _user: Weak<dyn MapUser>) -> Result<MapToken> {
        Ok(MapToken::NONE)
    }

    /// Takes a note of [`attach`](Self::attach) back.
    fn detach(&self, _token: MapToken) {}

    /// Itself, if each area is to have its own.
    fn per_area(&self) -> Option<&dyn PerArea> {
        None
    }

    /// Whether shmdt(2) takes areas of it away: it is System V shared memory.
    fn is_sysv(&self) -> bool {
        false
    }

    /// Makes a hole of bytes `from..to` (`MADV_REMOVE`). EOPNOTSUPP: it cannot have holes; EPERM: it is sealed.
    fn punch(&self, _from: u64, _to: u64) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Its huge pages, if it is made of such: then none of the single pages above.
    fn huge(&self) -> Option<&HugeCache> {
        None
    }

    /// Writes dirty pages `first..=last` to where they are kept (msync(2)). EIO.
    fn sync(&self, _first: u64, _last: u64) -> Result<()> {
        Ok(())
    }
}
