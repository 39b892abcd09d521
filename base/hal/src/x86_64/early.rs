//! The end of a machine that fails before the kernel stands, and the reset that needs nothing.

use core::sync::atomic::{AtomicBool, Ordering};

use super::port::{inb, outb};
use super::{console, cpu};

/// `panic=` asks for a new start after a failure.
static AGAIN: AtomicBool = AtomicBool::new(false);

/// Takes note of what `panic=` on the command line asks for.
pub(crate) fn note_command_line(cmdline: &str) {
    let again = cmdline
        .split_ascii_whitespace()
        .any(|word| word.starts_with("panic=") && word != "panic=0");
    AGAIN.store(again, Ordering::Relaxed);
}

/// Starts anew if `panic=` asks for it, else stops.
pub(crate) fn fail() -> ! {
    if AGAIN.load(Ordering::Relaxed) {
        reset()
    } else {
        cpu::halt_forever()
    }
}

/// As [`fail`], with a message.
pub(crate) fn fail_with(message: &str) -> ! {
    console::write(b"gaon: ");
    console::write(message.as_bytes());
    console::write(b"\n");
    fail()
}

/// Gives the machine time to act.
pub(crate) fn settle() {
    for _ in 0..1_000_000 {
        core::hint::spin_loop();
    }
}

/// Resets by the keyboard controller, or by a fault that no CPU survives.
pub(crate) fn reset() -> ! {
    // SAFETY: the keyboard controller's command to pulse the reset line.
    unsafe {
        for _ in 0..1000 {
            if inb(0x64) & 2 == 0 {
                break;
            }
        }
        outb(0x64, 0xfe);
    }
    settle();
    triple_fault()
}

/// An exception with no table to handle it.
fn triple_fault() -> ! {
    #[repr(C, packed)]
    struct Pointer(u16, u64);
    let none = Pointer(0, 0);
    // SAFETY: nothing after this needs to be true: the CPU resets.
    unsafe {
        core::arch::asm!("lidt [{}]", "ud2", in(reg) &raw const none, options(noreturn));
    }
}
