//! User mode, as a function: [`run`] enters it and returns when it traps.

use super::context::{self, Context};
use super::traps::{self, TRAP_BAD_RIP, TRAP_SYSCALL};
use super::{irq, registers};

pub use super::frame::UserRegs;

/// Why user mode was left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trap {
    /// The `syscall` instruction: number in `orig_rax`, arguments in rdi, rsi, rdx, r10, r8, r9. [`Caller::call`] has
    /// made the call.
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

/// Who runs user mode: has the registers, and makes the system calls that user mode asks for.
pub trait Caller {
    /// The registers. Always the same ones.
    fn regs(&mut self) -> &mut UserRegs;

    /// Makes the call that the registers ask for. Interrupts are on before and after.
    fn call(&mut self);

    /// After a call, with interrupts off and to be left so: whether user mode may go on at once. True only if nothing
    /// is left to do and the call changed no register of user mode but `rax`; otherwise [`run`] returns
    /// [`Trap::Syscall`] and the next `run` loads all of them.
    fn may_go_on(&self) -> bool;
}

/// Bare registers: every call makes [`run`] return.
impl Caller for UserRegs {
    fn regs(&mut self) -> &mut UserRegs {
        self
    }
    fn call(&mut self) {}
    fn may_go_on(&self) -> bool {
        false
    }
}

/// Makes one system call, for the entry code.
///
/// # Safety
/// `caller` is a `C` that nobody else uses meanwhile.
unsafe extern "C" fn make_call<C: Caller>(caller: *mut ()) -> bool {
    // SAFETY: the caller's promise.
    let caller = unsafe { &mut *caller.cast::<C>() };
    irq::enable();
    caller.call();
    irq::off();
    caller.may_go_on()
}

/// Runs user mode with the caller's registers until it traps; they are then those at the trap. `ctx` is the running
/// context. System calls are made meanwhile, by `caller`: this returns when after one there is something else to do.
///
/// Interrupts must be off: the caller has looked for pending work after turning them off. They are on afterwards.
/// Segments and flags in the registers are forced to what user mode may have. A `rip` outside user space gives the
/// fault that the CPU would raise, #GP.
///
/// # Panics
/// If `ctx` isn't the running context, or has no FPU state.
#[inline]
pub fn run<C: Caller>(caller: &mut C, ctx: &Context) -> Trap {
    debug_assert!(!irq::enabled());
    context::own_user(ctx);
    let this: *mut C = caller;
    // SAFETY: interrupts are off, the user state is loaded. The frame is built inside the caller's registers, which are
    // exclusively ours, aligned, and not moved before this returns. `this` is a `C`, and used by nobody else meanwhile.
    let vector = unsafe {
        let regs: *mut UserRegs = (*this).regs();
        traps::enter_user(regs, this.cast(), make_call::<C>)
    };
    if vector == TRAP_SYSCALL {
        irq::enable();
        return Trap::Syscall;
    }
    // SAFETY: as above.
    other(unsafe { (*this).regs() }, vector)
}

/// Whether the hard interrupt that is being handled came in user mode; for its handlers.
#[must_use]
pub fn interrupted() -> bool {
    traps::interrupted_user()
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
