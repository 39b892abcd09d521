//! Numbers in text: `kstrtol` and its kin.
//!
//! Specification: kernel.h's `kstrto*`: a sign, a base (0: by prefix), digits, perhaps a newline, and nothing else.
use crate::export::exports;
use crate::foreign::{self, Name};
use abi::Errno;

/// Longest text of a number.
const LONGEST: usize = 80;

/// Digits of a magnitude; `EINVAL`, `ERANGE`.
fn magnitude(text: &[u8], base: u32) -> Result<u64, Errno> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let (base, digits) = match (base, text) {
        (0 | 16, [b'0', b'x' | b'X', rest @ ..])
            if rest.first().is_some_and(u8::is_ascii_hexdigit) =>
        {
            (16, rest)
        }
        (0, [b'0', ..]) => (8, text),
        (0, _) => (10, text),
        (base, _) => (base, text),
    };
    if digits.is_empty() || !(2..=36).contains(&base) {
        return Err(Errno::EINVAL);
    }
    let mut value: u64 = 0;
    let mut overflow = false;
    for digit in digits {
        let digit = char::from(*digit).to_digit(base).ok_or(Errno::EINVAL)?;
        let next = value
            .checked_mul(base.into())
            .and_then(|value| value.checked_add(digit.into()));
        overflow |= next.is_none();
        value = next.unwrap_or(u64::MAX);
    }
    if overflow {
        Err(Errno::ERANGE)
    } else {
        Ok(value)
    }
}

/// An unsigned number of at most `most`.
pub(crate) fn unsigned(text: &[u8], base: u32, most: u64) -> Result<u64, Errno> {
    let text = text.strip_prefix(b"+").unwrap_or(text);
    let value = magnitude(text, base)?;
    if value > most {
        Err(Errno::ERANGE)
    } else {
        Ok(value)
    }
}

/// A signed number whose largest value is `most`.
pub(crate) fn signed(text: &[u8], base: u32, most: i64) -> Result<i64, Errno> {
    let Some(text) = text.strip_prefix(b"-") else {
        return unsigned(text, base, most as u64).map(|value| value as i64);
    };
    let value = magnitude(text, base)?;
    if value > most as u64 + 1 {
        return Err(Errno::ERANGE);
    }
    Ok((value as i64).wrapping_neg())
}

/// Yes or no: `y`, `1`, `t`, `on` and their opposites.
pub(crate) fn truth(text: &[u8]) -> Result<bool, Errno> {
    match text {
        [b'y' | b'Y' | b't' | b'T' | b'1', ..] => Ok(true),
        [b'n' | b'N' | b'f' | b'F' | b'0', ..] => Ok(false),
        [b'o' | b'O', b'n' | b'N', ..] => Ok(true),
        [b'o' | b'O', b'f' | b'F', ..] => Ok(false),
        _ => Err(Errno::EINVAL),
    }
}

/// Reads text at `at`, has it parsed, and writes the result to `to`.
fn parse<const N: usize>(
    at: usize,
    to: usize,
    value: impl FnOnce(&[u8]) -> Result<[u8; N], Errno>,
) -> i32 {
    let parsed = Name::<LONGEST>::read(at)
        .map_err(|_| Errno::EFAULT)
        .and_then(|text| value(text.as_bytes()))
        .and_then(|bytes| foreign::write_bytes(to, &bytes).map_err(|_| Errno::EFAULT));
    match parsed {
        Ok(()) => 0,
        Err(e) => -e.code(),
    }
}

macro_rules! kstrto {
    ($($name:ident: $kind:ident $type:ty, $wide:ty;)*) => {$(
        extern "C" fn $name(text: usize, base: u32, to: usize) -> i32 {
            parse(text, to, |text| $kind(text, base, <$type>::MAX as $wide).map(|n| (n as $type).to_le_bytes()))
        }
    )*};
}
kstrto! {
    kstrtoll: signed i64, i64;
    kstrtoull: unsigned u64, u64;
    kstrtol: signed i64, i64;
    kstrtoul: unsigned u64, u64;
    kstrtoint: signed i32, i64;
    kstrtouint: unsigned u32, u64;
    kstrtos16: signed i16, i64;
    kstrtou16: unsigned u16, u64;
    kstrtos8: signed i8, i64;
    kstrtou8: unsigned u8, u64;
}

extern "C" fn kstrtobool(text: usize, to: usize) -> i32 {
    if text == 0 {
        return -Errno::EINVAL.code();
    }
    parse(text, to, |text| truth(text).map(|yes| [u8::from(yes)]))
}

exports![
    kstrtoll, kstrtoull, kstrtol, kstrtoul, kstrtoint, kstrtouint, kstrtos16, kstrtou16, kstrtos8,
    kstrtou8, kstrtobool,
];
