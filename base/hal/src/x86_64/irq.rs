//! Interrupts of this CPU.

use core::arch::asm;

const INTERRUPT_FLAG: u64 = 1 << 9;

/// What the interrupt flag was.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Saved(u64);

/// Turns interrupts off and says what they were.
#[inline]
pub fn disable() -> Saved {
    let flags: u64;
    // SAFETY: turning interrupts off is always allowed; the memory clobber keeps protected accesses below it.
    unsafe { asm!("pushfq", "pop {}", "cli", out(reg) flags, options(preserves_flags)) };
    Saved(flags)
}

/// Turns interrupts off, whatever they were: where it is known that they are on.
#[inline]
pub fn off() {
    // SAFETY: as in `disable`.
    unsafe { asm!("cli", options(nostack, preserves_flags)) };
}

/// Puts the flag back to what [`disable`] found.
#[inline]
pub fn restore(saved: Saved) {
    if saved.0 & INTERRUPT_FLAG != 0 {
        enable();
    }
}

/// Turns interrupts on, whatever they were: for the ends of paths that were entered with interrupts off.
#[inline]
pub fn enable() {
    // SAFETY: handlers are installed before any code can call this; the clobber keeps protected accesses above it.
    unsafe { asm!("sti", options(nostack, preserves_flags)) };
}

/// Whether interrupts are on.
#[inline]
#[must_use]
pub fn enabled() -> bool {
    let flags: u64;
    // SAFETY: reads the flags. Not `nomem`: it must stay between the instructions that change them.
    unsafe { asm!("pushfq", "pop {}", out(reg) flags, options(preserves_flags)) };
    flags & INTERRUPT_FLAG != 0
}
