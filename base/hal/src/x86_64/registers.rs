//! Control and model-specific registers, and the single instructions around them.

use core::arch::asm;

macro_rules! control_register {
    ($read:ident, $write:ident, $name:literal) => {
        #[doc = concat!("Reads ", $name, ".")]
        #[inline]
        #[must_use]
        pub fn $read() -> u64 {
            let value: u64;
            // SAFETY: reading a control register has no effect.
            unsafe { asm!(concat!("mov {}, ", $name), out(reg) value, options(nomem, nostack, preserves_flags)) };
            value
        }
        #[doc = concat!("Writes ", $name, ".")]
        ///
        /// # Safety
        /// The new value must keep the kernel's assumptions about the CPU's mode true.
        #[inline]
        pub unsafe fn $write(value: u64) {
            // SAFETY: the caller vouches for the value.
            unsafe { asm!(concat!("mov ", $name, ", {}"), in(reg) value, options(nostack, preserves_flags)) };
        }
    };
}

control_register!(read_cr0, write_cr0, "cr0");
control_register!(read_cr2, write_cr2, "cr2");
control_register!(read_cr3, write_cr3_raw, "cr3");
control_register!(read_cr4, write_cr4, "cr4");
control_register!(read_dr6, write_dr6, "dr6");
control_register!(read_dr7, write_dr7, "dr7");

/// CR4: XSAVE and its kin may be used.
pub(crate) const CR4_OSXSAVE: u64 = 1 << 18;

/// Numbers of model-specific registers.
pub mod msr {
    /// Local APIC base and mode.
    pub const APIC_BASE: u32 = 0x1b;
    /// Absolute TSC value at which the local APIC timer fires.
    pub const TSC_DEADLINE: u32 = 0x6e0;
    /// First of the x2APIC registers.
    pub const X2APIC: u32 = 0x800;
    /// Extended features: long mode, syscall, NX.
    pub const EFER: u32 = 0xc000_0080;
    /// Segments for syscall and sysret.
    pub const STAR: u32 = 0xc000_0081;
    /// Where syscall goes.
    pub const LSTAR: u32 = 0xc000_0082;
    /// Where a 32-bit syscall goes.
    pub const CSTAR: u32 = 0xc000_0083;
    /// Flags that syscall clears.
    pub const FMASK: u32 = 0xc000_0084;
    /// Base of FS.
    pub const FS_BASE: u32 = 0xc000_0100;
    /// Base of GS.
    pub const GS_BASE: u32 = 0xc000_0101;
    /// What swapgs exchanges with the base of GS.
    pub const KERNEL_GS_BASE: u32 = 0xc000_0102;
    /// Value for rdtscp and rdpid.
    pub const TSC_AUX: u32 = 0xc000_0103;
    /// Code segment for sysenter; 0 makes it fault.
    pub const SYSENTER_CS: u32 = 0x174;
}

/// Reads a model-specific register.
///
/// # Safety
/// The register must exist on this CPU and have no side effect when read.
#[inline]
#[must_use]
pub unsafe fn rdmsr(register: u32) -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: the caller vouches for the register.
    unsafe {
        asm!("rdmsr", in("ecx") register, out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags));
    }
    u64::from(high) << 32 | u64::from(low)
}

/// Writes a model-specific register.
///
/// # Safety
/// The register must exist on this CPU, and the value must keep the kernel's assumptions true.
#[inline]
pub unsafe fn wrmsr(register: u32, value: u64) {
    // SAFETY: the caller vouches for register and value.
    unsafe {
        asm!("wrmsr", in("ecx") register, in("eax") value as u32, in("edx") (value >> 32) as u32,
            options(nostack, preserves_flags));
    }
}

/// The time-stamp counter, not ordered against anything around it.
#[inline]
#[must_use]
pub fn rdtsc() -> u64 {
    let (low, high): (u32, u32);
    // SAFETY: reading the counter has no effect; CR4.TSD only concerns user mode.
    unsafe {
        asm!("rdtsc", out("eax") low, out("edx") high, options(nomem, nostack, preserves_flags));
    };
    u64::from(high) << 32 | u64::from(low)
}

/// The stack pointer.
#[inline]
#[must_use]
pub fn stack_pointer() -> usize {
    let value: usize;
    // SAFETY: reading a register.
    unsafe { asm!("mov {}, rsp", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// The frame pointer.
#[inline(always)]
#[must_use]
pub fn frame_pointer() -> usize {
    let value: usize;
    // SAFETY: reading a register.
    unsafe { asm!("mov {}, rbp", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}
