//! The preemption count and the wish to reschedule, per CPU. Each operation is one instruction on this CPU's header, so
//! it is whole with respect to interrupts and migration.

use core::arch::asm;
use core::mem::offset_of;

use super::percpu::{self, CpuLocal};

/// One level of "preemption off".
pub const PREEMPT: u32 = 1;
/// In a softirq. (They do not nest.)
pub const SOFTIRQ: u32 = 0x100;
/// One level of "softirqs off".
pub const SOFTIRQS_OFF: u32 = 2 * SOFTIRQ;
/// One level of hard interrupt handling.
pub const HARDIRQ: u32 = 0x1_0000;
/// In a non-maskable interrupt.
pub const NMI: u32 = 0x10_0000;

macro_rules! change {
    ($op:literal, $n:literal) => {
        // SAFETY: one instruction on this CPU's own count. It clobbers memory for the compiler, so that nothing that
        // needs the raised count leaves the section.
        unsafe {
            asm!(concat!($op, " dword ptr gs:[{o}], {n}"), n = const $n, o = const offset_of!(CpuLocal, preempt_count),
                options(nostack));
        }
    };
}
macro_rules! change_by {
    ($op:literal, $n:expr) => {
        // SAFETY: as in `change`.
        unsafe {
            asm!(concat!($op, " dword ptr gs:[{o}], {n:e}"), n = in(reg) $n,
                o = const offset_of!(CpuLocal, preempt_count), options(nostack));
        }
    };
}

/// The whole count; 0 means a task that may sleep and be preempted.
#[inline]
#[must_use]
pub fn count() -> u32 {
    percpu::read_u32!(preempt_count)
}

/// Adds `n` (a sum of the constants above). One instruction where `n` is known when compiling.
#[inline(always)]
pub fn add(n: u32) {
    match n {
        PREEMPT => change!("add", 1),
        SOFTIRQ => change!("add", 0x100),
        HARDIRQ => change!("add", 0x1_0000),
        _ => change_by!("add", n),
    }
}

/// Takes `n` off again. One instruction where `n` is known when compiling.
#[inline(always)]
pub fn sub(n: u32) {
    match n {
        PREEMPT => change!("sub", 1),
        SOFTIRQ => change!("sub", 0x100),
        HARDIRQ => change!("sub", 0x1_0000),
        _ => change_by!("sub", n),
    }
}

/// Whether this CPU should call the scheduler soon.
#[inline]
#[must_use]
pub fn need_resched() -> bool {
    percpu::read_u32!(need_resched) != 0
}

/// Notes that this CPU should call the scheduler soon.
#[inline]
pub fn set_need_resched() {
    // SAFETY: one instruction on this CPU's own flag.
    unsafe {
        asm!("mov dword ptr gs:[{o}], 1", o = const offset_of!(CpuLocal, need_resched),
            options(nostack, preserves_flags));
    }
}

/// Forgets the wish.
#[inline]
pub fn clear_need_resched() {
    // SAFETY: one instruction on this CPU's own flag.
    unsafe {
        asm!("mov dword ptr gs:[{o}], 0", o = const offset_of!(CpuLocal, need_resched),
            options(nostack, preserves_flags));
    }
}
