//! User mode, as a function: [`run`] enters it and returns when it traps.

use core::mem::{offset_of, size_of};

use super::context::{self, Context};
use super::descriptors::{USER_CS, USER_SS};
use super::paging::USER_END;
use super::registers;
use super::traps::{self, TRAP_BAD_RIP, TRAP_SYSCALL};

/// The registers of a thread in user mode. From `r15` to `ss` it has the layout of Linux' `struct pt_regs`
/// ([`UserRegs::AS_PT_REGS`]).
#[repr(C, align(16))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the registers' own names")]
pub struct UserRegs {
    /// Scratch for the entry code: the last trap's vector.
    pub vector: u64,
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    /// The system call's number; -1 after any other trap.
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub rflags: u64,
    pub rsp: u64,
    pub ss: u64,
}

const _: () = assert!(size_of::<UserRegs>() == FRAME_SIZE && FRAME_SIZE.is_multiple_of(16));
pub(crate) const FRAME_SIZE: usize = 176;

/// Flags that user mode may have set: CF PF AF ZF SF TF DF OF RF AC ID (and the always-on bit 1).
const USER_FLAGS: u64 = 0x0025_0dd5;
const INTERRUPT_FLAG: u64 = 1 << 9;
/// Flags that decide whether sysret may be used: all but those that it sets as iret would.
pub(crate) const SYSRET_FLAGS_MASK: u32 = !0x0024_0cd7;

impl UserRegs {
    /// Offset and length in bytes of the part that is laid out like `struct pt_regs`.
    pub const AS_PT_REGS: (usize, usize) = (offset_of!(UserRegs, r15), 21 * 8);
    /// `cs` in 64-bit user mode.
    pub const USER_CS: u64 = USER_CS as u64;
    /// `ss` in user mode.
    pub const USER_SS: u64 = USER_SS as u64;

    /// The registers with which a program starts.
    #[must_use]
    pub fn start(rip: u64, rsp: u64) -> Self {
        Self {
            rip,
            rsp,
            cs: Self::USER_CS,
            ss: Self::USER_SS,
            rflags: INTERRUPT_FLAG,
            orig_rax: u64::MAX,
            ..Self::default()
        }
    }
}

/// Why user mode was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// The `syscall` instruction: number in `orig_rax` (and `rax`), arguments in rdi, rsi, rdx, r10, r8, r9.
    Syscall,
    /// An exception.
    Fault {
        /// Its vector, 0 to 31.
        vector: u8,
        /// What the CPU pushed; 0 where it pushes nothing.
        error_code: u64,
        /// CR2 for a page fault, DR6 for a debug exception, else 0.
        addr: u64,
    },
    /// An interrupt, which has been handled. The thread may have been asked to reschedule.
    Interrupt,
}

/// Runs user mode with `regs` until it traps; `regs` then has the registers at the trap. `ctx` is the running context.
///
/// Interrupts must be off: the caller has looked for pending work after turning them off. They are on afterwards.
/// Segments and flags in `regs` are forced to what user mode may have. A `rip` outside user space gives the fault that
/// the CPU would raise, #GP.
///
/// # Panics
/// If `ctx` isn't the running context, or has no FPU state.
#[inline]
pub fn run(regs: &mut UserRegs, ctx: &Context) -> Trap {
    debug_assert!(!super::irq::enabled());
    context::own_user(ctx);
    // SAFETY: interrupts are off, the user state is loaded. The frame is built inside `regs`, which is exclusively
    // ours, aligned, and not moved before this returns.
    let vector = unsafe { traps::enter_user(regs) };
    if vector == TRAP_SYSCALL {
        super::irq::enable();
        return Trap::Syscall;
    }
    other(regs, vector)
}

#[inline(never)]
fn other(regs: &mut UserRegs, vector: u64) -> Trap {
    if (32..256).contains(&vector) {
        traps::user_irq(vector as u8);
        super::irq::enable();
        return Trap::Interrupt;
    }
    let trap = if vector == TRAP_BAD_RIP {
        Trap::Fault {
            vector: traps::GENERAL_PROTECTION,
            error_code: 0,
            addr: 0,
        }
    } else {
        let vector = vector as u8;
        let addr = match vector {
            traps::PAGE_FAULT => registers::read_cr2(),
            traps::DEBUG => traps::take_dr6(),
            _ => 0,
        };
        let error_code = if traps::has_error_code(vector) {
            regs.orig_rax
        } else {
            0
        };
        Trap::Fault {
            vector,
            error_code,
            addr,
        }
    };
    regs.orig_rax = u64::MAX;
    super::irq::enable();
    trap
}

/// Makes `regs` such that iret can't fault. Zero when `rip` isn't one that user mode can have.
pub(crate) extern "C" fn prepare_iret(regs: &mut UserRegs) -> u32 {
    regs.cs = UserRegs::USER_CS;
    regs.ss = UserRegs::USER_SS;
    regs.rflags = regs.rflags & USER_FLAGS | INTERRUPT_FLAG | 2;
    u32::from(regs.rip < USER_END as u64)
}
