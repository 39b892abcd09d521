//! The per-CPU header: what stands at gs:0 while the kernel runs. `sync` builds its per-CPU variables on
//! `cpu::id()`; only what entry code or single instructions need is here.

use core::arch::asm;
use core::mem::offset_of;

use crate::MAX_CPUS;

/// Most triples on the stack of held locks (`held`).
pub(crate) const HELD_MAX: usize = 24;
/// Where the first one stands in the header.
pub(crate) const HELD_FIRST: u32 = offset_of!(CpuLocal, held) as u32;

/// The header. Assembly uses the offsets through `const` operands, never by number. A page of its own would waste
/// memory; 1024 bytes keep the TSS from crossing a page.
#[repr(C, align(1024))]
pub(crate) struct CpuLocal {
    /// Its own address, so that `mov rax, gs:[0]` finds it.
    pub(crate) this: *mut CpuLocal,
    pub(crate) id: u32,
    pub(crate) preempt_count: u32,
    pub(crate) current: [*const (); 3],
    /// Kernel stack pointer to go back to when user mode traps: inside `enter_user`.
    pub(crate) kernel_sp: usize,
    pub(crate) scratch: usize,
    /// The address of the context whose fs/gs bases and FPU registers this CPU holds. Compared, never followed.
    pub(crate) user_owner: *const (),
    /// The same while the registers may be newer than what the context has saved: from an entry into user mode until
    /// the context leaves the CPU or its saved state is looked at. Null otherwise.
    pub(crate) user_live: *const (),
    /// The context that runs; as above.
    pub(crate) running: *const (),
    /// Top of the interrupt stack.
    pub(crate) irq_stack_top: usize,
    pub(crate) need_resched: u32,
    /// How many handlers stand on the interrupt stack.
    pub(crate) irq_depth: u32,
    /// The hard interrupt that is being handled came in user mode.
    pub(crate) from_user: bool,
    pub(crate) apic_id: u32,
    /// rsp0 in it points one past the `ss` field of the `UserRegs` being run: user registers are pushed from there
    /// down, by the CPU and by the system call entry alike.
    pub(crate) tss: Tss,
    pub(crate) gdt: [u64; GDT_ENTRIES],
    /// Bounds of the stack that `running` is on, of the interrupt stack, and of the stacks for IST entries.
    pub(crate) stack: [usize; 2],
    pub(crate) irq_stack: [usize; 2],
    pub(crate) ist_stacks: [usize; 2],
    /// The stack of `held`, and where its next pair goes, from the start of the header.
    pub(crate) held_top: u32,
    pub(crate) held: [[usize; 3]; HELD_MAX],
}

/// The task state segment: stacks for traps.
#[repr(C, packed(4))]
#[derive(Clone, Copy)]
pub(crate) struct Tss {
    pub(crate) reserved0: u32,
    pub(crate) rsp: [u64; 3],
    pub(crate) reserved1: u64,
    pub(crate) ist: [u64; 7],
    pub(crate) reserved2: u64,
    pub(crate) reserved3: u16,
    pub(crate) io_map_base: u16,
}
const _: () = assert!(size_of::<Tss>() == 104);
pub(crate) const GDT_ENTRIES: usize = 16;

impl CpuLocal {
    pub(crate) const fn new() -> Self {
        Self {
            this: core::ptr::null_mut(),
            id: 0,
            preempt_count: 0,
            current: [core::ptr::null(); 3],
            kernel_sp: 0,
            scratch: 0,
            user_owner: core::ptr::null(),
            user_live: core::ptr::null(),
            running: core::ptr::null(),
            irq_stack_top: 0,
            need_resched: 0,
            irq_depth: 0,
            from_user: false,
            apic_id: 0,
            tss: Tss {
                reserved0: 0,
                rsp: [0; 3],
                reserved1: 0,
                ist: [0; 7],
                reserved2: 0,
                reserved3: 0,
                io_map_base: 104,
            },
            gdt: [0; GDT_ENTRIES],
            stack: [0; 2],
            irq_stack: [0; 2],
            ist_stacks: [0; 2],
            held_top: HELD_FIRST,
            held: [[0; 3]; HELD_MAX],
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
pub(crate) use {read_u32, read_u64};
