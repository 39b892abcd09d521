//! The per-CPU header: what stands at gs:0 while the kernel runs. `sync` builds its per-CPU variables on
//! `cpu::id()`; only what entry code or single instructions need is here.

use core::arch::asm;
use core::mem::offset_of;

use super::context::Context;
use crate::MAX_CPUS;

/// The header. Assembly uses the offsets through `const` operands, never by number.
#[repr(C, align(64))]
pub(crate) struct CpuLocal {
    /// Its own address, so that `mov rax, gs:[0]` finds it.
    pub(crate) this: *mut CpuLocal,
    pub(crate) id: u32,
    pub(crate) preempt_count: u32,
    pub(crate) need_resched: u32,
    pub(crate) apic_id: u32,
    pub(crate) current: [*const (); 2],
    /// Kernel stack pointer to go back to when user mode traps: inside `enter_user`.
    pub(crate) kernel_sp: usize,
    /// One past the `ss` field of the `UserRegs` being run: user registers are pushed from there down.
    pub(crate) user_frame_end: usize,
    pub(crate) scratch: usize,
    /// Top of the interrupt stack.
    pub(crate) irq_stack_top: usize,
    /// 0 when not on the interrupt stack.
    pub(crate) irq_depth: u32,
    pub(crate) online: u32,
    /// The context whose fs/gs bases and FPU registers this CPU holds. Compared, never followed.
    pub(crate) user_owner: *const Context,
    /// The context that runs. Compared, never followed.
    pub(crate) running: *const Context,
    /// Bounds of the stack that `running` is on.
    pub(crate) stack_low: usize,
    pub(crate) stack_high: usize,
    /// Bounds of the interrupt stack, and of the stack for IST entries.
    pub(crate) irq_stack_low: usize,
    pub(crate) ist_low: usize,
    pub(crate) ist_high: usize,
    /// The TSS's rsp0 field.
    pub(crate) tss_rsp0: *mut u64,
    /// Requests for other CPUs, one bit per `IpiKind`; the sender ors, the receiver swaps.
    pub(crate) nmi_depth: u32,
}

impl CpuLocal {
    pub(crate) const fn new() -> Self {
        Self {
            this: core::ptr::null_mut(),
            id: 0,
            preempt_count: 0,
            need_resched: 0,
            apic_id: 0,
            current: [core::ptr::null(); 2],
            kernel_sp: 0,
            user_frame_end: 0,
            scratch: 0,
            irq_stack_top: 0,
            irq_depth: 0,
            online: 0,
            user_owner: core::ptr::null(),
            running: core::ptr::null(),
            stack_low: 0,
            stack_high: 0,
            irq_stack_low: 0,
            ist_low: 0,
            ist_high: 0,
            tss_rsp0: core::ptr::null_mut(),
            nmi_depth: 0,
        }
    }
}

/// All CPUs' headers.
#[repr(transparent)]
pub(crate) struct Headers(core::cell::UnsafeCell<[CpuLocal; MAX_CPUS]>);
// SAFETY: each header is written by its own CPU only (by `smp` before that CPU runs), by single instructions or with
// interrupts off.
unsafe impl Sync for Headers {}
pub(crate) static HEADERS: Headers = Headers(core::cell::UnsafeCell::new(
    [const { CpuLocal::new() }; MAX_CPUS],
));

/// A CPU's header.
pub(crate) fn header(cpu: usize) -> *mut CpuLocal {
    assert!(cpu < MAX_CPUS);
    HEADERS.0.get().cast::<CpuLocal>().wrapping_add(cpu)
}

/// This CPU's header. Stays this CPU's only while preemption or interrupts are off.
#[inline]
pub(crate) fn this() -> *mut CpuLocal {
    let this: *mut CpuLocal;
    // SAFETY: gs:0 holds the header's address from the first Rust instruction on.
    unsafe {
        asm!("mov {}, gs:[{o}]", out(reg) this, o = const offset_of!(CpuLocal, this),
            options(pure, readonly, nostack, preserves_flags));
    }
    this
}

/// Reads a 64-bit field of this CPU's header in one instruction.
macro_rules! read_u64 {
    ($field:ident) => {{
        let value: usize;
        // SAFETY: gs points at this CPU's header; a read of a plain field.
        unsafe {
            core::arch::asm!("mov {}, gs:[{o}]", out(reg) value,
                o = const core::mem::offset_of!($crate::x86_64::percpu::CpuLocal, $field),
                options(pure, readonly, nostack, preserves_flags));
        }
        value
    }};
}
/// Reads a 32-bit field of this CPU's header in one instruction.
macro_rules! read_u32 {
    ($field:ident) => {{
        let value: u32;
        // SAFETY: gs points at this CPU's header; a read of a plain field.
        unsafe {
            core::arch::asm!("mov {:e}, gs:[{o}]", out(reg) value,
                o = const core::mem::offset_of!($crate::x86_64::percpu::CpuLocal, $field),
                options(pure, readonly, nostack, preserves_flags));
        }
        value
    }};
}
/// Writes a 64-bit field of this CPU's header in one instruction; the caller must be in an unsafe block.
macro_rules! write_u64 {
    ($field:ident, $value:expr) => {
        core::arch::asm!("mov gs:[{o}], {}", in(reg) $value,
            o = const core::mem::offset_of!($crate::x86_64::percpu::CpuLocal, $field),
            options(nostack, preserves_flags))
    };
}
pub(crate) use {read_u32, read_u64, write_u64};
