//! `alloc` on the machine: size classes, then blocks of pages, then vmalloc.
use super::bare::VMALLOC_BASE;
use crate::charge::{self, Charge};
use crate::frame::{self, Gfp, Kind};
use crate::{slab, vmalloc};
use core::alloc::{GlobalAlloc, Layout};
use core::ptr::{NonNull, null_mut};
use hal::addr::{PAGE_SIZE, PhysAddr};

/// Up to this many bytes contiguous pages are tried first; they cost no TLB entries.
const BLOCK_MAX: usize = 64 << 10;

struct Kernel;

#[global_allocator]
static GLOBAL: Kernel = Kernel;

// SAFETY: slab, blocks and vmalloc give memory that is valid, distinct and aligned as asked.
unsafe impl GlobalAlloc for Kernel {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match slab::class_of(layout) {
            Some(class) => class.alloc().map_or(null_mut(), NonNull::as_ptr),
            None => alloc_large(layout, false),
        }
    }

    #[inline]
    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        match (slab::class_of(layout), NonNull::new(ptr)) {
            // SAFETY: the same layout gave it, so it is of this class; the caller is done with it.
            (Some(class), Some(object)) => unsafe { class.free(object) },
            _ => free_large(ptr, layout),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match slab::class_of(layout) {
            Some(class) => class.alloc().map_or(null_mut(), |object| {
                // SAFETY: a fresh object of at least that size.
                unsafe { object.write_bytes(0, layout.size()) };
                object.as_ptr()
            }),
            None => alloc_large(layout, true),
        }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // SAFETY: the caller gives a size that makes a layout.
        let new = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        if let (Some(a), Some(b)) = (slab::class_of(layout), slab::class_of(new))
            && a.is(b)
        {
            return ptr;
        }
        // SAFETY: the caller's promises for `ptr` and `layout`; the copy stays within both.
        unsafe {
            let to = self.alloc(new);
            if !to.is_null() {
                to.copy_from_nonoverlapping(ptr, layout.size().min(new_size));
                self.dealloc(ptr, layout);
            }
            to
        }
    }
}

fn order_of(layout: Layout) -> u8 {
    layout
        .size()
        .max(layout.align())
        .div_ceil(PAGE_SIZE)
        .next_power_of_two()
        .ilog2() as u8
}

#[cold]
fn alloc_large(layout: Layout, zeroed: bool) -> *mut u8 {
    let gfp = if sync::context::may_sleep() {
        Gfp::NOWAIT
    } else {
        Gfp::ATOMIC
    };
    let gfp = if zeroed { gfp.zeroed() } else { gfp };
    if layout.size() <= BLOCK_MAX {
        let order = order_of(layout);
        if let Some(first) = frame::alloc_order(order, gfp, Kind::Block) {
            charge::charge(Charge::Kernel, 1 << order);
            return super::bare::phys_to_virt(PhysAddr::from_pfn(first));
        }
    }
    if layout.align() > PAGE_SIZE {
        return null_mut();
    }
    vmalloc::alloc_pages(layout.size(), zeroed).map_or(null_mut(), vmalloc::VmArea::into_raw)
}

#[cold]
fn free_large(ptr: *mut u8, layout: Layout) {
    if ptr as usize >= VMALLOC_BASE {
        // SAFETY: `alloc_large` gave it for this layout.
        drop(unsafe { vmalloc::VmArea::from_raw(ptr, layout.size()) });
        return;
    }
    let order = order_of(layout);
    charge::charge(Charge::Kernel, -(1isize << order));
    frame::free_order(super::bare::virt_to_pfn(ptr), order);
}
