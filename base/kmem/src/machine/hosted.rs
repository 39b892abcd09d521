//! Hosted: an arena of host memory plays the RAM; a physical address is an offset in it.
use crate::frame::FrameMeta;
use core::alloc::Layout;
use core::cell::Cell;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use hal::addr::{PAGE_SHIFT, PAGE_SIZE, Pfn, PhysAddr, UserAddr};
use std::sync::OnceLock;

/// Size of the RAM played: reserved, and used only as far as it is touched.
pub(crate) const RAM_PAGES: usize = 1 << 17;

struct Arena {
    ram: usize,
    metas: usize,
}

fn arena() -> &'static Arena {
    static ARENA: OnceLock<Arena> = OnceLock::new();
    ARENA.get_or_init(|| {
        let metas = reserve(RAM_PAGES * size_of::<FrameMeta>());
        // Real memory is not empty at boot either; what lies there must not be taken for metadata.
        for page in 0..RAM_PAGES {
            let meta = metas as *const FrameMeta;
            // SAFETY: within the array, which holds zeros and which nobody uses yet.
            let spare = unsafe { &(*meta.add(page)).spare };
            spare.store(0xdead_beef, core::sync::atomic::Ordering::Relaxed);
        }
        Arena {
            ram: reserve(RAM_PAGES * PAGE_SIZE),
            metas,
        }
    })
}

/// The RAM played: with a hole, a kernel image and an initrd in it.
pub(crate) const USABLE: [core::ops::Range<Pfn>; 2] = [1..159, 256..RAM_PAGES];
/// What of it is in use.
pub(crate) const TAKEN: [core::ops::Range<Pfn>; 2] = [256..1000, INITRD];

/// Pages that play the initrd.
pub(crate) const INITRD: core::ops::Range<Pfn> = 5000..5100;

/// Zeroed, page-aligned memory that the host backs lazily (calloc of a large size; an aligned layout would be touched).
fn reserve(bytes: usize) -> usize {
    let layout = Layout::from_size_align(bytes + PAGE_SIZE, 16).expect("constant layout");
    // SAFETY: the size is not zero.
    let start = unsafe { std::alloc::alloc_zeroed(layout) } as usize;
    assert!(start != 0, "no memory for the arena");
    start.next_multiple_of(PAGE_SIZE)
}

/// What keeps per-CPU data to its user: interrupts off on the machine. Here threads may share a CPU number, so a lock
/// (which one thread may take again) stands in.
pub(crate) struct Pinned {
    _not_send: core::marker::PhantomData<*const ()>,
}

std::thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}
static PIN: core::sync::atomic::AtomicBool = core::sync::atomic::AtomicBool::new(false);

pub(crate) fn pin() -> Pinned {
    if DEPTH.replace(DEPTH.get() + 1) == 0 {
        while PIN.swap(true, Ordering::Acquire) {
            std::thread::yield_now();
        }
    }
    Pinned {
        _not_send: core::marker::PhantomData,
    }
}

impl Drop for Pinned {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            PIN.store(false, Ordering::Release);
        }
    }
}

// SAFETY: hosted CPUs are threads' own numbers; a thread does not change its number.
unsafe impl sync::context::Pinned for Pinned {}

/// Fills metadata of `count` pages with zeros.
pub(crate) fn clear_metas(first: Pfn, count: usize) {
    let count = count.min(RAM_PAGES - first);
    // SAFETY: within the array (or one past), which nobody uses yet.
    unsafe { core::ptr::write_bytes(meta_of(first).as_ptr(), 0, count) };
}

#[inline]
pub(crate) fn phys_to_virt(pa: PhysAddr) -> *mut u8 {
    (arena().ram + pa.0) as *mut u8
}
/// Page tables have no other address here, and nothing is read-only.
#[inline]
pub(crate) fn table_virt(pa: PhysAddr) -> *mut u8 {
    phys_to_virt(pa)
}
pub(crate) fn protect(_pages: core::ops::Range<Pfn>, _read_only: bool) {}
#[inline]
pub(crate) fn virt_to_pfn(ptr: *const u8) -> Pfn {
    (ptr as usize - arena().ram) >> PAGE_SHIFT
}
#[inline]
pub(crate) fn meta_of(pfn: Pfn) -> NonNull<FrameMeta> {
    assert!(pfn < RAM_PAGES);
    NonNull::new((arena().metas + pfn * size_of::<FrameMeta>()) as *mut FrameMeta).expect("arena")
}
#[inline]
pub(crate) fn pfn_of(meta: NonNull<FrameMeta>) -> Pfn {
    (meta.as_ptr() as usize - arena().metas) / size_of::<FrameMeta>()
}

/// # Safety
/// Both ranges are valid for `len` bytes.
#[inline]
pub(crate) unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promise; `copy` allows overlap.
    unsafe { core::ptr::copy(src, dst, len) }
}
/// # Safety
/// Both are whole pages.
#[inline]
pub(crate) unsafe fn copy_page(dst: *mut u8, src: *const u8) {
    // SAFETY: the caller's promise.
    unsafe { core::ptr::copy(src, dst, 1 << PAGE_SHIFT) }
}
/// # Safety
/// The range is valid for writes.
#[inline]
pub(crate) unsafe fn zero(dst: *mut u8, len: usize) {
    // SAFETY: the caller's promise.
    unsafe { core::ptr::write_bytes(dst, 0, len) }
}

/// There is one TLB, and it is never stale.
pub(crate) const HAS_IPI: bool = false;
/// # Safety
/// None here.
pub(crate) unsafe fn load_root(_root: Pfn) {}
pub(crate) fn fill_kernel_half(_root: Pfn) {}
pub(crate) fn flush_page(_va: usize) {}
pub(crate) fn flush_all() {}
pub(crate) fn flush_all_global() {}
pub(crate) fn send_flush_ipi(_cpu: usize) {}

/// The window is what offsets are from.
pub(crate) const VMALLOC_BASE: usize = 1 << 46;

/// Reads a value of 1, 2, 4 or 8 bytes; `None`: a fault, or another size.
pub(crate) fn read_scalar(addr: UserAddr, size: usize) -> Option<u64> {
    let mut value = [0u8; 8];
    // SAFETY: `size` fits.
    let left = unsafe { copy_from_user(value.as_mut_ptr(), addr, size.min(8)) };
    (left == 0).then(|| u64::from_le_bytes(value))
}

/// Writes a value of 1, 2, 4 or 8 bytes; `None`: a fault, or another size.
pub(crate) fn write_scalar(addr: UserAddr, size: usize, value: u64) -> Option<()> {
    // SAFETY: `size` fits.
    let left = unsafe { copy_to_user(addr, value.to_le_bytes().as_ptr(), size.min(8)) };
    (left == 0).then_some(())
}

/// Addresses below this fault, as page 0 does on the machine.
const LOWEST_USER: usize = 0x1000;

fn plausible(addr: UserAddr) -> bool {
    addr.0 >= LOWEST_USER
}

/// Copies to raw host memory; returns how many bytes were not copied.
///
/// # Safety
/// `src` is valid for `len` bytes. `dst` was range-checked; that it is mapped is the test's responsibility.
pub(crate) unsafe fn copy_to_user(dst: UserAddr, src: *const u8, len: usize) -> usize {
    if !plausible(dst) {
        return len;
    }
    // SAFETY: the caller's promise.
    unsafe { core::ptr::copy(src, dst.0 as *mut u8, len) };
    0
}
/// As [`copy_to_user`], the other way.
///
/// # Safety
/// `dst` is valid for `len` bytes; `src` as above.
pub(crate) unsafe fn copy_from_user(dst: *mut u8, src: UserAddr, len: usize) -> usize {
    if !plausible(src) {
        return len;
    }
    // SAFETY: the caller's promise.
    unsafe { core::ptr::copy(src.0 as *const u8, dst, len) };
    0
}
/// Clears raw host memory; returns how many bytes were not cleared.
pub(crate) fn clear_user(dst: UserAddr, len: usize) -> usize {
    if !plausible(dst) {
        return len;
    }
    // SAFETY: range-checked; that it is mapped is the test's responsibility.
    unsafe { core::ptr::write_bytes(dst.0 as *mut u8, 0, len) };
    0
}
/// Copies up to and including a NUL. `Some(bytes before the NUL)`, or `Some(max)` if there was none; `None`: a fault.
///
/// # Safety
/// `dst` is valid for `max` bytes.
pub(crate) unsafe fn strncpy_from_user(dst: *mut u8, src: UserAddr, max: usize) -> Option<usize> {
    if !plausible(src) {
        return None;
    }
    for i in 0..max {
        // SAFETY: the caller's promise for `dst`, the test's for `src`.
        let byte = unsafe {
            let byte = *((src.0 + i) as *const u8);
            *dst.add(i) = byte;
            byte
        };
        if byte == 0 {
            return Some(i);
        }
    }
    Some(max)
}
/// Compare and swap on an aligned user word; the value found, or `None` for a fault.
pub(crate) fn cas_user_u32(addr: UserAddr, old: u32, new: u32) -> Option<u32> {
    use core::sync::atomic::{AtomicU32, Ordering};
    if !plausible(addr) {
        return None;
    }
    // SAFETY: aligned and range-checked by the caller.
    let word = unsafe { AtomicU32::from_ptr(addr.0 as *mut u32) };
    Some(
        word.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst)
            .unwrap_or_else(|v| v),
    )
}

#[cfg(test)]
pub(crate) use probe::layout_probe;

/// Sees which layout an expression asks the allocator for.
#[cfg(test)]
mod probe {
    use core::alloc::{GlobalAlloc, Layout};
    use core::cell::Cell;
    use std::alloc::System;

    std::thread_local! {
        static LAST: Cell<Option<Layout>> = const { Cell::new(None) };
    }
    struct Probe;
    // SAFETY: hands everything to the system's allocator.
    unsafe impl GlobalAlloc for Probe {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            let _ = LAST.try_with(|last| last.set(Some(layout)));
            // SAFETY: the caller's promise.
            unsafe { System.alloc(layout) }
        }
        unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
            // SAFETY: the caller's promise.
            unsafe { System.dealloc(ptr, layout) }
        }
    }
    #[global_allocator]
    static PROBE: Probe = Probe;

    pub(crate) fn layout_probe(f: impl FnOnce()) -> Option<Layout> {
        LAST.set(None);
        f();
        LAST.get()
    }
}
