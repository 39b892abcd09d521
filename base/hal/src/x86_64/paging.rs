//! The layout of the kernel's address space, page-table entry bits, and the few instructions that concern them.
//! Who maps what is `kmem`'s business; the direct map and the kernel image are mapped by `boot`.

use core::arch::asm;
use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::registers;
use crate::addr::{PhysAddr, VirtAddr};

/// Where physical address 0 appears; all RAM is mapped from here (Linux' place for it).
pub const DIRECT_MAP_BASE: usize = 0xffff_8880_0000_0000;
/// Size of the direct map's window: 64 TiB of physical memory.
pub const DIRECT_MAP_SIZE: usize = 1 << 46;
/// Where all RAM appears once more, for the kernel's own writes to page tables: at [`DIRECT_MAP_BASE`] the pages that hold
/// tables are read-only, so that a stray store there faults.
const TABLES_BASE: usize = 0xffff_d000_0000_0000;
/// Mappings that `kmem` makes and unmakes: vmalloc, kernel stacks, device registers. One entry of the top table (of
/// Linux' 64): its next-level table exists from boot on.
pub const VMALLOC: Range<usize> = 0xffff_c900_0000_0000..0xffff_c980_0000_0000;
/// Physical address 0 as the kernel's own text and data see it; the image starts 2 MiB above.
pub const KERNEL_BASE: usize = 0xffff_ffff_8000_0000;
/// Loaded modules' text and data: within 2 GiB of the kernel's text.
pub const MODULES: Range<usize> = 0xffff_ffff_a000_0000..0xffff_ffff_ff00_0000;
/// The first address that user space can't have: the last page below the canonical gap is kept free.
pub const USER_END: usize = 0x7fff_ffff_f000;
/// Entries in a table of any level.
pub const ENTRIES: usize = 512;
/// The first entry of the top table that belongs to the kernel; all entries from here on are the same in every address
/// space and their next-level tables exist from boot on, so that no address space ever goes stale.
pub const KERNEL_FIRST_SLOT: usize = 256;

/// Bits of a page-table entry.
pub mod pte {
    /// The entry maps something.
    pub const PRESENT: u64 = 1 << 0;
    /// Stores are allowed.
    pub const WRITE: u64 = 1 << 1;
    /// User mode may use it.
    pub const USER: u64 = 1 << 2;
    /// Write-through (with the PAT at reset).
    pub const WRITE_THROUGH: u64 = 1 << 3;
    /// Uncached (with the PAT at reset).
    pub const NO_CACHE: u64 = 1 << 4;
    /// The CPU has used the entry.
    pub const ACCESSED: u64 = 1 << 5;
    /// The CPU has stored through the entry.
    pub const DIRTY: u64 = 1 << 6;
    /// In a level-2 or level-3 table: maps 2 MiB or 1 GiB and not a table.
    pub const HUGE: u64 = 1 << 7;
    /// Outlives a CR3 write.
    pub const GLOBAL: u64 = 1 << 8;
    /// Free for the kernel's own use.
    pub const SOFT0: u64 = 1 << 9;
    /// Free for the kernel's own use.
    pub const SOFT1: u64 = 1 << 10;
    /// Free for the kernel's own use.
    pub const SOFT2: u64 = 1 << 11;
    /// No instruction fetches.
    pub const NX: u64 = 1 << 63;
    /// The physical address.
    pub const ADDR_MASK: u64 = 0x000f_ffff_ffff_f000;
}

/// A physical address in the direct map.
#[inline]
#[must_use]
pub const fn phys_to_virt(phys: PhysAddr) -> VirtAddr {
    VirtAddr(phys.0.wrapping_add(DIRECT_MAP_BASE))
}

/// Where a page table is written.
#[inline]
#[must_use]
pub const fn table_virt(phys: PhysAddr) -> VirtAddr {
    VirtAddr(phys.0.wrapping_add(TABLES_BASE))
}

/// The physical address of something in the direct map or the kernel image; meaningless for any other address.
#[inline]
#[must_use]
pub const fn virt_to_phys(virt: VirtAddr) -> PhysAddr {
    if virt.0 >= KERNEL_BASE {
        PhysAddr(virt.0 - KERNEL_BASE)
    } else {
        PhysAddr(virt.0.wrapping_sub(DIRECT_MAP_BASE))
    }
}

/// Whether an address lies in the direct map's window (not whether there is RAM behind it).
#[inline]
#[must_use]
pub const fn in_direct_map(virt: VirtAddr) -> bool {
    virt.0.wrapping_sub(DIRECT_MAP_BASE) < DIRECT_MAP_SIZE
}

static KERNEL_ROOT: AtomicUsize = AtomicUsize::new(0);

/// The top table (PML4) made at boot: it maps the kernel's half and nothing else. Address spaces copy entries
/// [`KERNEL_FIRST_SLOT`].. from it; all those that `kmem` may ever use are present from boot on.
#[must_use]
pub fn kernel_root() -> PhysAddr {
    PhysAddr(KERNEL_ROOT.load(Ordering::Relaxed))
}

pub(crate) fn set_kernel_root(root: PhysAddr) {
    KERNEL_ROOT.store(root.0, Ordering::Relaxed);
}

/// CR3: the top table in use, with its low flag bits.
#[inline]
#[must_use]
pub fn read_cr3() -> u64 {
    registers::read_cr3()
}

/// Makes another top table the one in use; flushes all but global translations.
///
/// # Safety
/// The table's kernel half must be that of [`kernel_root`], and it must stay allocated while in use.
#[inline]
pub unsafe fn write_cr3(value: u64) {
    // SAFETY: the caller vouches for the table.
    unsafe { asm!("mov cr3, {}", in(reg) value, options(nostack, preserves_flags)) };
}

/// Forgets this CPU's translation of one page.
#[inline]
pub fn invlpg(address: usize) {
    // SAFETY: dropping a cached translation changes nothing but speed when the tables agree with it.
    unsafe { asm!("invlpg [{}]", in(reg) address, options(nostack, preserves_flags)) };
}

/// Forgets this CPU's translations except global ones.
#[inline]
pub fn flush_tlb_local() {
    // SAFETY: the same table again.
    unsafe { write_cr3(read_cr3()) };
}

/// Forgets all of this CPU's translations, global ones too.
pub fn flush_tlb_global() {
    const PGE: u64 = 1 << 7;
    let saved = super::irq::disable();
    let cr4 = registers::read_cr4();
    // SAFETY: turning PGE off and on again is the documented way to flush global translations; interrupts are off.
    unsafe {
        registers::write_cr4(cr4 & !PGE);
        registers::write_cr4(cr4);
    }
    super::irq::restore(saved);
}
