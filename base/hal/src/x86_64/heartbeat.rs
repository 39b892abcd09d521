//! A heartbeat that nothing can hold back: the interval timer's line is led to the boot CPU as a non-maskable interrupt.
//! Who hears it passes it on to the other CPUs ([`pass_on`]).
//!
//! Specification: the 8254's data sheet, mode 2; 82093AA data sheet, delivery mode NMI.

use super::port::outb;
use super::{apic, cpu};

const COMMAND: u16 = 0x43;
const CHANNEL_0: u16 = 0x40;
/// Channel 0, both bytes of the divisor, mode 2 (rate generator).
const PERIODIC: u8 = 0x34;
/// Channel 0, mode 0, no count: it does not run.
const STOPPED: u8 = 0x30;
const HZ: u64 = 1_193_182;
/// The interrupt of the first timer on the ISA bus, and the I/O APIC's inputs where it may arrive: firmware that moves it
/// says where; without a word it is the second of these as a rule, which is no device's.
const TIMER_IRQ: u8 = 0;
const INPUTS: [u32; 2] = [0, 2];

fn inputs() -> impl Iterator<Item = u32> {
    let said = apic::isa_irq(TIMER_IRQ).gsi;
    let (first, second) = match said {
        0 => (INPUTS[0], Some(INPUTS[1])),
        said => (said, None),
    };
    core::iter::once(first).chain(second)
}

/// Starts it, about every `period_ns` (at most 55 ms). False: no line leads from the timer to a CPU.
pub fn start(period_ns: u64) -> bool {
    let led = inputs().filter(|input| apic::route_nmi(*input, 0).is_ok());
    if led.count() == 0 {
        return false;
    }
    let divisor = (period_ns.saturating_mul(HZ) / 1_000_000_000).clamp(1000, 0xffff) as u16;
    let [low, high] = divisor.to_le_bytes();
    // SAFETY: the interval timer's ports; its first channel is used by nothing else. Without one they do nothing.
    unsafe {
        outb(COMMAND, PERIODIC);
        outb(CHANNEL_0, low);
        outb(CHANNEL_0, high);
    }
    true
}

/// Stops it.
pub fn stop() {
    for input in inputs() {
        let _ = apic::mask(input);
    }
    // SAFETY: as in `start`.
    unsafe { outb(COMMAND, STOPPED) };
}

/// The boot CPU has heard it: lets the others hear it too. From the handler.
pub fn pass_on() {
    if cpu::id() == 0 {
        for other in 1..cpu::online() {
            apic::send_nmi(other);
        }
    }
}
