//! What is kept for an area.
use crate::flags::VmFlags;
use crate::promise::Promise;
use abi::{PAGE_SHIFT, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::{AtomicBool, Ordering};
use kmem::space::Prot;
use pagecache::{MapObject, MapPlace, MapToken, MapUser};

/// Room kept free beneath a stack: `stack_guard_gap`, 256 pages.
pub(crate) const STACK_GUARD_GAP: usize = 256 * PAGE_SIZE;

/// An object and the note that an address space maps pages of it; shared by the areas that were cut from one mapping.
pub(crate) struct Attachment {
    pub(crate) object: Arc<dyn MapObject>,
    token: MapToken,
    /// Huge pages that are promised to a private mapping.
    pub(crate) promise: Option<Box<Promise>>,
}

impl Attachment {
    /// Notes at the object that `user` maps it. `ENOMEM`.
    pub(crate) fn new(object: Arc<dyn MapObject>, user: Weak<dyn MapUser>) -> Result<Arc<Self>> {
        Self::with_promise(object, user, None)
    }

    /// The same, with what was promised.
    pub(crate) fn with_promise(
        object: Arc<dyn MapObject>,
        user: Weak<dyn MapUser>,
        promise: Option<Box<Promise>>,
    ) -> Result<Arc<Self>> {
        let token = object.attach(user)?;
        // If this allocation fails the note is taken back by the drop of the value.
        kmem::try_arc(Self {
            object,
            token,
            promise,
        })
    }

    /// That of one more area, at `place`, if each has its own; `None`: they share this one. `ENOMEM`.
    pub(crate) fn again(&self, place: MapPlace) -> Result<Option<Arc<Self>>> {
        let Some(object) = self.object.per_area() else {
            return Ok(None);
        };
        let (object, token) = (object.again(place)?, MapToken::NONE);
        let promise = None;
        kmem::try_arc(Self {
            object,
            token,
            promise,
        })
        .map(Some)
    }

    /// The same for an area of another address space. `ENOMEM`.
    pub(crate) fn for_child(&self, user: Weak<dyn MapUser>, place: MapPlace) -> Result<Arc<Self>> {
        match self.object.per_area() {
            Some(object) => Self::new(object.again(place)?, user),
            None => Self::new(self.object.clone(), user),
        }
    }
}

impl Drop for Attachment {
    fn drop(&mut self) {
        self.object.detach(self.token);
    }
}

/// An area's data in the map.
pub(crate) struct Vma {
    pub(crate) flags: VmFlags,
    /// An anonymous page was put in: fork has something to copy.
    has_anon: AtomicBool,
    /// First page of the object; for private anonymous areas meaningless.
    pub(crate) offset: u64,
    pub(crate) backing: Option<Arc<Attachment>>,
}

impl Vma {
    pub(crate) fn new(flags: VmFlags, offset: u64, backing: Option<Arc<Attachment>>) -> Self {
        Self {
            flags,
            has_anon: AtomicBool::new(false),
            offset,
            backing,
        }
    }

    /// The same for another address space or place.
    pub(crate) fn duplicate(&self, flags: VmFlags, backing: Option<Arc<Attachment>>) -> Self {
        Self {
            flags,
            has_anon: AtomicBool::new(self.has_anon()),
            offset: self.offset,
            backing,
        }
    }

    #[inline]
    pub(crate) fn has_anon(&self) -> bool {
        self.has_anon.load(Ordering::Relaxed)
    }
    #[inline]
    pub(crate) fn note_anon(&self) {
        if !self.has_anon() {
            self.has_anon.store(true, Ordering::Relaxed);
        }
    }
    pub(crate) fn forget_anon(&self) {
        self.has_anon.store(false, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn is_shared(&self) -> bool {
        self.flags.contains(VmFlags::SHARED)
    }
    #[inline]
    pub(crate) fn object(&self) -> Option<&Arc<dyn MapObject>> {
        self.backing.as_ref().map(|b| &b.object)
    }
    /// Private anonymous memory.
    #[inline]
    pub(crate) fn is_anon(&self) -> bool {
        self.backing.is_none()
    }

    /// Page of the object at `va`, in an area that begins at `start`.
    #[inline]
    pub(crate) fn index(&self, start: usize, va: usize) -> u64 {
        self.offset + ((va - start) >> PAGE_SHIFT) as u64
    }

    /// Where it lies, for its object.
    pub(crate) fn place(&self, start: usize, end: usize) -> MapPlace {
        MapPlace {
            start,
            end,
            first: self.offset,
            flags: self.flags.bits(),
        }
    }

    /// Asks the object of the first area of a mapping, if it wants to be asked, what the flags become.
    pub(crate) fn begin(&mut self, start: usize, end: usize) -> Result<()> {
        let place = self.place(start, end);
        let Some(object) = self.object().and_then(|object| object.per_area()) else {
            return Ok(());
        };
        let mut flags = VmFlags::from_bits_truncate(object.begin(place)?);
        if flags.intersects(VmFlags::SPECIAL) {
            flags -= VmFlags::LOCKED | VmFlags::LOCK_ON_FAULT;
        }
        self.flags = flags | VmFlags::PER_AREA | VmFlags::EAGER;
        Ok(())
    }

    /// Tells the object where it lies, if it wants to know.
    pub(crate) fn tell_place(&self, start: usize, end: usize) {
        if self.flags.contains(VmFlags::PER_AREA)
            && let Some(object) = self.object().and_then(|object| object.per_area())
        {
            object.placed(self.place(start, end));
        }
    }

    /// What page-table entries may allow at most. On x86-64 write or execute permission includes reading.
    #[inline]
    pub(crate) fn prot(&self) -> Prot {
        let prot = Prot::from_bits_truncate((self.flags & VmFlags::PROT).bits() as u8);
        if prot.is_empty() {
            prot
        } else {
            prot | Prot::READ
        }
    }

    /// Charged against the commit limit when private and writable, unless told not to reserve.
    pub(crate) fn is_accountable(flags: VmFlags) -> bool {
        let relevant = VmFlags::NO_RESERVE | VmFlags::SHARED | VmFlags::WRITE | VmFlags::HUGETLB;
        flags & relevant == VmFlags::WRITE
    }
}

impl vma::Payload for Vma {
    fn split(&mut self, offset: usize) -> Self {
        let mut upper = self.duplicate(self.flags, self.backing.clone());
        if self.backing.is_some() {
            upper.offset += (offset >> PAGE_SHIFT) as u64;
        }
        upper
    }

    fn joins(&self, len: usize, next: &Self) -> bool {
        self.flags == next.flags
            && !self.flags.contains(VmFlags::HUGETLB)
            && match (&self.backing, &next.backing) {
                (None, None) => true,
                (Some(a), Some(b)) => {
                    (Arc::ptr_eq(a, b) || Arc::ptr_eq(&a.object, &b.object))
                        && self.offset + (len >> PAGE_SHIFT) as u64 == next.offset
                }
                _ => false,
            }
    }

    fn absorb(&mut self, next: Self) {
        if next.has_anon() {
            self.note_anon();
        }
    }

    fn guard_below(&self) -> usize {
        if self.flags.contains(VmFlags::GROWS_DOWN) {
            STACK_GUARD_GAP
        } else {
            0
        }
    }
}
