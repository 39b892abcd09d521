//! The machine itself.
use crate::frame::FrameMeta;
use core::arch::asm;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr, UserAddr};
use hal::paging::{self, DIRECT_MAP_BASE};
use hal::traps::IpiKind;
use hal::uaccess;

/// What keeps per-CPU data to its user: interrupts off.
pub(crate) type Pinned = sync::IrqGuard;

#[inline]
pub(crate) fn pin() -> Pinned {
    sync::irq_disable()
}

/// Where the metadata of page 0 would stand.
static METAS: AtomicUsize = AtomicUsize::new(0);

/// Boot placed the metadata array.
pub(crate) fn set_metas(address: usize) {
    METAS.store(address, Ordering::Relaxed);
}

#[inline]
pub(crate) fn phys_to_virt(pa: PhysAddr) -> *mut u8 {
    paging::phys_to_virt(pa).0 as *mut u8
}
/// Where a page table is written.
#[inline]
pub(crate) fn table_virt(pa: PhysAddr) -> *mut u8 {
    paging::table_virt(pa).0 as *mut u8
}
/// Lets the direct map show pages (bounds multiples of 2 MiB) read-only, or not. The TLBs learn it later.
pub(crate) fn protect(pages: Range<Pfn>, read_only: bool) {
    let range = PhysAddr::from_pfn(pages.start)..PhysAddr::from_pfn(pages.end);
    hal::directmap::protect(range, read_only);
}
#[inline]
pub(crate) fn virt_to_pfn(ptr: *const u8) -> Pfn {
    PhysAddr(ptr as usize - DIRECT_MAP_BASE).pfn()
}
#[inline]
pub(crate) fn meta_of(pfn: Pfn) -> NonNull<FrameMeta> {
    let at = METAS.load(Ordering::Relaxed) + pfn * size_of::<FrameMeta>();
    // SAFETY: an address in the kernel's half is not 0.
    unsafe { NonNull::new_unchecked(at as *mut FrameMeta) }
}
#[inline]
pub(crate) fn pfn_of(meta: NonNull<FrameMeta>) -> Pfn {
    (meta.as_ptr() as usize - METAS.load(Ordering::Relaxed)) / size_of::<FrameMeta>()
}

/// Fills metadata of `count` pages with zeros.
pub(crate) fn clear_metas(first: Pfn, count: usize) {
    // SAFETY: boot made the array reach to the end of the section.
    unsafe {
        zero(
            meta_of(first).as_ptr().cast(),
            count * size_of::<FrameMeta>(),
        );
    };
}

/// # Safety
/// Both ranges are valid for `len` bytes.
#[inline]
pub(crate) unsafe fn copy(dst: *mut u8, src: *const u8, len: usize) {
    // SAFETY: the caller's promise; `copy` (memmove, in assembly) allows overlap.
    unsafe { core::ptr::copy(src, dst, len) }
}
/// # Safety
/// Both are whole pages.
#[inline]
pub(crate) unsafe fn copy_page(dst: *mut u8, src: *const u8) {
    // SAFETY: the caller's promise; the direction flag is clear in the kernel.
    unsafe {
        asm!("rep movsq", inout("rcx") PAGE_SIZE / 8 => _, inout("rdi") dst => _, inout("rsi") src => _,
            options(nostack, preserves_flags));
    }
}
/// # Safety
/// The range is valid for writes.
#[inline]
pub(crate) unsafe fn zero(dst: *mut u8, len: usize) {
    if len.is_multiple_of(8) {
        // SAFETY: the caller's promise; the direction flag is clear in the kernel.
        unsafe {
            asm!("rep stosq", inout("rcx") len / 8 => _, inout("rdi") dst => _, in("rax") 0,
                options(nostack, preserves_flags));
        }
    } else {
        // SAFETY: the caller's promise.
        unsafe { core::ptr::write_bytes(dst, 0, len) }
    }
}

/// Other CPUs can be told to flush.
pub(crate) const HAS_IPI: bool = true;

/// Loads a root table; 0: the kernel's own.
///
/// # Safety
/// As `hal::paging::write_cr3`.
#[inline]
pub(crate) unsafe fn load_root(root: Pfn) {
    let pa = if root == 0 {
        paging::kernel_root()
    } else {
        PhysAddr::from_pfn(root)
    };
    // SAFETY: the caller's promise.
    unsafe { paging::write_cr3(pa.0 as u64) }
}

/// Copies the kernel's half into a new root.
pub(crate) fn fill_kernel_half(root: Pfn) {
    let offset = paging::KERNEL_FIRST_SLOT * 8;
    let from = table_virt(paging::kernel_root()).wrapping_add(offset);
    let to = table_virt(PhysAddr::from_pfn(root)).wrapping_add(offset);
    // SAFETY: the upper halves of two tables.
    unsafe { copy(to, from, PAGE_SIZE - offset) };
}

#[inline]
pub(crate) fn flush_page(va: usize) {
    paging::invlpg(va);
}
#[inline]
pub(crate) fn flush_all() {
    paging::flush_tlb_local();
}
pub(crate) fn flush_all_global() {
    paging::flush_tlb_global();
}
pub(crate) fn send_flush_ipi(cpu: usize) {
    hal::apic::send_ipi(cpu, IpiKind::TlbFlush);
}

/// Start of vmalloc's window.
pub(crate) const VMALLOC_BASE: usize = paging::VMALLOC.start;

/// Copies to user memory; returns how many bytes were not copied.
///
/// # Safety
/// `src` is valid for `len` bytes; `dst` was range-checked.
#[inline]
pub(crate) unsafe fn copy_to_user(dst: UserAddr, src: *const u8, len: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { uaccess::copy_user_raw(dst.0 as *mut u8, src, len) }
}
/// As [`copy_to_user`], the other way.
///
/// # Safety
/// `dst` is valid for `len` bytes; `src` was range-checked.
#[inline]
pub(crate) unsafe fn copy_from_user(dst: *mut u8, src: UserAddr, len: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe { uaccess::copy_user_raw(dst, src.0 as *const u8, len) }
}
/// Clears range-checked user memory; returns how many bytes were not cleared.
#[inline]
pub(crate) fn clear_user(dst: UserAddr, len: usize) -> usize {
    // SAFETY: range-checked by every caller.
    unsafe { uaccess::zero_user_raw(dst.0 as *mut u8, len) }
}
/// Copies up to and including a NUL. `Some(bytes before the NUL)`, or `Some(max)` if there was none; `None`: a fault.
///
/// # Safety
/// `dst` is valid for `max` bytes, `src` was range-checked for as many.
#[inline]
pub(crate) unsafe fn strncpy_from_user(dst: *mut u8, src: UserAddr, max: usize) -> Option<usize> {
    // SAFETY: the caller's promise.
    unsafe { uaccess::strncpy_user_raw(dst, src.0 as *const u8, max).ok() }
}
/// Compare and swap on an aligned, range-checked user word; the value found, or `None` for a fault.
#[inline]
pub(crate) fn cas_user_u32(addr: UserAddr, old: u32, new: u32) -> Option<u32> {
    // SAFETY: aligned and range-checked by the caller.
    unsafe { uaccess::cmpxchg_u32(addr.0 as *mut u32, old, new).ok() }
}
/// Reads a value of 1, 2, 4 or 8 bytes in one instruction; `None`: a fault, or another size.
#[inline]
pub(crate) fn read_scalar(addr: UserAddr, size: usize) -> Option<u64> {
    // SAFETY: range-checked by the caller.
    unsafe {
        match size {
            1 => uaccess::read_u8(addr.0 as *const u8).ok().map(u64::from),
            2 => uaccess::read_u16(addr.0 as *const u16).ok().map(u64::from),
            4 => uaccess::read_u32(addr.0 as *const u32).ok().map(u64::from),
            8 => uaccess::read_u64(addr.0 as *const u64).ok(),
            _ => None,
        }
    }
}
/// Writes a value of 1, 2, 4 or 8 bytes in one instruction; `None`: a fault, or another size.
#[inline]
pub(crate) fn write_scalar(addr: UserAddr, size: usize, value: u64) -> Option<()> {
    // SAFETY: range-checked by the caller.
    unsafe {
        match size {
            1 => uaccess::write_u8(addr.0 as *mut u8, value as u8).ok(),
            2 => uaccess::write_u16(addr.0 as *mut u16, value as u16).ok(),
            4 => uaccess::write_u32(addr.0 as *mut u32, value as u32).ok(),
            8 => uaccess::write_u64(addr.0 as *mut u64, value).ok(),
            _ => None,
        }
    }
}
