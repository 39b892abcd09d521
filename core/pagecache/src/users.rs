//! Who maps pages of an object and is called when they go.
use abi::{Errno, Result};
use alloc::sync::Weak;
use alloc::vec::Vec;
use kmem::Reserved;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

/// The place of one note of [`crate::MapObject::attach`].
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
    /// Somebody was promised the huge pages that private mappings share with him: they go from those.
    Stolen,
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

/// The notes of [`crate::MapObject::attach`].
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
