//! The PC's battery-backed clock (MC146818).

use crate::calendar::decode;
use crate::x86_64::port::{inb, outb};
use crate::x86_64::{acpi, irq};

const SECONDS: u8 = 0;
const MINUTES: u8 = 2;
const HOURS: u8 = 4;
const DAY: u8 = 7;
const MONTH: u8 = 8;
const YEAR: u8 = 9;
const STATUS_A: u8 = 10;
const STATUS_B: u8 = 11;
const UPDATE_IN_PROGRESS: u8 = 0x80;

fn register(index: u8) -> u8 {
    // SAFETY: the clock's index and data ports; bit 7 keeps NMIs masked, which is how they start: clear it.
    unsafe {
        outb(0x70, index & 0x7f);
        inb(0x71)
    }
}

fn snapshot() -> [u8; 7] {
    let century = acpi::machine().fadt.map_or(0, |fadt| fadt.century);
    let [second, minute, hour, day, month, year] =
        [SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR].map(register);
    let century = if century == 0 { 0 } else { register(century) };
    [second, minute, hour, day, month, year, century]
}

/// Seconds since the epoch; `None` without a clock.
pub(super) fn read() -> Option<u64> {
    let saved = irq::disable();
    let values = stable_snapshot();
    let status = register(STATUS_B);
    irq::restore(saved);
    decode(values?, status)
}

/// Two readings that agree, outside an update.
fn stable_snapshot() -> Option<[u8; 7]> {
    for _ in 0..1000 {
        if register(STATUS_A) & UPDATE_IN_PROGRESS != 0 {
            continue;
        }
        let first = snapshot();
        if register(STATUS_A) & UPDATE_IN_PROGRESS == 0 && snapshot() == first {
            return Some(first);
        }
    }
    None
}
