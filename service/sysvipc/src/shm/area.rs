//! What stands behind one area that maps a segment: each has its own, so that they are counted.
use super::segment::{Memory, Segment, Store};
use abi::{Errno, PAGE_SHIFT, Result};
use alloc::sync::{Arc, Weak};
use core::fmt;
use cred::{Cred, UserNamespace};
use kmem::frame::Frame;
use mm::VmFlags;
use pagecache::{HugeCache, MapAccess, MapObject, MapPlace, MapToken, MapUser, PerArea};
use sync::{LockClass, SpinLock, rank};

static USER: LockClass = LockClass::new("sysvipc.area", rank::NONE);

/// An address space, and its note at the pages.
type Note = (Weak<dyn MapUser>, MapToken);

pub(crate) struct Area {
    segment: Arc<Segment>,
    memory: Arc<Memory>,
    writes: bool,
    note: SpinLock<Option<Note>>,
}

impl Area {
    /// One that is counted. `EIDRM`.
    pub(crate) fn new(segment: Arc<Segment>, memory: Arc<Memory>, writes: bool) -> Result<Self> {
        segment.open()?;
        Ok(Self {
            segment,
            memory,
            writes,
            note: SpinLock::new(&USER, None),
        })
    }

    fn note(&self, note: Option<Note>) {
        let old = core::mem::replace(&mut *self.note.lock(), note);
        if let Some((_, token)) = old {
            self.memory.detach(token);
        }
    }
}

/// What mmap(2) is to map for who may do what `wanted` says, counted as attached. `EACCES`; `EIDRM`: it is gone; `ENOMEM`.
pub(crate) fn hold(
    segment: &Arc<Segment>,
    cred: &Cred,
    owner: &Arc<UserNamespace>,
    wanted: u32,
    writes: bool,
) -> Result<Arc<dyn MapObject>> {
    let memory = {
        let state = segment.state.lock();
        state.perm.check(cred, owner, wanted)?;
        state.memory.clone().ok_or(Errno::EIDRM)?
    };
    Ok(kmem::try_arc(Area::new(segment.clone(), memory, writes)?)?)
}

impl Drop for Area {
    fn drop(&mut self) {
        self.note(None);
        self.segment.close();
    }
}

impl PerArea for Area {
    fn begin(&self, place: MapPlace) -> Result<u32> {
        Ok(place.flags | VmFlags::SHMEM.bits())
    }

    fn again(&self, _place: MapPlace) -> Result<Arc<dyn MapObject>> {
        let (segment, memory) = (self.segment.clone(), self.memory.clone());
        let twin = kmem::try_arc(Self::new(segment, memory, self.writes)?)?;
        let user = self.note.lock().as_ref().map(|(user, _)| user.clone());
        if let Some(user) = user {
            twin.attach(user)?;
        }
        Ok(twin)
    }

    fn placed(&self, _place: MapPlace) {}
}

impl MapObject for Area {
    fn page(&self, index: u64, _access: MapAccess) -> Result<Frame> {
        match &self.memory.store {
            Store::Small(cache) if index < self.memory.pages => cache.get_page(index),
            _ => Err(Errno::EFAULT),
        }
    }
    fn cached(&self, index: u64) -> Option<Frame> {
        match &self.memory.store {
            Store::Small(cache) => cache.lookup(index),
            Store::Huge(_) => None,
        }
    }
    fn cached_range(&self, first: u64, pages: &mut [Option<Frame>]) {
        let len = pages
            .len()
            .min(self.memory.pages.saturating_sub(first) as usize);
        if let Store::Small(cache) = &self.memory.store {
            cache.lookup_range(first, &mut pages[..len]);
        }
    }
    fn huge(&self) -> Option<&HugeCache> {
        match &self.memory.store {
            Store::Small(_) => None,
            Store::Huge(cache) => Some(cache),
        }
    }
    fn identity(&self) -> u64 {
        self.memory.identity()
    }
    fn size(&self) -> u64 {
        self.memory.pages << PAGE_SHIFT
    }
    fn dev_ino(&self) -> (u64, u64) {
        (1, self.segment.id() as u64)
    }
    fn write_path(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        write!(out, "/SYSV{:08x} (deleted)", self.segment.key)
    }
    fn may_write(&self) -> bool {
        self.writes
    }
    fn attach(&self, user: Weak<dyn MapUser>) -> Result<MapToken> {
        let token = self.memory.attach(user.clone())?;
        self.note(Some((user, token)));
        Ok(MapToken::NONE) // its own drop takes it back
    }
    fn per_area(&self) -> Option<&dyn PerArea> {
        Some(self)
    }
    fn is_sysv(&self) -> bool {
        true
    }
    fn punch(&self, from: u64, to: u64) -> Result<()> {
        match &self.memory.store {
            Store::Small(cache) => cache.punch(from, to),
            Store::Huge(cache) => cache.punch_bytes(from, to),
        }
        Ok(())
    }
}
