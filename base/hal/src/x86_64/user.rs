//! User mode, as a function: [`run`] enters it and returns when it traps.

use super::context::{self, Context};
use super::traps::{self, TRAP_BAD_RIP, TRAP_SYSCALL};
use super::{irq, registers};

pub use super::frame::UserRegs;

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
    debug_assert!(!irq::enabled());
    context::own_user(ctx);
    // SAFETY: interrupts are off, the user state is loaded. The frame is built inside `regs`, which is exclusively
    // ours, aligned, and not moved before this returns.
    let vector = unsafe { traps::enter_user(regs) };
    if vector == TRAP_SYSCALL {
        irq::enable();
        return Trap::Syscall;
    }
    other(regs, vector)
}

#[inline(never)]
fn other(regs: &mut UserRegs, vector: u64) -> Trap {
    if (32..256).contains(&vector) {
        traps::user_irq(vector as u8);
        irq::enable();
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
    irq::enable();
    trap
}
