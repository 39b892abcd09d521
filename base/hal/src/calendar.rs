//! From the battery-backed clock's registers to seconds since the epoch. Pure, so that the host tests it. MC146818 data
//! sheet.

const BINARY: u8 = 4;
const HOURS_24: u8 = 2;

/// Seconds since the epoch, from second, minute, hour, day, month, year and century (0: not there) as the clock has
/// them, and its status register B. `None` when they can't be a time.
pub(crate) fn decode(values: [u8; 7], status: u8) -> Option<u64> {
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

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn forms() {
        let seconds = Some(1_772_368_496); // 2026-03-01 12:34:56
        assert_eq!(
            decode([0x56, 0x34, 0x12, 0x01, 0x03, 0x26, 0x20], 2),
            seconds
        );
        assert_eq!(decode([56, 34, 12, 1, 3, 26, 20], 2 | 4), seconds);
        assert_eq!(decode([0x56, 0x34, 0x92, 0x01, 0x03, 0x26, 0], 0), seconds);
        assert_eq!(decode([0, 0, 0x12, 1, 1, 0x70, 0x19], 0), Some(0));
        assert_eq!(
            decode([0x59, 0x59, 0x23, 0x29, 0x02, 0x24, 0x20], 2),
            Some(1_709_251_199)
        );
    }

    #[test]
    fn no_clock() {
        assert_eq!(decode([0xff; 7], 0xff), None);
        assert_eq!(decode([0; 7], 0), None);
    }
}
