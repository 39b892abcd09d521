//! The CPU one runs on, and what it can do.

use core::arch::asm;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::percpu;

pub(crate) static ONLINE: AtomicUsize = AtomicUsize::new(1);

/// This CPU's number, 0 to [`crate::MAX_CPUS`] - 1. Stable only while preemption is off.
#[inline]
#[must_use]
pub fn id() -> usize {
    percpu::read_u32!(id) as usize
}

/// How many CPUs are online; their numbers are 0 to this - 1.
#[inline]
#[must_use]
pub fn online() -> usize {
    ONLINE.load(Ordering::Relaxed)
}

/// Tells the CPU that this is a spin loop.
#[inline]
pub fn relax() {
    core::hint::spin_loop();
}

/// Waits for an interrupt, with interrupts on while it waits and after. Call it with interrupts off after a last look
/// for work: an interrupt that arrives in between ends the wait at once, so that no wake-up is lost.
#[inline]
pub fn halt() {
    // SAFETY: `sti` takes effect after the instruction that follows it, which is the `hlt`.
    unsafe { asm!("sti", "hlt", options(nostack, preserves_flags)) };
}

/// Stops this CPU for good.
pub fn halt_forever() -> ! {
    loop {
        // SAFETY: interrupts off, then wait: nothing but an NMI gets through, and that only comes back here.
        unsafe { asm!("cli", "hlt", options(nostack, preserves_flags)) };
    }
}
