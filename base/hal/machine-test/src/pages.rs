//! User pages, mapped in the low half of the kernel's own tables.

use hal::addr::{PhysAddr, VirtAddr};
use hal::paging::{self, pte};

/// Where the test programs (`user.s`) are.
pub(crate) const CODE: usize = 0x40_0000;
/// A writable page; the next isn't mapped.
pub(crate) const DATA: usize = 0x50_0000;
/// A page for each migrating thread.
pub(crate) const OWN: usize = 0x60_0000;

fn new_page() -> u64 {
    let memory = crate::heap::leak(8192).as_ptr() as usize;
    paging::virt_to_phys(VirtAddr(memory.next_multiple_of(4096))).0 as u64
}

/// The physical page's bytes, where tables may be written.
fn bytes(page: u64) -> *mut u8 {
    paging::table_virt(PhysAddr((page & pte::ADDR_MASK) as usize)).0 as *mut u8
}

/// The level-1 entry of a user address.
pub(crate) fn entry(address: usize) -> *mut u64 {
    let mut table = paging::read_cr3();
    for level in [3, 2, 1] {
        let slot = bytes(table)
            .cast::<u64>()
            .wrapping_add(address >> (12 + 9 * level) & 511);
        // SAFETY: a table; only the boot CPU makes them, before others use them.
        unsafe {
            if slot.read() == 0 {
                slot.write(new_page() | pte::PRESENT | pte::WRITE | pte::USER);
            }
            table = slot.read();
        }
    }
    bytes(table).cast::<u64>().wrapping_add(address >> 12 & 511)
}

/// Maps a page that holds `content`, with `rights` besides PRESENT and USER.
pub(crate) fn map(address: usize, rights: u64, content: &[u8]) {
    let page = new_page();
    // SAFETY: a new page and its entry.
    unsafe {
        core::ptr::copy_nonoverlapping(content.as_ptr(), bytes(page), content.len().min(4096));
        entry(address).write(page | pte::PRESENT | pte::USER | rights);
    }
}
