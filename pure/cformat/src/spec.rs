//! One conversion of a format.
use crate::{Sink, Source};

/// `-`, `+`, space, `#`, `0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    /// `-`: to the left.
    pub left: bool,
    /// `+`: a sign always.
    pub plus: bool,
    /// A space where a plus would stand.
    pub space: bool,
    /// `#`: `0x`, `0`.
    pub alternate: bool,
    /// `0`: zeros for spaces.
    pub zero: bool,
}

/// `hh`, `h`, none, `l` and all that is as long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Length {
    /// `hh`.
    Char,
    /// `h`.
    Short,
    /// No letter.
    #[default]
    Int,
    /// `l`, `ll`, `q`, `L`, `z`, `Z`, `t`, `j`.
    Long,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// `%%`.
    Percent,
    /// `%c`.
    Char,
    /// `%d`, `%i`, `%u`, `%o`, `%x`, `%X`.
    Int {
        /// 8, 10 or 16.
        base: u8,
        /// With a sign.
        signed: bool,
        /// Large letters.
        upper: bool,
    },
    /// `%s`.
    Str,
    /// `%p` and the letters behind it.
    Pointer,
    /// Anything else.
    Unknown,
}

/// A whole conversion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Its flags.
    pub flags: Flags,
    /// Least width.
    pub width: usize,
    /// Digits at least, or characters at most.
    pub precision: Option<usize>,
    /// The argument's size.
    pub length: Length,
    /// What it writes.
    pub conversion: Conversion,
    width_from_argument: bool,
    precision_from_argument: bool,
}

/// A part of a format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// As it stands.
    Text(&'a [u8]),
    /// A conversion.
    Spec(Spec),
}

/// Widest field: what is more is a mistake of the caller.
const WIDEST: usize = 0x7f_ffff;

/// The first part of a format and its length. `None` at the end.
#[must_use]
pub fn pieces(format: &[u8]) -> Option<(Piece<'_>, usize)> {
    let first = format.first()?;
    if *first != b'%' {
        let end = format.iter().position(|byte| *byte == b'%');
        let text = &format[..end.unwrap_or(format.len())];
        return Some((Piece::Text(text), text.len()));
    }
    let mut reader = Reader { format, at: 1 };
    let spec = reader.spec();
    Some((Piece::Spec(spec), reader.at))
}

struct Reader<'a> {
    format: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.format.get(self.at).copied().unwrap_or(0)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let there = self.peek() == byte;
        self.at += usize::from(there);
        there
    }

    fn number(&mut self) -> usize {
        let mut n = 0;
        while self.peek().is_ascii_digit() {
            n = (n * 10 + usize::from(self.peek() - b'0')).min(WIDEST);
            self.at += 1;
        }
        n
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        loop {
            match self.peek() {
                b'-' => flags.left = true,
                b'+' => flags.plus = true,
                b' ' => flags.space = true,
                b'#' => flags.alternate = true,
                b'0' => flags.zero = true,
                _ => return flags,
            }
            self.at += 1;
        }
    }

    fn length(&mut self) -> Length {
        if self.eat(b'h') {
            return if self.eat(b'h') {
                Length::Char
            } else {
                Length::Short
            };
        }
        if self.eat(b'l') {
            self.eat(b'l');
            return Length::Long;
        }
        if matches!(self.peek(), b'q' | b'L' | b'z' | b'Z' | b't' | b'j') {
            self.at += 1;
            return Length::Long;
        }
        Length::Int
    }

    fn spec(&mut self) -> Spec {
        let flags = self.flags();
        let width_from_argument = self.eat(b'*');
        let width = if width_from_argument {
            0
        } else {
            self.number()
        };
        let mut precision = None;
        let mut precision_from_argument = false;
        if self.eat(b'.') {
            precision_from_argument = self.eat(b'*');
            precision = Some(if precision_from_argument {
                0
            } else {
                self.number()
            });
        }
        let length = self.length();
        let int = |base, signed, upper| Conversion::Int {
            base,
            signed,
            upper,
        };
        let conversion = match self.peek() {
            b'%' => Conversion::Percent,
            b'c' => Conversion::Char,
            b'd' | b'i' => int(10, true, false),
            b'u' => int(10, false, false),
            b'o' => int(8, false, false),
            b'x' => int(16, false, false),
            b'X' => int(16, false, true),
            b's' => Conversion::Str,
            b'p' => Conversion::Pointer,
            _ => Conversion::Unknown,
        };
        self.at += usize::from(self.at < self.format.len());
        Spec {
            flags,
            width,
            precision,
            length,
            conversion,
            width_from_argument,
            precision_from_argument,
        }
    }
}

impl Spec {
    /// Takes width and precision from the arguments where the format says `*`.
    pub(crate) fn fetch_sizes(&mut self, source: &mut dyn Source) {
        if self.width_from_argument {
            let width = source.next() as i32;
            self.flags.left |= width < 0;
            self.width = (width.unsigned_abs() as usize).min(WIDEST);
        }
        if self.precision_from_argument {
            // A negative one counts as none.
            let precision = source.next() as i32;
            self.precision = usize::try_from(precision).ok().map(|p| p.min(WIDEST));
        }
    }

    /// Writes `len` bytes by `write`, filled up with spaces to the width.
    pub fn padded(&self, len: usize, out: &mut dyn Sink, write: &mut dyn FnMut(&mut dyn Sink)) {
        let fill = self.width.saturating_sub(len);
        if !self.flags.left {
            repeat(b' ', fill, out);
        }
        write(out);
        if self.flags.left {
            repeat(b' ', fill, out);
        }
    }
}

/// Writes a byte `count` times.
pub(crate) fn repeat(byte: u8, count: usize, out: &mut dyn Sink) {
    let block = [byte; 32];
    let mut left = count;
    while left != 0 {
        let some = left.min(block.len());
        out.put(&block[..some]);
        left -= some;
    }
}
