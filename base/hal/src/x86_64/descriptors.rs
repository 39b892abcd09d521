//! Segments, the task state segment and the interrupt descriptor table.

use core::arch::asm;
use core::cell::UnsafeCell;

use super::percpu::{CpuLocal, GDT_ENTRIES};
use super::registers::{msr, wrmsr};

// Linux' selectors: programs see the user ones in signal frames and through ptrace.
pub(crate) const KERNEL_CS: u16 = 0x10;
pub(crate) const USER_CS: u16 = 0x33;
pub(crate) const USER_SS: u16 = 0x2b;
const TSS: u16 = 0x40;
/// A segment for data of user mode whose limit is the number of the CPU.
pub(crate) const CPU_SEGMENT: u16 = 0x7b;

unsafe extern "C" {
    // Of `entry.s`.
    fn syscall_entry();
    fn vector_stubs();
}

/// Sizes of a CPU's stack for interrupts, and of those for IST entries.
pub(crate) const IRQ_STACK_SIZE: usize = 16 << 10;
pub(crate) const IST_STACK_SIZE: usize = 8 << 10;
pub(crate) const IST_STACKS: usize = 4;

/// IST numbers (1 to 7; 0 means the stack in use).
const IST_NMI: u8 = 1;
const IST_DOUBLE_FAULT: u8 = 2;
const IST_MACHINE_CHECK: u8 = 3;
const IST_DEBUG: u8 = 4;

#[repr(C, packed)]
struct Pointer {
    limit: u16,
    base: u64,
}

/// Fills in a CPU's GDT and TSS. `irq_stack` is the low end of `IRQ_STACK_SIZE` bytes, `ist_base` that of `IST_STACKS`
/// stacks.
///
/// # Safety
/// `local` must be a header that no running CPU uses as its own yet, or this CPU's with traps impossible; the stacks
/// must be writable memory that stays.
pub(crate) unsafe fn prepare(local: *mut CpuLocal, irq_stack: usize, ist_base: usize) {
    // SAFETY: the caller hands us the header alone.
    let cpu = unsafe { &mut *local };
    cpu.irq_stack = [irq_stack, irq_stack + IRQ_STACK_SIZE];
    cpu.irq_stack_top = irq_stack + IRQ_STACK_SIZE;
    cpu.ist_stacks = [ist_base, ist_base + IST_STACKS * IST_STACK_SIZE];
    for index in 0..IST_STACKS {
        // The entry code finds the header above the frame.
        let top = ist_base + (index + 1) * IST_STACK_SIZE - 16;
        // SAFETY: within the stacks that the caller gave.
        unsafe { (top as *mut usize).write(local as usize) };
        cpu.tss.ist[index] = top as u64;
    }
    let tss = &raw const cpu.tss as u64;
    let limit = size_of_val(&cpu.tss) as u64 - 1;
    cpu.gdt = [0; GDT_ENTRIES];
    cpu.gdt[2] = 0x00af_9b00_0000_ffff; // 0x10: kernel code
    cpu.gdt[3] = 0x00cf_9300_0000_ffff; // 0x18: kernel data
    // 0x20 would be 32-bit user code: sysret counts from there, but loads nothing. There is no 32-bit user mode.
    cpu.gdt[5] = 0x00cf_f300_0000_ffff; // 0x28: user data
    cpu.gdt[6] = 0x00af_fb00_0000_ffff; // 0x30: user code
    cpu.gdt[8] = limit | (tss & 0xff_ffff) << 16 | 0x89 << 40 | (tss >> 24 & 0xff) << 56;
    cpu.gdt[9] = tss >> 32;
    cpu.gdt[CPU_SEGMENT as usize / 8] = u64::from(cpu.id) | 0xf1 << 40 | 1 << 54;
}

/// Makes this CPU use its GDT, TSS and the IDT, and sets up `syscall`.
///
/// # Safety
/// [`prepare`] must have filled in `local`, which must be this CPU's header; the IDT must be filled in.
pub(crate) unsafe fn load(local: *const CpuLocal) {
    // SAFETY: the tables are complete; the far return reloads CS with the same rights from the new GDT.
    unsafe {
        let gdt = Pointer {
            limit: (GDT_ENTRIES * 8 - 1) as u16,
            base: &raw const (*local).gdt as u64,
        };
        asm!("lgdt [{}]", in(reg) &raw const gdt, options(readonly, nostack, preserves_flags));
        asm!("push {cs}", "lea {t}, [rip + 2f]", "push {t}", "retfq", "2:",
            "mov ds, {zero:e}", "mov es, {zero:e}", "mov ss, {zero:e}",
            cs = const KERNEL_CS, t = out(reg) _, zero = in(reg) 0);
        asm!("ltr {:x}", in(reg) TSS, options(nostack, preserves_flags));
        let idt = Pointer {
            limit: (size_of::<Idt>() - 1) as u16,
            base: IDT.0.get() as u64,
        };
        asm!("lidt [{}]", in(reg) &raw const idt, options(readonly, nostack, preserves_flags));
    }
    // SAFETY: long mode has these registers. syscall: kernel CS 0x10, SS 0x18; sysret: CS 0x33, SS 0x2b.
    unsafe {
        wrmsr(msr::STAR, 0x0023_0010 << 32);
        wrmsr(msr::LSTAR, syscall_entry as *const () as u64);
        wrmsr(msr::CSTAR, syscall_entry as *const () as u64);
        // TF, IF, DF, IOPL, NT, RF, AC.
        wrmsr(msr::FMASK, 0x5_7700);
    }
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Gate {
    offset_low: u16,
    selector: u16,
    ist: u8,
    kind: u8,
    offset_middle: u16,
    offset_high: u32,
    reserved: u32,
}

#[repr(C, align(4096))]
struct Idt(UnsafeCell<[Gate; 256]>);
// SAFETY: written once by the boot CPU before any other runs and before interrupts are on.
unsafe impl Sync for Idt {}
// Read-only once boot has its own page tables, by which time it is filled in.
#[unsafe(link_section = ".ro_after_boot")]
static IDT: Idt = Idt(UnsafeCell::new(
    [Gate {
        offset_low: 0,
        selector: 0,
        ist: 0,
        kind: 0,
        offset_middle: 0,
        offset_high: 0,
        reserved: 0,
    }; 256],
));

/// Fills in the IDT. All gates turn interrupts off; user mode may raise #BP and #OF itself.
///
/// # Safety
/// Only once, by the boot CPU, before it loads the table.
pub(crate) unsafe fn prepare_idt() {
    // SAFETY: nobody else uses it yet.
    let idt = unsafe { &mut *IDT.0.get() };
    let stubs = vector_stubs as *const () as usize;
    for (vector, gate) in idt.iter_mut().enumerate() {
        let address = stubs + vector * 16;
        let ist = match vector {
            1 => IST_DEBUG,
            2 => IST_NMI,
            8 => IST_DOUBLE_FAULT,
            18 => IST_MACHINE_CHECK,
            _ => 0,
        };
        *gate = Gate {
            offset_low: address as u16,
            selector: KERNEL_CS,
            ist,
            kind: if matches!(vector, 3 | 4) { 0xee } else { 0x8e },
            offset_middle: (address >> 16) as u16,
            offset_high: (address >> 32) as u32,
            reserved: 0,
        };
    }
}
