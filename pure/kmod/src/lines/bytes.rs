//! Numbers and strings of DWARF, read from the front of what is left.
use crate::string;

/// Bytes that are read from the front.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(super) fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(usize::try_from(len).ok()?)?;
        self.0 = tail;
        Some(head)
    }

    /// A number of `len` bytes, at most eight.
    pub(super) fn number(&mut self, len: u64) -> Option<u64> {
        let little_endian = |value, byte: &u8| value << 8 | u64::from(*byte);
        Some(self.take(len)?.iter().rev().fold(0, little_endian))
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    /// An offset, whose size is the unit's.
    pub(super) fn offset(&mut self, wide: bool) -> Option<u64> {
        self.number(if wide { 8 } else { 4 })
    }

    /// A LEB128 number, and how many bits it has.
    fn leb(&mut self) -> Option<(u64, u32)> {
        let (mut value, mut bits) = (0, 0);
        loop {
            let byte = self.byte()?;
            if bits < u64::BITS {
                value |= u64::from(byte & 0x7f) << bits;
            }
            bits = (bits + 7).min(70);
            if byte & 0x80 == 0 {
                return Some((value, bits));
            }
        }
    }

    pub(super) fn unsigned(&mut self) -> Option<u64> {
        Some(self.leb()?.0)
    }

    pub(super) fn signed(&mut self) -> Option<i64> {
        let (value, bits) = self.leb()?;
        let unused = u64::BITS.saturating_sub(bits);
        Some((value << unused) as i64 >> unused)
    }

    pub(super) fn string(&mut self) -> Option<&'a [u8]> {
        let text = string(self.0, 0)?;
        self.0 = self.0.get(text.len() + 1..)?;
        Some(text)
    }

    /// The next unit without its length, and whether its offsets have eight bytes.
    pub(super) fn unit(&mut self) -> Option<(Self, bool)> {
        let length = self.number(4)?;
        let wide = length == 0xffff_ffff;
        let length = if wide { self.number(8)? } else { length };
        Some((Self(self.take(length)?), wide))
    }
}
