//! `sscanf` as the kernel has it: no floating point, no `%p`, `%[` only with a width, and a number that does not fit its
//! type is cut.

/// Where the pieces go that a format names, one after the other.
pub trait Targets {
    /// Writes what the next pointer is for. False: it cannot be written, and nothing more is read.
    fn store(&mut self, bytes: &[u8]) -> bool;
    /// Writes another piece right behind what was written last.
    fn append(&mut self, bytes: &[u8]) -> bool;
}

/// Bytes of the integer that a conversion fills.
#[derive(Clone, Copy)]
struct Size(usize);

fn is_space(byte: u8) -> bool {
    // The kernel's table has the no-break space of Latin-1 too.
    matches!(byte, b' ' | b'\t'..=b'\r' | 0xa0)
}

fn skip_spaces(text: &[u8]) -> &[u8] {
    let end = text.iter().position(|byte| !is_space(*byte));
    &text[end.unwrap_or(text.len())..]
}

fn first(text: &[u8]) -> u8 {
    text.first().copied().unwrap_or(0)
}

/// A position in the text and one in the format.
struct Scan<'a> {
    start: &'a [u8],
    text: &'a [u8],
    format: &'a [u8],
}

/// What a step comes to.
enum Step {
    /// Goes on; so many conversions more are done.
    Done(i32),
    End,
}

impl<'a> Scan<'a> {
    fn take(&mut self) -> u8 {
        let byte = first(self.format);
        self.format = self.format.get(1..).unwrap_or_default();
        byte
    }

    /// The width that stands in the format, if one does.
    fn width(&mut self) -> Option<usize> {
        let mut width = None;
        while first(self.format).is_ascii_digit() {
            let digit = usize::from(self.take() - b'0');
            width = Some(
                width
                    .unwrap_or(0usize)
                    .saturating_mul(10)
                    .saturating_add(digit),
            );
        }
        width
    }

    fn size(&mut self) -> Size {
        let letter = first(self.format);
        if !matches!(letter, b'h' | b'l' | b'L' | b'z') {
            return Size(4);
        }
        self.take();
        let twice = first(self.format) == letter && letter != b'z' && letter != b'L';
        if twice {
            self.take();
        }
        match (letter, twice) {
            (b'h', true) => Size(1),
            (b'h', false) => Size(2),
            _ => Size(8),
        }
    }

    /// What `%*` names is passed over: up to the next space of the text.
    fn suppress(&mut self) -> Step {
        if self.text.is_empty() {
            return Step::End;
        }
        while !matches!(first(self.format), 0 | b'%') && !is_space(first(self.format)) {
            if first(self.format) == b'[' {
                return Step::End;
            }
            self.take();
        }
        let end = self.text.iter().position(|byte| is_space(*byte));
        self.text = &self.text[end.unwrap_or(self.text.len())..];
        Step::Done(0)
    }

    /// Bytes that go to a pointer, perhaps with a NUL behind them.
    fn give(&mut self, len: usize, ends: bool, to: &mut dyn Targets) -> Step {
        let (piece, rest) = self.text.split_at(len);
        self.text = rest;
        if to.store(piece) && (!ends || to.append(&[0])) {
            Step::Done(1)
        } else {
            Step::End
        }
    }

    /// `%[`: a run of bytes of a set, which the format has up to its `]`; there are no ranges.
    fn set(&mut self, width: Option<usize>, to: &mut dyn Targets) -> Step {
        let inverted = first(self.format) == b'^';
        if inverted {
            self.take();
        }
        let end = self.format.iter().position(|byte| *byte == b']');
        let (Some(len @ 1..), Some(width)) = (end, width) else {
            return Step::End;
        };
        let (set, rest) = self.format.split_at(len);
        self.format = &rest[1..];
        let is_in = |byte: &u8| (*byte != 0) && set.contains(byte) != inverted;
        let run = self.text.iter().take_while(|byte| is_in(byte)).count();
        if run == 0 {
            return Step::End;
        }
        self.give(run.min(width), true, to)
    }

    fn number(
        &mut self,
        letter: u8,
        width: Option<usize>,
        size: Size,
        to: &mut dyn Targets,
    ) -> Step {
        let (mut base, signed) = match letter {
            b'o' => (8, false),
            b'x' | b'X' => (16, false),
            b'i' => (0, true),
            b'd' => (10, true),
            _ => (10, false),
        };
        self.text = skip_spaces(self.text);
        let limit = width.unwrap_or(usize::MAX).min(self.text.len());
        let mut digits = &self.text[..limit];
        let negative = signed && first(digits) == b'-';
        if negative {
            digits = &digits[1..];
        }
        let head = first(digits);
        let begins = match base {
            16 => head.is_ascii_hexdigit(),
            8 => (b'0'..=b'7').contains(&head),
            _ => head.is_ascii_digit(),
        };
        if !begins {
            return Step::End;
        }
        let hex = head == b'0' && digits.get(1).is_some_and(|byte| byte | 0x20 == b'x');
        if hex && base == 0 && digits.get(2).is_some_and(u8::is_ascii_hexdigit) {
            base = 16;
        }
        if hex && base == 16 {
            digits = &digits[2..];
        }
        if base == 0 {
            base = if head == b'0' { 8 } else { 10 };
        }
        let mut value: u64 = 0;
        while let Some(digit) = char::from(first(digits))
            .to_digit(base)
            .filter(|_| !digits.is_empty())
        {
            value = value.wrapping_mul(base.into()).wrapping_add(digit.into());
            digits = &digits[1..];
        }
        let used = limit - digits.len();
        self.text = &self.text[used..];
        let value = if negative {
            value.wrapping_neg()
        } else {
            value
        };
        if to.store(&value.to_le_bytes()[..size.0]) {
            Step::Done(1)
        } else {
            Step::End
        }
    }

    /// One conversion; its `%` is taken.
    fn conversion(&mut self, to: &mut dyn Targets) -> Step {
        if first(self.format) == b'*' {
            return self.suppress();
        }
        let width = self.width();
        if width == Some(0) {
            return Step::End;
        }
        let size = self.size();
        let letter = self.take();
        if letter == b'n' {
            let read = (self.start.len() - self.text.len()) as i32;
            let stored = to.store(&read.to_le_bytes());
            return if stored { Step::Done(0) } else { Step::End };
        }
        if self.text.is_empty() {
            return Step::End;
        }
        match letter {
            b'c' => self.give(width.unwrap_or(1).min(self.text.len()), false, to),
            b's' => {
                self.text = skip_spaces(self.text);
                let run = self
                    .text
                    .iter()
                    .take_while(|byte| !is_space(**byte))
                    .count();
                self.give(run.min(width.unwrap_or(usize::MAX)), true, to)
            }
            b'[' => self.set(width, to),
            b'o' | b'x' | b'X' | b'i' | b'd' | b'u' => self.number(letter, width, size, to),
            b'%' if first(self.text) == b'%' => {
                self.text = &self.text[1..];
                Step::Done(0)
            }
            _ => Step::End,
        }
    }
}

/// Reads `text` as `format` says; how many conversions were done. Both end where a NUL would stand.
pub fn scan(text: &[u8], format: &[u8], to: &mut dyn Targets) -> i32 {
    let mut scan = Scan {
        start: text,
        text,
        format,
    };
    let mut done = 0;
    while !scan.format.is_empty() {
        if is_space(first(scan.format)) {
            scan.format = skip_spaces(scan.format);
            scan.text = skip_spaces(scan.text);
            continue;
        }
        let byte = scan.take();
        if byte != b'%' {
            if first(scan.text) != byte || scan.text.is_empty() {
                break;
            }
            scan.text = &scan.text[1..];
            continue;
        }
        match scan.conversion(to) {
            Step::Done(more) => done += more,
            Step::End => break,
        }
    }
    done
}

#[cfg(test)]
mod tests {
    use super::{Targets, scan};
    extern crate std;
    use std::vec::Vec;

    #[derive(Default)]
    struct Got(Vec<Vec<u8>>);

    impl Targets for Got {
        fn store(&mut self, bytes: &[u8]) -> bool {
            self.0.push(bytes.to_vec());
            true
        }
        fn append(&mut self, bytes: &[u8]) -> bool {
            self.0.last_mut().unwrap().extend_from_slice(bytes);
            true
        }
    }

    fn read(text: &str, format: &str) -> (i32, Vec<Vec<u8>>) {
        let mut got = Got::default();
        let done = scan(text.as_bytes(), format.as_bytes(), &mut got);
        (done, got.0)
    }

    fn int(n: i32) -> Vec<u8> {
        n.to_le_bytes().to_vec()
    }

    #[test]
    fn numbers_of_every_base_and_size() {
        assert_eq!(read(" -12 0x1f", "%d %x"), (2, [int(-12), int(31)].into()));
        assert_eq!(
            read("077 0x10 9", "%i %i %i"),
            (3, [int(63), int(16), int(9)].into())
        );
        assert_eq!(read("255", "%hhu").1, [[255]]);
        assert_eq!(read("-1", "%hd").1, [[255, 255]]);
        assert_eq!(read("1", "%ld").1[0].len(), 8);
        assert_eq!(read("12345", "%2d%3d"), (2, [int(12), int(345)].into()));
        assert_eq!(read("0x", "%x%n"), (1, [int(0), int(2)].into()));
        assert_eq!(read("8", "%o").0, 0);
        assert_eq!(read("-1", "%u").0, 0);
    }

    #[test]
    fn text_characters_and_sets() {
        assert_eq!(
            read("  one two", "%s%c%3s"),
            (
                3,
                [&b"one\0"[..], b" ", b"two\0"].map(<[u8]>::to_vec).into()
            )
        );
        assert_eq!(
            read("abc123", "%10[cba]%d"),
            (2, [b"abc\0".to_vec(), int(123)].into())
        );
        assert_eq!(read("abc:", "%10[^:]:").0, 1);
        assert_eq!(read("b-", "%9[a-c]").0, 0);
        assert_eq!(read("abc", "%[abc]").0, 0);
        assert_eq!(read("ab 7", "%*s %d"), (1, [int(7)].into()));
        assert_eq!(read("5%6", "%d%%%d").0, 2);
        assert_eq!(read("a:1", "b:%d").0, 0);
        assert_eq!(read("7", "%d %d").0, 1);
        assert_eq!(read("xy", "%0d").0, 0);
    }

    #[test]
    fn whatever_comes_it_ends() {
        for format in [
            "%", "%l", "%5", "%[", "%3[", "%3[]", "%3[]]", "%*", "%*[", "%q", "%hh", "%zzd",
        ] {
            for text in ["", "1", "]", "-", "0x", " "] {
                read(text, format);
            }
        }
    }
}
