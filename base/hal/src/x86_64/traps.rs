//! Traps taken in kernel mode, and the glue between `entry.s` and Rust. Traps from user mode return from `user::run`;
//! those from the kernel call the one [`KernelTraps`] that is set at boot.

use core::arch::global_asm;
use core::mem::offset_of;

use super::apic;
pub use super::apic::IpiKind;
use super::context;
use super::descriptors;
use super::extable;
use super::frame::{self, UserRegs};
use super::paging::USER_END;
use super::percpu::{self, CpuLocal};
use super::preempt;
use super::registers;

/// Registers at a trap from kernel mode. The layout is that of [`UserRegs`]; `orig_rax` is the error code.
pub type TrapFrame = UserRegs;

/// Exceptions by number.
pub const DEBUG: u8 = 1;
/// Non-maskable interrupt.
pub const NMI: u8 = 2;
/// `int3`.
pub const BREAKPOINT: u8 = 3;
/// Invalid opcode (`ud2`).
pub const INVALID_OPCODE: u8 = 6;
/// A fault while another was being delivered: on a kernel stack's guard page, most often.
pub const DOUBLE_FAULT: u8 = 8;
/// General protection.
pub const GENERAL_PROTECTION: u8 = 13;
/// Page fault; the address is in CR2.
pub const PAGE_FAULT: u8 = 14;
/// Machine check.
pub const MACHINE_CHECK: u8 = 18;

/// Bits of a page fault's error code.
pub mod page_fault {
    /// The page was present: a matter of rights.
    pub const PRESENT: u64 = 1 << 0;
    /// A store.
    pub const WRITE: u64 = 1 << 1;
    /// From user mode.
    pub const USER: u64 = 1 << 2;
    /// A table entry has a reserved bit set.
    pub const RESERVED: u64 = 1 << 3;
    /// An instruction fetch.
    pub const FETCH: u64 = 1 << 4;
}

/// What is known of an exception in kernel mode.
#[derive(Clone, Copy, Debug)]
pub struct FaultInfo {
    /// Its vector, 0 to 31.
    pub vector: u8,
    /// What the CPU pushed; 0 where it pushes nothing.
    pub error_code: u64,
    /// CR2 for page and double faults, DR6 for debug exceptions, else 0.
    pub addr: usize,
    /// A page fault on a user address by an instruction of the exception table: `UserPtr` access. Answer
    /// [`FaultAction::Resolved`] once the page is there, [`FaultAction::Fixup`] when it can't be.
    pub user_access: bool,
    /// The fault hit the guard page of the running kernel stack.
    pub stack_overflow: bool,
    /// Interrupts were on where it happened; then they are on in the handler too.
    pub interrupts_on: bool,
}

/// What to do about a fault in kernel mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultAction {
    /// Try the instruction again.
    Resolved,
    /// Go on at the instruction's fix-up from the exception table; an oops if it has none.
    Fixup,
    /// Call [`KernelTraps::oops`].
    Oops,
}

/// The floors above, as the machine sees them. All calls come with interrupts off unless said otherwise.
pub trait KernelTraps: Sync {
    /// An exception in kernel mode. Interrupts are as they were where it happened, but off for double faults, debug
    /// exceptions, breakpoints and machine checks. It may change the frame, and thereby where the kernel goes on. At a
    /// breakpoint the word below the frame's stack pointer is free, and may be written.
    fn fault(&self, frame: &mut TrapFrame, fault: FaultInfo) -> FaultAction;
    /// An exception that nothing resolves: reports it and ends the thread or the machine.
    fn oops(&self, frame: &TrapFrame, fault: FaultInfo) -> !;
    /// A device's interrupt, by vector (48 to 239), before it is acknowledged at the local APIC.
    fn irq(&self, vector: u8);
    /// This CPU's timer went off.
    fn timer(&self);
    /// Another CPU's request.
    fn ipi(&self, kind: IpiKind);
    /// The last handler of a hard interrupt is done and acknowledged: the moment for softirqs. Called with no HARDIRQ
    /// or SOFTIRQ in the preemption count; may turn interrupts on and must return with them off.
    fn irq_exit(&self) {}
    /// A non-maskable interrupt, from any place in kernel or user mode. Must not fault, lock, or turn interrupts on. It
    /// may have kernel mode go on by single steps: set the trap flag in the frame.
    fn nmi(&self, frame: &mut TrapFrame);
    /// The timer's interrupt came in kernel mode, and is served. Interrupts are off.
    fn tick_in_kernel(&self, _frame: &mut TrapFrame) {}
    /// An interrupt of a kernel thread is over, and the CPU should reschedule: preemption. Returns when the thread is
    /// to go on, with interrupts off.
    fn preempt(&self);
}

struct Unset;
impl KernelTraps for Unset {
    fn fault(&self, _: &mut TrapFrame, _: FaultInfo) -> FaultAction {
        FaultAction::Fixup
    }
    fn oops(&self, frame: &TrapFrame, fault: FaultInfo) -> ! {
        early_oops(frame, fault)
    }
    fn irq(&self, _: u8) {}
    fn timer(&self) {}
    fn ipi(&self, kind: IpiKind) {
        if kind == IpiKind::Stop {
            super::cpu::halt_forever();
        }
    }
    fn nmi(&self, _: &mut TrapFrame) {}
    fn preempt(&self) {}
}

static TRAPS: super::Once<&'static dyn KernelTraps> = super::Once::new();

/// Sets who handles traps from kernel mode from now on; only the first call counts. Before, faults are reported on the
/// early console and end the machine.
pub fn set_kernel_traps(traps: &'static dyn KernelTraps) {
    TRAPS.get_or_init(|| traps);
}

#[inline]
fn kernel_traps() -> &'static dyn KernelTraps {
    TRAPS.get().copied().unwrap_or(&Unset)
}

pub(crate) const TRAP_SYSCALL: u64 = 256;
pub(crate) const TRAP_BAD_RIP: u64 = 257;

unsafe extern "C" {
    /// Enters user mode; gives the vector of the trap that ended it. System calls are made by `call(caller)`, which
    /// says whether to go straight back to user mode; it starts and ends with interrupts off.
    ///
    /// # Safety
    /// Interrupts off, the context's user state loaded, the frame inside `regs` not moved until it returns; `caller` is
    /// what `call` takes, and good until then.
    pub(crate) fn enter_user(
        regs: *mut UserRegs,
        caller: *mut (),
        call: unsafe extern "C" fn(*mut ()) -> bool,
    ) -> u64;
}

global_asm!(
    include_str!("entry.s"),
    kernel_sp = const offset_of!(CpuLocal, kernel_sp),
    scratch = const offset_of!(CpuLocal, scratch),
    rsp0 = const offset_of!(CpuLocal, tss) + 4,
    irq_depth = const offset_of!(CpuLocal, irq_depth),
    irq_stack_top = const offset_of!(CpuLocal, irq_stack_top),
    preempt_count = const offset_of!(CpuLocal, preempt_count),
    need_resched = const offset_of!(CpuLocal, need_resched),
    user_live = const offset_of!(CpuLocal, user_live),
    user_ss = const descriptors::USER_SS,
    user_cs = const descriptors::USER_CS,
    user_end = const USER_END,
    trap_syscall = const TRAP_SYSCALL,
    trap_bad_rip = const TRAP_BAD_RIP,
    sysret_flags_mask = const frame::SYSRET_FLAGS_MASK,
    frame_size = const frame::FRAME_SIZE,
    rip = const offset_of!(UserRegs, rip),
    cs = const offset_of!(UserRegs, cs),
    rflags = const offset_of!(UserRegs, rflags),
    rsp = const offset_of!(UserRegs, rsp),
    r15 = const offset_of!(UserRegs, r15),
    r14 = const offset_of!(UserRegs, r14),
    r13 = const offset_of!(UserRegs, r13),
    r12 = const offset_of!(UserRegs, r12),
    rbp = const offset_of!(UserRegs, rbp),
    rbx = const offset_of!(UserRegs, rbx),
    r11 = const offset_of!(UserRegs, r11),
    r10 = const offset_of!(UserRegs, r10),
    r9 = const offset_of!(UserRegs, r9),
    r8 = const offset_of!(UserRegs, r8),
    rax = const offset_of!(UserRegs, rax),
    rcx = const offset_of!(UserRegs, rcx),
    rdx = const offset_of!(UserRegs, rdx),
    rsi = const offset_of!(UserRegs, rsi),
    rdi = const offset_of!(UserRegs, rdi),
    prepare_iret = sym frame::prepare_iret,
    finish_switch = sym context::finish_switch,
    kernel_fault = sym kernel_fault,
    kernel_irq = sym kernel_irq,
    kernel_preempt = sym kernel_preempt,
    kernel_paranoid = sym kernel_paranoid,
);

/// Whether the CPU pushes an error code.
#[must_use]
pub const fn has_error_code(vector: u8) -> bool {
    matches!(vector, 8 | 10..=14 | 17 | 21 | 29 | 30)
}

/// DR6's cause bits, which are cleared.
pub(crate) fn take_dr6() -> u64 {
    let value = registers::read_dr6();
    // SAFETY: the reset value: no cause.
    unsafe { registers::write_dr6(0xffff_0ff0) };
    value
}

const INTERRUPT_FLAG: u64 = 1 << 9;
/// The page below a stack, and some for frames that jump over it.
const GUARD_REACH: usize = 16 << 10;

fn describe(frame: &TrapFrame) -> FaultInfo {
    let vector = frame.vector as u8;
    let addr = match vector {
        PAGE_FAULT | DOUBLE_FAULT => registers::read_cr2() as usize,
        DEBUG => take_dr6() as usize,
        _ => 0,
    };
    // SAFETY: this CPU's header; traps leave interrupts off.
    let (stack, irq_stack) = unsafe { ((*percpu::this()).stack, (*percpu::this()).irq_stack) };
    let below = |[low, _]: [usize; 2]| low != 0 && addr < low && low - addr <= GUARD_REACH;
    let below_stack = below(stack) || below(irq_stack);
    FaultInfo {
        vector,
        error_code: if has_error_code(vector) {
            frame.orig_rax
        } else {
            0
        },
        addr,
        user_access: false,
        stack_overflow: matches!(vector, PAGE_FAULT | DOUBLE_FAULT) && below_stack,
        interrupts_on: frame.rflags & INTERRUPT_FLAG != 0,
    }
}

/// An exception in kernel mode, on the stack it happened on.
extern "C" fn kernel_fault(frame: &mut TrapFrame) {
    let mut info = describe(frame);
    let fixup = extable::find(frame.rip as usize);
    info.user_access = info.vector == PAGE_FAULT && fixup.is_some() && info.addr < USER_END;
    // A breakpoint's own work is not to be interrupted: it is what another interrupt would be.
    if info.interrupts_on && info.vector != BREAKPOINT {
        super::irq::enable();
    }
    let action = match fixup {
        // A non-canonical "user" address raises #GP: nothing to resolve.
        Some(_) if !info.user_access => FaultAction::Fixup,
        _ => kernel_traps().fault(frame, info),
    };
    let _ = super::irq::disable();
    match (action, fixup) {
        (FaultAction::Resolved, _) => {}
        (FaultAction::Fixup, Some(address)) => frame.rip = address as u64,
        _ => kernel_traps().oops(frame, info),
    }
}

/// NMI, debug exception, double fault, machine check; with a stack of their own, interrupts off.
extern "C" fn kernel_paranoid(frame: &mut TrapFrame) {
    match frame.vector as u8 {
        NMI => {
            preempt::add(preempt::NMI);
            kernel_traps().nmi(frame);
            preempt::sub(preempt::NMI);
        }
        DEBUG => {
            let info = describe(frame);
            if kernel_traps().fault(frame, info) != FaultAction::Resolved {
                // A user's watchpoint or single step that was still pending at a kernel entry.
                frame.rflags &= !(1 << 8);
            }
        }
        _ => {
            let info = describe(frame);
            if kernel_traps().fault(frame, info) != FaultAction::Resolved {
                kernel_traps().oops(frame, info);
            }
        }
    }
}

/// An interrupt in kernel mode; on the interrupt stack.
extern "C" fn kernel_irq(vector: u64, frame: &mut TrapFrame) {
    hard_irq(vector as u8);
    irq_exit();
    if vector as u8 == apic::TIMER_VECTOR {
        kernel_traps().tick_in_kernel(frame);
    }
}

/// An interrupt in user mode; on the thread's stack, which is almost empty then.
pub(crate) fn user_irq(vector: u8) {
    let local = percpu::this();
    // SAFETY: this CPU's header; interrupts are off until `irq_exit`.
    unsafe { (*local).from_user = true };
    hard_irq(vector);
    // SAFETY: as above.
    unsafe { (*local).from_user = false };
    irq_exit();
}

/// Whether the hard interrupt that is being handled came in user mode.
#[must_use]
pub(crate) fn interrupted_user() -> bool {
    // SAFETY: this CPU's header; a handler stays on its CPU.
    unsafe { (*percpu::this()).from_user }
}

#[inline]
fn hard_irq(vector: u8) {
    preempt::add(preempt::HARDIRQ);
    match vector {
        apic::TIMER_VECTOR => {
            super::clock::maybe_refine();
            if super::timer::reached() {
                kernel_traps().timer();
            }
            apic::eoi();
        }
        apic::SPURIOUS_VECTOR => {}
        apic::IPI_FIRST..=apic::IPI_LAST => {
            let kind = apic::ipi_kind(vector);
            apic::eoi();
            if kind == IpiKind::Reschedule {
                preempt::set_need_resched();
            }
            kernel_traps().ipi(kind);
        }
        apic::ERROR_VECTOR => apic::eoi(),
        vector if super::pic::is_spurious(vector) => {}
        vector => {
            kernel_traps().irq(vector);
            apic::eoi();
        }
    }
    preempt::sub(preempt::HARDIRQ);
}

#[inline]
fn irq_exit() {
    if preempt::count() & !(preempt::SOFTIRQ - 1) == 0 {
        kernel_traps().irq_exit();
    }
}

extern "C" fn kernel_preempt() {
    kernel_traps().preempt();
}

/// Runs with no handler set: the machine has failed before the kernel could stand up.
#[cold]
fn early_oops(frame: &TrapFrame, fault: FaultInfo) -> ! {
    use core::fmt::Write;
    let mut out = super::console::Writer;
    let _ = writeln!(
        out,
        "gaon: exception {} at start-up: {fault:x?}\n{frame:x?}",
        fault.vector
    );
    super::backtrace::walk(frame.rbp as usize, |ip| {
        let _ = writeln!(out, "  {ip:#x}");
    });
    super::early::fail()
}
