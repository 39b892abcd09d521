//! Changing text, the kernel's own and that of modules, which is mapped read-only: through another mapping of the same page.

use core::arch::asm;

use super::fixmap;
use super::paging::{ENTRIES, KERNEL_BASE, MODULES, kernel_root, phys_to_virt, pte, virt_to_phys};
use super::uaccess::copy_user_raw;
use crate::addr::{PAGE_SIZE, PhysAddr, VirtAddr};

unsafe extern "C" {
    static _text: u8;
    static _etext: u8;
    static __altinstr_start: [Alternative; 0];
    static __altinstr_stop: [Alternative; 0];
}

/// Whether an address lies in the kernel's text.
#[must_use]
pub fn is_kernel_text(address: usize) -> bool {
    (&raw const _text as usize..&raw const _etext as usize).contains(&address)
}

/// One byte of text, the kernel's or a module's, for the code bytes of a report.
#[must_use]
pub fn read_text(address: usize) -> Option<u8> {
    if is_kernel_text(address) {
        // SAFETY: the kernel's text is always mapped; volatile, since it may be patched.
        return Some(unsafe { (address as *const u8).read_volatile() });
    }
    let mut byte = 0;
    // SAFETY: nothing but modules' memory is mapped there, and where nothing is, the fault is fixed up.
    let missing = !MODULES.contains(&address)
        || unsafe { copy_user_raw(&raw mut byte, address as *const u8, 1) } != 0;
    (!missing).then_some(byte)
}

/// Where a page of text lies: the kernel's, or one of modules' that is mapped executable and not writable.
///
/// # Panics
/// If it is neither.
fn page_of_text(address: VirtAddr) -> PhysAddr {
    if is_kernel_text(address.0) {
        return virt_to_phys(address);
    }
    let entry = leaf(address.0).filter(|entry| entry & (pte::WRITE | pte::NX) == 0);
    assert!(
        MODULES.contains(&address.0) && entry.is_some(),
        "text_poke outside of text"
    );
    PhysAddr((entry.unwrap_or(0) & pte::ADDR_MASK) as usize)
}

/// The entry of a 4 KiB page in the kernel's tables.
fn leaf(address: usize) -> Option<u64> {
    let mut table = kernel_root();
    for level in (0..4).rev() {
        let index = address >> (12 + 9 * level) & (ENTRIES - 1);
        let at = phys_to_virt(table).0 as *const u64;
        // SAFETY: a table of the kernel's, which the direct map has; those above mapped text stay.
        let entry = unsafe { at.add(index).read_volatile() };
        if entry & pte::PRESENT == 0 || (level != 0 && entry & pte::HUGE != 0) {
            return None;
        }
        if level == 0 {
            return Some(entry);
        }
        table = PhysAddr((entry & pte::ADDR_MASK) as usize);
    }
    None
}

/// Overwrites instructions at `address` in the kernel's text, or in a module's.
///
/// # Safety
/// All other CPUs are stopped (and execute a serialising instruction before they go on), preemption and interrupts are
/// off, and the new bytes leave the function around them correct. A module's text stays mapped meanwhile.
///
/// # Panics
/// If the bytes don't lie in text.
pub unsafe fn text_poke(address: VirtAddr, bytes: &[u8]) {
    let address = address.0;
    for (offset, byte) in bytes.iter().enumerate() {
        let target = VirtAddr(address + offset);
        if offset == 0 || target.page_offset() == 0 {
            let page = page_of_text(target);
            // SAFETY: the only user of the slot: the caller stopped all others.
            unsafe { fixmap::set_temporary(0, Some(page)) };
        }
        // SAFETY: the slot maps the page that `target` is in.
        unsafe { ((fixmap::BASE + target.page_offset()) as *mut u8).write_volatile(*byte) };
    }
    // SAFETY: as above.
    unsafe { fixmap::set_temporary(0, None) };
    serialize();
}

/// Makes this CPU forget instructions it has fetched ahead: what every CPU does after others' text was changed.
pub fn serialize() {
    let _ = super::cpu::cpuid(0, 0);
    // SAFETY: only for its effect on the compiler: no access moves across.
    unsafe { asm!("", options(nostack, preserves_flags)) };
}

/// A 3-byte place in the text, with what belongs there when the CPU has SMAP.
#[repr(C)]
struct Alternative {
    address: u64,
    kind: u64,
}

/// Puts stac and clac where they belong. Only while the text is still writable, before other CPUs run.
pub(crate) unsafe fn apply_smap() {
    let start = (&raw const __altinstr_start).cast::<Alternative>();
    let stop = (&raw const __altinstr_stop).cast::<Alternative>();
    // SAFETY: the linker script puts these around the section.
    let places = unsafe { core::slice::from_raw_parts(start, stop.offset_from_unsigned(start)) };
    for place in places {
        let bytes: [u8; 3] = if place.kind == 0 {
            [0x0f, 0x01, 0xcb]
        } else {
            [0x0f, 0x01, 0xca]
        };
        // SAFETY: the assembler put a 3-byte nop there; the text is still mapped writable.
        unsafe { (place.address as *mut [u8; 3]).write_volatile(bytes) };
    }
    serialize();
}

const _: () = assert!(KERNEL_BASE.is_multiple_of(PAGE_SIZE));
