//! Three words per CPU that name the running thread and its state for `sync`; `sync::thread` gives them types.
//! `context::switch` exchanges them.

use core::arch::asm;
use core::mem::offset_of;

use super::percpu::CpuLocal;

/// The first two words.
#[inline]
#[must_use]
pub fn get() -> [*const (); 2] {
    let (first, second): (*const (), *const ());
    // SAFETY: reads of this CPU's header. A migration between them does no harm: a thread sees its own words on
    // whatever CPU it runs.
    unsafe {
        asm!("mov {a}, gs:[{o}]", "mov {b}, gs:[{o} + 8]", a = out(reg) first, b = out(reg) second,
            o = const offset_of!(CpuLocal, current), options(pure, readonly, nostack, preserves_flags));
    }
    [first, second]
}

/// The third word.
#[inline]
#[must_use]
pub fn third() -> *const () {
    let word: *const ();
    // SAFETY: as in `get`.
    unsafe {
        asm!("mov {a}, gs:[{o} + 16]", a = out(reg) word,
            o = const offset_of!(CpuLocal, current), options(pure, readonly, nostack, preserves_flags));
    }
    word
}

/// Sets them.
///
/// # Safety
/// They must stay valid for as long as they are set, in the sense that `sync::current` gives them.
#[inline]
pub unsafe fn set(words: [*const (); 3]) {
    let saved = super::irq::disable();
    // SAFETY: stores to this CPU's header, with interrupts off so that all go to one CPU.
    unsafe {
        asm!("mov gs:[{o}], {a}", "mov gs:[{o} + 8], {b}", "mov gs:[{o} + 16], {c}",
            a = in(reg) words[0], b = in(reg) words[1], c = in(reg) words[2],
            o = const offset_of!(CpuLocal, current), options(nostack, preserves_flags));
    }
    super::irq::restore(saved);
}
