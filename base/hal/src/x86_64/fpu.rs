//! User FPU state. The kernel itself is compiled without FPU code, so these registers always hold some user context's
//! values; `context` decides when they move.
//!
//! The image has the layout that XSAVE (standard form) or, on CPUs without it, FXSAVE writes: SDM volume 1, 13.4, 10.5.1.

extern crate alloc;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::arch::asm;
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use reserved::Reserved;

use super::registers::{msr, rdmsr, wrmsr};

/// Bytes of the legacy area (FXSAVE).
pub const LEGACY_SIZE: usize = 512;
const HEADER_SIZE: usize = 64;
const MXCSR_OFFSET: usize = 24;
const MXCSR_MASK_OFFSET: usize = 28;
const MXCSR_INIT: u32 = 0x1f80;
const FCW_INIT: u16 = 0x37f;

/// How this CPU saves: decided once at boot.
const FXSAVE: u8 = 0;
const XSAVE: u8 = 1;
const XSAVEOPT: u8 = 2;
static METHOD: AtomicU8 = AtomicU8::new(FXSAVE);
static SIZE: AtomicU32 = AtomicU32::new(LEGACY_SIZE as u32);
static FEATURES: AtomicU64 = AtomicU64::new(3);
static MXCSR_MASK: AtomicU32 = AtomicU32::new(0xffbf);
static FSGSBASE: AtomicU8 = AtomicU8::new(0);

/// Bytes of an FPU image.
#[inline]
#[must_use]
pub fn xstate_size() -> usize {
    SIZE.load(Relaxed) as usize
}

/// The state components in an image, as in XCR0; `None` on a CPU without XSAVE.
#[must_use]
pub fn xfeatures() -> Option<u64> {
    (METHOD.load(Relaxed) != FXSAVE).then(|| FEATURES.load(Relaxed))
}

#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Block([u8; 64]);

/// A saved FPU image.
pub struct FpuState(Box<[Block]>);

impl FpuState {
    /// A state as at a program's start; `None` when memory is short.
    #[must_use]
    pub fn try_new() -> Option<Self> {
        let blocks = xstate_size().div_ceil(64);
        let mut memory = Vec::new();
        memory.try_reserve_exact(blocks).ok()?;
        memory.resize_reserved(blocks, || Block([0; 64]));
        let mut state = Self(memory.into_boxed_slice());
        state.init_legacy();
        Some(state)
    }

    /// Back to the state at a program's start.
    pub fn reset(&mut self) {
        self.0.fill(Block([0; 64]));
        self.init_legacy();
    }

    fn init_legacy(&mut self) {
        let bytes = self.bytes_mut();
        bytes[0..2].copy_from_slice(&FCW_INIT.to_le_bytes());
        bytes[MXCSR_OFFSET..MXCSR_OFFSET + 4].copy_from_slice(&MXCSR_INIT.to_le_bytes());
    }

    /// The image.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: blocks are plain bytes without padding, side by side.
        let all = unsafe {
            core::slice::from_raw_parts(self.0.as_ptr().cast::<u8>(), size_of_val(&*self.0))
        };
        &all[..xstate_size()]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; any byte values are valid.
        let all = unsafe {
            core::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast::<u8>(), size_of_val(&*self.0))
        };
        &mut all[..xstate_size()]
    }

    pub(crate) fn copy_from(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }

    /// Makes an image that came from elsewhere one that can be loaded without a fault.
    pub(crate) fn sanitize(&mut self) {
        let mask = MXCSR_MASK.load(Relaxed);
        let xsave = xfeatures();
        let bytes = self.bytes_mut();
        let mxcsr = u32::from_le_bytes([bytes[24], bytes[25], bytes[26], bytes[27]]) & mask;
        bytes[MXCSR_OFFSET..MXCSR_OFFSET + 4].copy_from_slice(&mxcsr.to_le_bytes());
        if let Some(features) = xsave {
            let header = &mut bytes[LEGACY_SIZE..LEGACY_SIZE + HEADER_SIZE];
            let mut present = [0; 8];
            present.copy_from_slice(&header[..8]);
            let present = u64::from_le_bytes(present) & features;
            header.fill(0);
            header[..8].copy_from_slice(&present.to_le_bytes());
        }
    }

    /// CPU to memory.
    #[inline]
    pub(crate) fn save(&mut self) {
        let area = self.0.as_mut_ptr();
        // SAFETY: the area is 64-byte aligned and as large as the enabled components need; the instruction exists.
        unsafe {
            match METHOD.load(Relaxed) {
                XSAVEOPT => {
                    asm!("xsaveopt64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX,
                        options(nostack, preserves_flags));
                }
                XSAVE => {
                    asm!("xsave64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX,
                        options(nostack, preserves_flags));
                }
                _ => asm!("fxsave64 [{}]", in(reg) area, options(nostack, preserves_flags)),
            }
        }
    }

    /// Memory to CPU.
    pub(crate) fn restore(&self) {
        let area = self.0.as_ptr();
        // SAFETY: the image was saved by this kernel, made by `reset`, or sanitized: loading it does not fault. User FPU
        // registers are all it changes, which no kernel code uses.
        unsafe {
            if METHOD.load(Relaxed) == FXSAVE {
                asm!("fxrstor64 [{}]", in(reg) area, options(nostack, readonly, preserves_flags));
            } else {
                asm!("xrstor64 [{}]", in(reg) area, in("eax") u32::MAX, in("edx") u32::MAX,
                    options(nostack, readonly, preserves_flags));
            }
        }
    }
}

/// Decides how to save, from what the boot CPU can do. CR4 is set up already.
pub(crate) fn decide(xsave: bool, fsgsbase: bool) {
    FSGSBASE.store(fsgsbase.into(), Relaxed);
    if xsave {
        // x87, SSE, AVX, AVX-512.
        let supported = super::cpu::cpuid(0xd, 0);
        let mut features = (u64::from(supported.edx) << 32 | u64::from(supported.eax)) & 0xe7;
        if features & 0xe0 != 0xe0 || features & 4 == 0 {
            features &= 7;
        }
        FEATURES.store(features, Relaxed);
        enable_on_this_cpu();
        SIZE.store(super::cpu::cpuid(0xd, 0).ebx, Relaxed);
        let optimized = super::cpu::cpuid(0xd, 1).eax & 1 != 0;
        METHOD.store(if optimized { XSAVEOPT } else { XSAVE }, Relaxed);
    }
    let mut probe = Block512([0; LEGACY_SIZE]);
    // SAFETY: fxsave exists on every 64-bit CPU; the area is aligned and large enough.
    unsafe { asm!("fxsave64 [{}]", in(reg) &raw mut probe, options(nostack, preserves_flags)) };
    let mut mask = [0; 4];
    mask.copy_from_slice(&probe.0[MXCSR_MASK_OFFSET..MXCSR_MASK_OFFSET + 4]);
    if u32::from_le_bytes(mask) != 0 {
        MXCSR_MASK.store(u32::from_le_bytes(mask), Relaxed);
    }
}

#[repr(align(16))]
struct Block512([u8; LEGACY_SIZE]);

/// Enables the chosen components (XCR0).
pub(crate) fn enable_on_this_cpu() {
    if super::registers::read_cr4() & super::registers::CR4_OSXSAVE != 0 {
        let features = FEATURES.load(Relaxed);
        // SAFETY: CR4.OSXSAVE is on, and the CPU offers these components in a valid combination.
        unsafe {
            asm!("xsetbv", in("ecx") 0, in("eax") features as u32, in("edx") (features >> 32) as u32,
                options(nostack, preserves_flags));
        }
    }
}

#[inline]
pub(crate) fn has_fsgsbase() -> bool {
    FSGSBASE.load(Relaxed) != 0
}

/// The FS base (user's: the kernel doesn't use FS). Needs fsgsbase.
#[inline]
pub(crate) fn read_fs_base() -> u64 {
    let value;
    // SAFETY: called only where CR4.FSGSBASE is on.
    unsafe { asm!("rdfsbase {}", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

/// The user's GS base, which waits in KERNEL_GS_BASE while the kernel runs.
#[inline]
pub(crate) fn read_user_gs_base() -> u64 {
    // SAFETY: long mode has the register.
    unsafe { rdmsr(msr::KERNEL_GS_BASE) }
}

pub(crate) fn write_fs_base(value: u64) {
    // SAFETY: a user's base, canonical; the kernel doesn't use FS.
    unsafe {
        if has_fsgsbase() {
            asm!("wrfsbase {}", in(reg) value, options(nostack, preserves_flags));
        } else {
            wrmsr(msr::FS_BASE, value);
        }
    }
}

pub(crate) fn write_user_gs_base(value: u64) {
    // SAFETY: a user's base, canonical: it only takes effect with the swapgs on the way to user mode.
    unsafe { wrmsr(msr::KERNEL_GS_BASE, value) };
}
