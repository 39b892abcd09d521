//! Memory that is given out and never taken back.

use core::alloc::{GlobalAlloc, Layout};
use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

const SIZE: usize = 4 << 20;

#[repr(C, align(16384))] // the largest alignment asked for
struct Heap {
    memory: UnsafeCell<[u8; SIZE]>,
    next: AtomicUsize,
}

// SAFETY: each byte is given to one caller.
unsafe impl Sync for Heap {}

// SAFETY: blocks are within `memory`, aligned, and never overlap, since `next` only rises.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let place = |next: usize| next.next_multiple_of(layout.align());
        let claimed = self.next.fetch_update(Relaxed, Relaxed, |next| {
            let end = place(next) + layout.size();
            (end <= SIZE).then_some(end)
        });
        claimed.map_or(core::ptr::null_mut(), |next| {
            self.memory.get().cast::<u8>().wrapping_add(place(next))
        })
    }
    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[global_allocator]
static HEAP: Heap = Heap {
    memory: UnsafeCell::new([0; SIZE]),
    next: AtomicUsize::new(0),
};

/// Zeroed memory for good, aligned as a stack has to be.
pub(crate) fn leak(length: usize) -> &'static mut [u8] {
    const ALIGNMENT: usize = 2 * hal::landing::UPPER_HALF;
    let layout = Layout::from_size_align(length, ALIGNMENT).expect("a layout");
    // SAFETY: `HEAP` is zeroed and gives each byte once; the length is not 0.
    let memory = unsafe { alloc::alloc::alloc_zeroed(layout) };
    assert!(!memory.is_null(), "out of memory");
    // SAFETY: so long, zeroed, and nobody else's from here on.
    unsafe { core::slice::from_raw_parts_mut(memory, length) }
}
