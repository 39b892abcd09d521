//! Control registers: which of the CPU's features are on.

use super::registers::{self, msr};
use super::{cpu, fpu};

const CR0_MP: u64 = 1 << 1;
const CR0_NE: u64 = 1 << 5;
const CR0_WP: u64 = 1 << 16;
const CR4_PSE: u64 = 1 << 4;
const CR4_PAE: u64 = 1 << 5;
const CR4_MCE: u64 = 1 << 6;
const CR4_PGE: u64 = 1 << 7;
const CR4_OSFXSR: u64 = 1 << 9;
const CR4_OSXMMEXCPT: u64 = 1 << 10;
const CR4_UMIP: u64 = 1 << 11;
const CR4_FSGSBASE: u64 = 1 << 16;
const CR4_SMEP: u64 = 1 << 20;
const CR4_SMAP: u64 = 1 << 21;

/// Sets this CPU's control registers. The boot CPU has patched the text for SMAP before.
pub(crate) fn set_up() {
    let features = cpu::features();
    let mut cr4 = CR4_PSE | CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT;
    for (present, flag) in [
        (features.umip, CR4_UMIP),
        (features.fsgsbase, CR4_FSGSBASE),
        (features.xsave, registers::CR4_OSXSAVE),
        (features.smep, CR4_SMEP),
        (features.smap, CR4_SMAP),
    ] {
        if present {
            cr4 |= flag;
        }
    }
    // SAFETY: 64-bit mode with paging stays on; FPU instructions work (EM and TS off) for user mode; kernel code runs
    // from supervisor pages and touches user pages only between stac and clac.
    unsafe {
        registers::write_cr4(cr4);
        let cr0 = registers::read_cr0() & !(1 << 2 | 1 << 3);
        registers::write_cr0(cr0 | CR0_MP | CR0_NE | CR0_WP);
    }
    fpu::enable_on_this_cpu();
    if features.rdtscp {
        // SAFETY: the register comes with the instruction. User space reads its CPU's number there.
        unsafe { registers::wrmsr(msr::TSC_AUX, cpu::id() as u64) };
    }
}
