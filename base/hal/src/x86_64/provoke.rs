//! Accesses that fault, for tests of what becomes of a faulty kernel (`service/lkdtm`). None can succeed, so none does
//! harm but to who makes it.

use core::arch::asm;

/// In the kernel's read-only data.
static READ_ONLY: u64 = 0x5eed_5eed;
/// Neither a user's address nor the kernel's: its upper bits are no sign extension.
const WILD: u64 = 0x0bad_0bad_0bad_0bad;

/// Stores to address 16: nothing is mapped in the lowest pages, by nobody.
#[inline(never)]
pub fn write_null() {
    // SAFETY: the store faults.
    unsafe { asm!("mov qword ptr [{}], 0", in(reg) 16u64, options(nostack)) };
}

/// Loads from address 24.
#[inline(never)]
pub fn read_null() {
    // SAFETY: the load faults.
    unsafe { asm!("mov {0}, [{0}]", inout(reg) 24u64 => _, options(nostack, readonly)) };
}

/// Calls address 0.
#[inline(never)]
pub fn call_null() {
    // SAFETY: the fetch faults.
    unsafe { asm!("call {}", in(reg) 0u64, clobber_abi("C")) };
}

/// Stores to read-only data of the kernel.
#[inline(never)]
pub fn write_read_only() {
    // SAFETY: the store faults: CR0.WP is set and the page is mapped without the right to write.
    unsafe { asm!("mov qword ptr [{}], 0", in(reg) &raw const READ_ONLY, options(nostack)) };
}

/// Loads from a non-canonical address: general protection.
#[inline(never)]
pub fn read_wild() {
    // SAFETY: the load faults.
    unsafe { asm!("mov {0}, [{0}]", inout(reg) WILD => _, options(nostack, readonly)) };
}
