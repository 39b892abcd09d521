//! The slabs of a cache. A slab is a page or two; its free objects are linked through their first word, objects that
//! were never used lie behind a mark, so that a new slab costs nothing to prepare. What is known of a slab stands in
//! its first page's [`FrameMeta`]: `owner` the [`Slabs`], `private[0]` the free list, `index` objects in use and the mark.
use crate::charge::{self, Charge};
use crate::frame::{self, FrameMeta, Gfp, Kind};
use crate::machine;
use arrayvec::ArrayVec;
use core::ptr::NonNull;
use core::sync::atomic::Ordering::Relaxed;
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use sync::{LockClass, SpinLock, rank};

/// Empty slabs a cache keeps.
const KEEP_EMPTY: usize = 2;
const NONE: u32 = u32::MAX;

/// Sizes of a cache.
pub(super) struct Geometry {
    /// Bytes from one object to the next.
    pub(super) size: usize,
    /// Objects per slab.
    pub(super) objects: usize,
    /// log2 of pages per slab.
    pub(super) order: u8,
}

impl Geometry {
    pub(super) const fn new(size: usize, align: usize) -> Self {
        assert!(size <= 2 * PAGE_SIZE && align <= PAGE_SIZE);
        let align = if align < 8 { 8 } else { align };
        let size = size.next_multiple_of(align);
        let size = if size == 0 { align } else { size };
        let order = if size > PAGE_SIZE { 1 } else { 0 };
        Self {
            size,
            objects: (PAGE_SIZE << order) / size,
            order,
        }
    }
}

/// Slabs with a free object, and counts.
struct Node {
    partial: u32,
    slabs: usize,
    empty: usize,
    used: usize,
}

impl Node {
    const fn new() -> Self {
        Self {
            partial: NONE,
            slabs: 0,
            empty: 0,
            used: 0,
        }
    }
    fn counts(&self) -> (usize, usize, usize) {
        (self.used, self.slabs, self.empty)
    }

    fn link(&mut self, slab: u32) {
        let m = meta(slab);
        m.next.store(self.partial, Relaxed);
        m.prev.store(NONE, Relaxed);
        if self.partial != NONE {
            meta(self.partial).prev.store(slab, Relaxed);
        }
        self.partial = slab;
    }

    fn unlink(&mut self, slab: u32) {
        let m = meta(slab);
        let (next, prev) = (m.next.load(Relaxed), m.prev.load(Relaxed));
        if prev == NONE {
            self.partial = next;
        } else {
            meta(prev).next.store(next, Relaxed);
        }
        if next != NONE {
            meta(next).prev.store(prev, Relaxed);
        }
    }
}

fn meta(slab: u32) -> &'static FrameMeta {
    // SAFETY: metadata lives forever.
    unsafe { machine::meta_of(slab as Pfn).as_ref() }
}

/// `index` of a slab's metadata: objects in use, and how many were ever used.
fn load_counts(m: &FrameMeta) -> (usize, usize) {
    let word = m.index();
    (word as u32 as usize, (word >> 32) as usize)
}
fn store_counts(m: &FrameMeta, used: usize, touched: usize) {
    m.set_index(used as u64 | (touched as u64) << 32);
}

/// The slabs of one cache.
pub(super) struct Slabs {
    pub(super) name: &'static str,
    pub(super) geometry: Geometry,
    node: SpinLock<Node>,
}

static CLASS: LockClass = LockClass::new("slab", rank::SLAB);

impl Slabs {
    pub(super) const fn new(name: &'static str, size: usize, align: usize) -> Self {
        Self {
            name,
            geometry: Geometry::new(size, align),
            node: SpinLock::new(&CLASS, Node::new()),
        }
    }

    /// What stands as the owner in the metadata of its slabs.
    fn id(&self) -> u64 {
        core::ptr::from_ref(self) as u64
    }

    /// Objects in use but for those in magazines (which `idle` counts, with the lock held), slabs, empty slabs.
    pub(super) fn counts(&self, idle: impl FnOnce() -> usize) -> (usize, usize, usize) {
        let node = self.node.lock_irq();
        let (used, slabs, empty) = node.counts();
        (used.saturating_sub(idle()), slabs, empty)
    }

    /// Takes up to `want` objects from slabs that have some.
    pub(super) fn take(&self, want: usize, mut each: impl FnMut(NonNull<u8>)) {
        let g = &self.geometry;
        let mut node = self.node.lock_irq();
        let mut left = want;
        while left != 0 && node.partial != NONE {
            let slab = node.partial;
            let m = meta(slab);
            let (mut used, mut touched) = load_counts(m);
            if used == 0 {
                node.empty -= 1;
            }
            let base = machine::phys_to_virt(PhysAddr::from_pfn(slab as Pfn));
            let mut free = m.private() as usize as *mut u8;
            let before = used;
            while left != 0 && used < g.objects {
                let object = if free.is_null() {
                    touched += 1;
                    let fresh = base.wrapping_add((touched - 1) * g.size);
                    if cfg!(debug_assertions) && g.size > 8 {
                        // SAFETY: a free object of this slab, of more than 8 bytes. What the page held before must not
                        // look like the start of poison to `check_free`.
                        unsafe { fresh.add(8).write(0) };
                    }
                    fresh
                } else {
                    let object = free;
                    // SAFETY: a free object of this slab; its first word is the link.
                    free = unsafe { object.cast::<*mut u8>().read() };
                    object
                };
                used += 1;
                left -= 1;
                if let Some(object) = NonNull::new(object) {
                    each(object);
                }
            }
            m.set_private(free as u64);
            store_counts(m, used, touched);
            node.used += used - before;
            if used == g.objects {
                node.unlink(slab);
            }
        }
    }

    /// Puts objects back: `feed` calls its argument for each. Slabs that become empty go back to the page allocator, but for
    /// a few.
    pub(super) fn give(&self, feed: impl FnOnce(&mut dyn FnMut(NonNull<u8>))) {
        let mut dead: ArrayVec<u32, 32> = ArrayVec::new();
        {
            let mut node = self.node.lock_irq();
            feed(&mut |object| {
                if let Some(slab) = self.give_one(&mut node, object)
                    && node.empty > KEEP_EMPTY
                    && dead.try_push(slab).is_ok()
                {
                    drop_slab(&mut node, slab);
                }
            });
        }
        dead.into_iter().for_each(|slab| self.release(slab));
    }

    /// Puts one object back; returns its slab if that is empty now.
    fn give_one(&self, node: &mut Node, object: NonNull<u8>) -> Option<u32> {
        let g = &self.geometry;
        let slab = slab_of(g, object);
        let m = meta(slab);
        assert!(
            m.owner() == self.id(),
            "object of another cache freed to {}",
            self.name
        );
        let (used, touched) = load_counts(m);
        assert!(used != 0, "object freed twice to {}", self.name);
        // SAFETY: the object is free and at least a word long.
        unsafe { object.cast::<u64>().write(m.private()) };
        m.set_private(object.as_ptr() as u64);
        store_counts(m, used - 1, touched);
        node.used -= 1;
        if used == g.objects {
            node.link(slab);
        }
        if used == 1 {
            node.empty += 1;
            return Some(slab);
        }
        None
    }

    fn release(&self, slab: u32) {
        charge::charge(Charge::Slab, -(1isize << self.geometry.order));
        frame::free_order(slab as Pfn, self.geometry.order);
    }

    /// Frees all empty slabs.
    pub(super) fn shrink(&self) {
        loop {
            let mut dead: ArrayVec<u32, 32> = ArrayVec::new();
            {
                let mut node = self.node.lock_irq();
                let mut at = node.partial;
                while at != NONE && node.empty != 0 && !dead.is_full() {
                    let next = meta(at).next.load(Relaxed);
                    if load_counts(meta(at)).0 == 0 {
                        drop_slab(&mut node, at);
                        dead.push(at);
                    }
                    at = next;
                }
            }
            let more = dead.is_full();
            dead.into_iter().for_each(|slab| self.release(slab));
            if !more {
                return;
            }
        }
    }

    /// Adds a slab. `None`: no memory.
    pub(super) fn grow(&self) -> Option<()> {
        let gfp = if sync::context::may_sleep() {
            Gfp::KERNEL
        } else {
            Gfp::ATOMIC
        };
        let g = &self.geometry;
        let slab = frame::alloc_order(g.order, gfp, Kind::Slab)? as u32;
        charge::charge(Charge::Slab, 1 << g.order);
        let m = meta(slab);
        m.set_owner(self.id());
        m.set_private(0);
        store_counts(m, 0, 0);
        let mut node = self.node.lock_irq();
        node.link(slab);
        node.slabs += 1;
        node.empty += 1;
        Some(())
    }
}

/// First page of the slab of an object. Slabs of two pages are blocks, so aligned.
fn slab_of(g: &Geometry, object: NonNull<u8>) -> u32 {
    (machine::virt_to_pfn(object.as_ptr()) as u32) & !((1 << g.order) - 1)
}

fn drop_slab(node: &mut Node, slab: u32) {
    node.unlink(slab);
    node.empty -= 1;
    node.slabs -= 1;
}

const POISON: u8 = 0x6b;

/// Debug builds: fills a freed object, but for the link and at most 64 bytes of it.
#[inline]
pub(super) fn poison(g: &Geometry, object: NonNull<u8>) {
    if cfg!(debug_assertions) && g.size > 8 {
        // SAFETY: the object is being freed: nobody uses it, and it is that long.
        unsafe { object.add(8).write_bytes(POISON, g.size.min(64) - 8) };
    }
}

/// Debug builds: a freed object that was written to shows when it is allocated again.
#[inline]
pub(super) fn check_free(g: &Geometry, object: Option<NonNull<u8>>) {
    if cfg!(debug_assertions)
        && g.size > 8
        && let Some(object) = object
    {
        // SAFETY: an object of this cache that is ours, so long.
        let bytes =
            unsafe { core::slice::from_raw_parts(object.add(8).as_ptr(), g.size.min(64) - 8) };
        // Never used before: anything. Used before: poison from the first byte on.
        let used_after_free = bytes[0] == POISON && bytes.iter().any(|&b| b != POISON);
        assert!(
            !used_after_free,
            "written to after it was freed: {object:?}"
        );
    }
}
