//! The two 8259 interrupt controllers: moved out of the exceptions' way and silenced. The I/O APIC does their work.

use super::port::outb;

const COMMAND: [u16; 2] = [0x20, 0xa0];
const DATA: [u16; 2] = [0x21, 0xa1];
pub(crate) const FIRST_VECTOR: u8 = 0x20;

pub(crate) fn silence() {
    // SAFETY: the 8259s' initialisation sequence; where there are none (microvm), the ports do nothing.
    unsafe {
        for (chip, (command, data)) in (0..).zip(COMMAND.into_iter().zip(DATA)) {
            outb(data, 0xff);
            outb(command, 0x11);
            outb(data, FIRST_VECTOR + 8 * chip);
            outb(data, if chip == 0 { 4 } else { 2 });
            outb(data, 1);
            outb(data, 0xff);
        }
    }
}

/// An interrupt that a silenced 8259 raised by accident: needs no acknowledgement.
#[inline]
pub(crate) const fn is_spurious(vector: u8) -> bool {
    vector >= FIRST_VECTOR && vector < FIRST_VECTOR + 16
}
