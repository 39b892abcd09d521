//! Changing the kernel's own text, which is mapped read-only: through another mapping of the same page.

use core::arch::asm;

use super::fixmap;
use super::paging::{KERNEL_BASE, MODULES, virt_to_phys};
use super::uaccess::copy_user_raw;
use crate::addr::{PAGE_SIZE, VirtAddr};

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

/// Overwrites instructions at `address` in the kernel's text.
///
/// # Safety
/// All other CPUs are stopped (and execute a serialising instruction before they go on), preemption and interrupts are
/// off, and the new bytes leave the function around them correct.
///
/// # Panics
/// If the bytes don't lie in the kernel's text.
pub unsafe fn text_poke(address: VirtAddr, bytes: &[u8]) {
    let address = address.0;
    assert!(
        is_kernel_text(address) && is_kernel_text(address + bytes.len() - 1),
        "text_poke outside the kernel's text"
    );
    for (offset, byte) in bytes.iter().enumerate() {
        let target = VirtAddr(address + offset);
        if offset == 0 || target.page_offset() == 0 {
            // SAFETY: the only user of the slot: the caller stopped all others.
            unsafe { fixmap::set_temporary(0, Some(virt_to_phys(target))) };
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
