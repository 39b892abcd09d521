//! Integers.
use crate::spec::{Length, repeat};
use crate::{Sink, Spec};

/// Writes the argument `raw` as a number.
pub(crate) fn write(
    spec: &Spec,
    raw: u64,
    base: u8,
    signed: bool,
    upper: bool,
    out: &mut dyn Sink,
) {
    let (negative, magnitude) = if signed {
        let value = match spec.length {
            Length::Char => i64::from(raw as i8),
            Length::Short => i64::from(raw as i16),
            Length::Int => i64::from(raw as i32),
            Length::Long => raw as i64,
        };
        (value < 0, value.unsigned_abs())
    } else {
        let value = match spec.length {
            Length::Char => u64::from(raw as u8),
            Length::Short => u64::from(raw as u16),
            Length::Int => u64::from(raw as u32),
            Length::Long => raw,
        };
        (false, value)
    };
    let mut digits = [0; 22];
    let start = digits_of(magnitude, base, upper, &mut digits);
    let digits = &digits[start..];

    let sign: &[u8] = match (
        negative,
        signed && spec.flags.plus,
        signed && spec.flags.space,
    ) {
        (true, ..) => b"-",
        (_, true, _) => b"+",
        (_, _, true) => b" ",
        _ => b"",
    };
    // The kernel writes `0x` also before a zero.
    let prefix: &[u8] = match (spec.flags.alternate, base) {
        (true, 16) if upper => b"0X",
        (true, 16) => b"0x",
        (true, 8) if magnitude != 0 => b"0",
        _ => b"",
    };
    let least = spec.precision.unwrap_or(0);
    let bare = sign.len() + prefix.len() + digits.len().max(least);
    let zeros = if spec.flags.zero && !spec.flags.left && spec.precision.is_none() {
        spec.width.saturating_sub(bare)
    } else {
        0
    } + least.saturating_sub(digits.len());
    let whole = sign.len() + prefix.len() + zeros + digits.len();
    spec.padded(whole, out, &mut |out| {
        out.put(sign);
        out.put(prefix);
        repeat(b'0', zeros, out);
        out.put(digits);
    });
}

/// Writes digits to the end of `to`; where they begin.
fn digits_of(mut value: u64, base: u8, upper: bool, to: &mut [u8; 22]) -> usize {
    let letters = if upper {
        b"0123456789ABCDEF"
    } else {
        b"0123456789abcdef"
    };
    let mut at = to.len();
    loop {
        at -= 1;
        to[at] = letters[(value % u64::from(base)) as usize];
        value /= u64::from(base);
        if value == 0 {
            return at;
        }
    }
}
