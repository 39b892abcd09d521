//! How files and memory mappings meet.
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use kmem::Reserved;
use kmem::TryVec;
use kmem::frame::Frame;
use sync::{LockClass, SpinLock, rank};

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

    /// Writes dirty pages `first..=last` to where they are kept (msync(2)). EIO.
    fn sync(&self, _first: u64, _last: u64) -> Result<()> {
        Ok(())
    }
}

/// The place of one note of [`MapObject::attach`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapToken(u32);

impl MapToken {
    /// Of an object that keeps no notes.
    pub const NONE: Self = Self(u32::MAX);
}

/// Why pages went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmapped {
    /// The file became shorter: private copies of its pages go as well.
    Truncated,
    /// A hole was punched: private copies stay.
    Punched,
}

/// Somebody that maps pages of an object: an address space.
pub trait MapUser: Send + Sync {
    /// Removes pages `first..=last` of the object with this identity from the page tables. No lock is held; must not
    /// call back into the object.
    fn unmap_pages(&self, identity: u64, first: u64, last: u64, why: Unmapped);

    /// Whether it shares pages of the object, which it may write. As above.
    fn shares(&self, identity: u64) -> bool;
}

static USERS: LockClass = LockClass::new("pagecache.users", rank::PAGE_CACHE);

/// The notes of [`MapObject::attach`].
pub(crate) struct Users {
    list: SpinLock<List>,
}

#[derive(Default)]
struct List {
    slots: Vec<Option<Weak<dyn MapUser>>>,
    free: Vec<u32>,
}

impl Users {
    pub(crate) const fn new() -> Self {
        Self {
            list: SpinLock::new(
                &USERS,
                List {
                    slots: Vec::new(),
                    free: Vec::new(),
                },
            ),
        }
    }

    pub(crate) fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        let mut list = self.list.lock();
        if let Some(slot) = list.free.pop() {
            list.slots[slot as usize] = Some(user);
            return Ok(MapToken(slot));
        }
        let slot = u32::try_from(list.slots.len()).map_err(|_| Errno::ENOMEM)?;
        // Room to free every slot, so that detaching cannot fail.
        let spare = list.slots.len() + 1;
        list.free.try_reserve(spare).map_err(|_| Errno::ENOMEM)?;
        list.slots.try_push(Some(user))?;
        Ok(MapToken(slot))
    }

    pub(crate) fn detach(&self, token: MapToken) {
        let gone = {
            let mut list = self.list.lock();
            let gone = list.slots.get_mut(token.0 as usize).and_then(Option::take);
            if gone.is_some() {
                list.free.push_reserved(token.0);
            }
            gone
        };
        drop(gone);
    }

    pub(crate) fn unmap(&self, identity: u64, first: u64, last: u64, why: Unmapped) {
        self.any(|user| {
            user.unmap_pages(identity, first, last, why);
            false
        });
    }

    /// Whether `f` is true of one of them; they are asked without a lock.
    pub(crate) fn any(&self, f: impl Fn(&dyn MapUser) -> bool) -> bool {
        let mut slot = 0;
        loop {
            let user = {
                let list = self.list.lock();
                let Some(user) = list.slots.get(slot) else {
                    return false;
                };
                user.as_ref().and_then(Weak::upgrade)
            };
            if user.is_some_and(|user| f(&*user)) {
                return true;
            }
            slot += 1;
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        let list = self.list.lock();
        list.slots.len() == list.free.len()
    }
}
