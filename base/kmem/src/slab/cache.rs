//! One cache: magazines in front of its slabs.
use super::node::{self, Slabs};
use crate::machine::{self, Pinned};
use crate::pressure;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};
use hal::MAX_CPUS;
use sync::inject::{self, Site};

/// Most objects in a magazine; with its header it is then 256 bytes.
const ROUNDS: usize = 30;

/// One line of /proc/slabinfo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlabInfo {
    /// Name of the cache.
    pub name: &'static str,
    /// Objects in use.
    pub active_objs: usize,
    /// Objects there is room for.
    pub num_objs: usize,
    /// Bytes per object.
    pub objsize: usize,
    /// Objects per slab.
    pub objperslab: usize,
    /// Pages per slab.
    pub pagesperslab: usize,
    /// Slabs with an object in use.
    pub active_slabs: usize,
    /// All slabs.
    pub num_slabs: usize,
}

/// A CPU's stock of one cache: a stack, so that what was freed last (and is in the CPU's cache) goes out first. Only the
/// own CPU touches it, pinned; others read the count, with the slabs' lock held. Draining frees it, so that how many there
/// are does not tell which CPU a task once ran on.
pub(super) struct Magazine {
    len: AtomicU32,
    rounds: [AtomicPtr<u8>; ROUNDS],
}
const _: () = assert!(size_of::<Magazine>() == 248);

impl Magazine {
    #[inline]
    fn pop(&self) -> Option<NonNull<u8>> {
        let top = (self.len.load(Ordering::Relaxed) as usize).wrapping_sub(1);
        let object = self.rounds.get(top)?.load(Ordering::Relaxed);
        self.len.store(top as u32, Ordering::Relaxed);
        NonNull::new(object)
    }
    /// `false` when it has `capacity` already.
    #[inline]
    fn push(&self, object: NonNull<u8>, capacity: usize) -> bool {
        let len = self.len.load(Ordering::Relaxed) as usize;
        if len >= capacity {
            return false;
        }
        match self.rounds.get(len) {
            Some(slot) => slot.store(object.as_ptr(), Ordering::Relaxed),
            None => return false,
        }
        self.len.store(len as u32 + 1, Ordering::Relaxed);
        true
    }
    /// Takes the `n` coldest out.
    fn take_coldest(&self, n: usize, mut each: impl FnMut(NonNull<u8>)) {
        let len = self.len.load(Ordering::Relaxed) as usize;
        let n = n.min(len);
        for slot in &self.rounds[..n] {
            if let Some(object) = NonNull::new(slot.load(Ordering::Relaxed)) {
                each(object);
            }
        }
        for i in n..len {
            self.rounds[i - n].store(self.rounds[i].load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.len.store((len - n) as u32, Ordering::Relaxed);
    }
}

/// A cache of objects of one size.
pub(super) struct RawCache {
    pub(super) slabs: Slabs,
    /// Objects a magazine of this cache may hold; 0: the cache has none.
    capacity: usize,
    magazines: [AtomicPtr<Magazine>; MAX_CPUS],
    listed: AtomicBool,
    /// Nobody has it: it is left out where caches are shown.
    hidden: AtomicBool,
    next: AtomicPtr<RawCache>,
}

/// Fault injection: allocations of objects.
pub static SLAB_ALLOC: Site = Site::new("failslab");
/// Where magazines come from: a cache without any.
static MAGAZINES: RawCache = RawCache::build("kmem_magazine", 256, 64, 0);
/// All caches that were used, newest first.
static LIST: AtomicPtr<RawCache> = AtomicPtr::new(ptr::null_mut());

/// Visits the caches.
pub(super) fn for_each(mut each: impl FnMut(&'static RawCache)) {
    let mut at = LIST.load(Ordering::Acquire);
    // SAFETY: only `&'static` caches are listed, and never unlisted.
    while let Some(cache) = unsafe { at.as_ref() } {
        each(cache);
        at = cache.next.load(Ordering::Acquire);
    }
}

/// Gives this CPU's stocks and all empty slabs back: as much as one CPU can give without asking the others.
pub(super) fn drain_local() {
    for_each(RawCache::drain_local);
    MAGAZINES.slabs.shrink();
}

impl RawCache {
    /// A cache of objects of `size` bytes (at most 8192), aligned to `align`.
    pub(super) const fn new(name: &'static str, size: usize, align: usize) -> Self {
        let capacity = match size {
            0..=256 => ROUNDS,
            257..=1024 => 16,
            1025..=2048 => 8,
            _ => 4,
        };
        Self::build(name, size, align, capacity)
    }

    const fn build(name: &'static str, size: usize, align: usize, capacity: usize) -> Self {
        Self {
            slabs: Slabs::new(name, size, align),
            capacity,
            magazines: [const { AtomicPtr::new(ptr::null_mut()) }; MAX_CPUS],
            listed: AtomicBool::new(false),
            hidden: AtomicBool::new(false),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Has it shown among all caches, or not.
    pub(super) fn show(&self, shown: bool) {
        self.hidden.store(!shown, Ordering::Relaxed);
    }
    /// Whether it is shown.
    pub(super) fn is_shown(&self) -> bool {
        !self.hidden.load(Ordering::Relaxed)
    }

    /// An object, of unspecified content. `None`: no memory.
    #[inline]
    pub(super) fn alloc(&'static self) -> Option<NonNull<u8>> {
        if self.told_to_fail() {
            return None;
        }
        let object = {
            let pin = machine::pin();
            self.magazine(&pin).and_then(Magazine::pop)
        };
        let object = if object.is_some() {
            object
        } else {
            self.alloc_slow()
        };
        node::check_free(&self.slabs.geometry, object);
        object
    }

    /// Takes an object back.
    ///
    /// # Safety
    /// It came from this cache and nobody uses it any more.
    #[inline]
    pub(super) unsafe fn free(&'static self, object: NonNull<u8>) {
        node::poison(&self.slabs.geometry, object);
        let pin = machine::pin();
        if !self
            .magazine(&pin)
            .is_some_and(|m| m.push(object, self.capacity))
        {
            self.free_slow(object, &pin);
        }
    }

    /// Makes sure that the next `alloc` on this CPU succeeds without leaving the magazine, while the result lives.
    #[inline]
    #[cfg_attr(
        not(target_os = "none"),
        expect(dead_code, reason = "the host's allocator serves Arc there")
    )]
    pub(super) fn reserve(&'static self) -> Option<machine::Pinned> {
        if self.told_to_fail() {
            return None;
        }
        loop {
            let pin = machine::pin();
            if self
                .magazine(&pin)
                .is_some_and(|m| m.len.load(Ordering::Relaxed) != 0)
            {
                return Some(pin);
            }
            drop(pin);
            let object = self.alloc_slow()?;
            // SAFETY: it was just allocated here.
            unsafe { self.free(object) };
        }
    }

    /// Fault injection; not where what [`Self::reserve`] promised is fetched, pinned.
    #[inline]
    fn told_to_fail(&self) -> bool {
        sync::static_branch!(sync::inject::ARMED)
            && sync::context::may_sleep()
            && inject::should_fail(&SLAB_ALLOC, self.slabs.geometry.size)
    }

    /// Where this CPU's magazine is noted.
    #[inline]
    fn slot(&self, _pin: &Pinned) -> &AtomicPtr<Magazine> {
        &self.magazines[hal::cpu::id() & (MAX_CPUS - 1)]
    }

    /// This CPU's magazine.
    #[inline]
    fn magazine<'pin>(&self, pin: &'pin Pinned) -> Option<&'pin Magazine> {
        // SAFETY: only `drain_local` on this CPU frees it, and while this one is pinned nothing else runs here.
        unsafe { self.slot(pin).load(Ordering::Relaxed).as_ref() }
    }

    #[cold]
    #[inline(never)]
    fn alloc_slow(&'static self) -> Option<NonNull<u8>> {
        self.list();
        self.make_magazine();
        loop {
            {
                let pin = machine::pin();
                let magazine = self.magazine(&pin);
                // The caller was not pinned meanwhile: others may have filled this magazine, or this is another CPU.
                if let Some(object) = magazine.and_then(Magazine::pop) {
                    return Some(object);
                }
                let mut first = None;
                let want = 1 + magazine.map_or(0, |_| self.capacity / 2);
                self.slabs.take(want, |object| match magazine {
                    Some(m) if first.is_some() => {
                        let fits = m.push(object, self.capacity);
                        debug_assert!(fits, "a magazine that was empty has room");
                    }
                    _ => first = Some(object),
                });
                if first.is_some() {
                    return first;
                }
            }
            self.slabs.grow()?;
        }
    }

    #[cold]
    #[inline(never)]
    fn free_slow(&'static self, object: NonNull<u8>, pin: &Pinned) {
        match self.magazine(pin) {
            Some(m) if self.capacity != 0 => {
                self.slabs
                    .give(|each| m.take_coldest(self.capacity / 2 + 1, each));
                m.push(object, self.capacity);
            }
            _ => self.slabs.give(|each| each(object)),
        }
    }

    /// Gives this CPU a magazine, if there is memory for one.
    fn make_magazine(&'static self) {
        if self.capacity == 0 || self.magazine_exists() {
            return;
        }
        let Some(memory) = MAGAZINES.alloc() else {
            return;
        };
        let magazine = memory.cast::<Magazine>();
        // SAFETY: fresh memory of at least that size and alignment.
        unsafe {
            magazine.write(Magazine {
                len: AtomicU32::new(0),
                rounds: [const { AtomicPtr::new(ptr::null_mut()) }; ROUNDS],
            });
        }
        let pin = machine::pin();
        let slot = self.slot(&pin);
        if slot.load(Ordering::Relaxed).is_null() {
            slot.store(magazine.as_ptr(), Ordering::Release);
            return;
        }
        drop(pin);
        // SAFETY: it was just allocated there and is not installed.
        unsafe { MAGAZINES.free(memory) };
    }

    fn magazine_exists(&self) -> bool {
        self.magazine(&machine::pin()).is_some()
    }

    /// Puts the cache on the list of all caches, once.
    fn list(&'static self) {
        if self.listed.load(Ordering::Relaxed) || self.listed.swap(true, Ordering::Relaxed) {
            return;
        }
        pressure::set_shrink(drain_local);
        let me = ptr::from_ref(self).cast_mut();
        let _ = LIST.fetch_update(Ordering::AcqRel, Ordering::Acquire, |head| {
            self.next.store(head, Ordering::Release);
            Some(me)
        });
    }

    /// Gives this CPU's magazine and all empty slabs back.
    pub(super) fn drain_local(&'static self) {
        let pin = machine::pin();
        let slot = self.slot(&pin);
        if let Some(m) = self.magazine(&pin) {
            self.slabs.give(|each| {
                m.take_coldest(ROUNDS, each);
                slot.store(ptr::null_mut(), Ordering::Relaxed);
            });
            // SAFETY: it came from there; it is noted nowhere any more, and who looks at it from another CPU has the lock
            // that it was taken out under.
            unsafe { MAGAZINES.free(NonNull::from(m).cast()) };
        }
        drop(pin);
        self.slabs.shrink();
    }

    /// Counts.
    pub(super) fn info(&self) -> SlabInfo {
        let (used, slabs, empty) = self.slabs.counts(|| {
            let all = self.magazines.iter().filter_map(|m| {
                // SAFETY: none is freed before it was taken out of here under the lock that is held now.
                unsafe { m.load(Ordering::Acquire).as_ref() }
            });
            all.map(|m| m.len.load(Ordering::Relaxed) as usize).sum()
        });
        let g = &self.slabs.geometry;
        SlabInfo {
            name: self.slabs.name,
            active_objs: used,
            num_objs: slabs * g.objects,
            objsize: g.size,
            objperslab: g.objects,
            pagesperslab: 1 << g.order,
            active_slabs: slabs - empty,
            num_slabs: slabs,
        }
    }
}
