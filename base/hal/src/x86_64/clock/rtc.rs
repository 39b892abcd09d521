//! The PC's battery-backed clock (MC146818).

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
const BINARY: u8 = 4;
const HOURS_24: u8 = 2;

fn register(index: u8) -> u8 {
    // SAFETY: the clock's index and data ports; bit 7 keeps NMIs masked, which is how they start: clear it.
    unsafe {
        outb(0x70, index & 0x7f);
        inb(0x71)
    }
}

fn snapshot() -> [u8; 7] {
    let century = acpi::machine().fadt.map_or(0, |fadt| fadt.century);
    [SECONDS, MINUTES, HOURS, DAY, MONTH, YEAR]
        .map(register)
        .into_iter()
        .chain([if century == 0 { 0 } else { register(century) }])
        .enumerate()
        .fold([0; 7], |mut all, (index, value)| {
            all[index] = value;
            all
        })
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

fn decode(values: [u8; 7], status: u8) -> Option<u64> {
    let number = |value: u8| {
        u64::from(if status & BINARY != 0 {
            value
        } else {
            (value >> 4) * 10 + (value & 15)
        })
    };
    let [second, minute, hour, day, month, year, century] = values;
    let mut hours = number(hour & 0x7f);
    if status & HOURS_24 == 0 {
        hours = hours % 12 + if hour & 0x80 != 0 { 12 } else { 0 };
    }
    let century = if century == 0 { 20 } else { number(century) };
    let (year, month, day) = (century * 100 + number(year), number(month), number(day));
    let (minute, second) = (number(minute), number(second));
    let plausible = (1970..2300).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hours < 24
        && minute < 60
        && second < 61;
    plausible
        .then(|| ((days_since_epoch(year, month, day) * 24 + hours) * 60 + minute) * 60 + second)
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; the year is taken to begin in March.
const fn days_since_epoch(year: u64, month: u64, day: u64) -> u64 {
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    year * 365 + year / 4 - year / 100 + year / 400 + (month * 153 + 2) / 5 + day - 1 - 719_468
}

const _: () = assert!(days_since_epoch(1970, 1, 1) == 0 && days_since_epoch(2026, 1, 1) == 20_454);
