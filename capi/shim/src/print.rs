//! `linux/printk.h`, and the text functions of `linux/kernel.h`.
use crate::export::exports;
use crate::foreign;
use crate::va_list::{VaList, variadic};
use cformat::{Bounded, Sink, Source, Spec, Text};
use core::fmt::Write;
use trace::Line;

/// Longest message.
const MESSAGE: usize = 1024;
/// Longest format.
const FORMAT: usize = 1024;

/// Arguments of a module's call.
pub(crate) struct Arguments(pub(crate) VaList);

impl Source for Arguments {
    fn next(&mut self) -> u64 {
        self.0.next()
    }

    fn string(&mut self, address: u64, most: usize, out: &mut dyn Sink) {
        match address {
            0 => out.put(&b"(null)"[..most.min(6)]),
            _ if foreign::each_piece(address as usize, most, &mut |piece| out.put(piece))
                .is_err() =>
            {
                out.put(b"(efault)");
            }
            _ => {}
        }
    }

    fn pointer(&mut self, address: u64, letters: &[u8], spec: &Spec, out: &mut dyn Sink) -> usize {
        let named = |out: &mut dyn Sink, symbol: trace::symbols::Named| {
            let _ = write!(Text(out), "{}", symbol.without_line());
        };
        match letters.first() {
            Some(b'x') => {
                let _ = write!(Text(out), "{address:016x}");
                1
            }
            Some(b'S' | b's') => {
                named(out, trace::symbols::Named::instruction(address));
                1
            }
            Some(b'B') => {
                named(out, trace::symbols::Named::return_address(address));
                1
            }
            Some(b'e') => {
                match i32::try_from((address as i64).wrapping_neg())
                    .ok()
                    .and_then(abi::Errno::from_code)
                {
                    Some(error) => drop(write!(Text(out), "-{error}")),
                    None => drop(write!(Text(out), "{address:016x}")),
                }
                1
            }
            Some(b'd' | b'D' | b'K') => {
                hashed(address, spec, out);
                1
            }
            _ => {
                hashed(address, spec, out);
                0
            }
        }
    }
}

/// `%p`: a number that tells pointers apart and tells nothing of where they point.
fn hashed(address: u64, spec: &Spec, out: &mut dyn Sink) {
    if address == 0 {
        spec.padded(16, out, &mut |out| out.put(b"(____ptrval____)"));
        return;
    }
    let hash = random_hash(address);
    let mut text = [0; 16];
    let mut digits = Bounded::new(&mut text);
    let _ = write!(Text(&mut digits), "{hash:016x}");
    spec.padded(16, out, &mut |out| out.put(&text));
}

/// 32 bits of a keyed mix of an address.
fn random_hash(address: u64) -> u64 {
    static KEY: sync::Once<u64> = sync::Once::new();
    if KEY.get().is_none() {
        let _ = KEY.set(hal::random::seed_u64() | 1);
    }
    let key = KEY.get().copied().unwrap_or(1);
    let mut mixed = address ^ key;
    for _ in 0..3 {
        mixed = (mixed ^ mixed >> 32).wrapping_mul(0xd6e8_feb8_6659_fd93 ^ key);
    }
    mixed >> 32
}

/// Formats into `to` as `snprintf` does; the length that the whole text has.
pub(crate) fn format_to(to: &mut [u8], format: usize, list: VaList) -> usize {
    let mut template = [0; FORMAT];
    let mut len = 0;
    let read = foreign::each_piece(format, FORMAT, &mut |piece| {
        template[len..][..piece.len()].copy_from_slice(piece);
        len += piece.len();
    });
    if read.is_err() {
        return 0;
    }
    let mut out = Bounded::new(to);
    cformat::format(&template[..len], &mut Arguments(list), &mut out);
    out.wanted()
}

/// Records a message: a level may stand before it (`KERN_SOH` and a digit, or `c`), and it is a line of its own unless it
/// does not end in a newline.
pub(crate) fn record(message: &[u8]) -> usize {
    const DEFAULT: u16 = 4;
    let (level, line, text) = match message {
        [1, b'c', rest @ ..] => (DEFAULT, Line::Cont, rest),
        [1, digit @ b'0'..=b'7', rest @ ..] => (u16::from(digit - b'0'), Line::Begin, rest),
        rest => (DEFAULT, Line::Begin, rest),
    };
    trace::record(level, line, text);
    text.len()
}

extern "C" fn vprintk(format: usize, list: &VaList) -> i32 {
    let mut text = [0; MESSAGE];
    let wanted = format_to(&mut text, format, *list);
    record(&text[..wanted.min(MESSAGE)]) as i32
}

extern "C" fn bounded(to: usize, size: usize, format: usize, list: &VaList) -> i32 {
    // A piece at a time would format twice; what modules print is short, and what is longer than the room here is cut.
    let mut text = [0; 2 * MESSAGE];
    let wanted = format_to(&mut text, format, *list);
    if let Some(room) = size.checked_sub(1) {
        let fits = wanted.min(room).min(text.len() - 1);
        text[fits] = 0;
        let _ = foreign::write_bytes(to, &text[..=fits]);
    }
    wanted as i32
}

extern "C" fn unbounded(to: usize, format: usize, list: &VaList) -> i32 {
    bounded(to, i32::MAX as usize, format, list)
}

/// As `snprintf`, but says what was written.
extern "C" fn counted(to: usize, size: usize, format: usize, list: &VaList) -> i32 {
    let wanted = bounded(to, size, format, list);
    wanted.min(i32::try_from(size.saturating_sub(1)).unwrap_or(i32::MAX))
}

variadic! {
    /// `scnprintf(to, size, format, ...)`.
    scnprintf(3, "rcx") => counted;
    /// `_printk(format, ...)`: the length of the message.
    _printk(1, "rsi") => vprintk;
    /// `snprintf(to, size, format, ...)`.
    snprintf(3, "rcx") => bounded;
    /// `sprintf(to, format, ...)`.
    sprintf(2, "rdx") => unbounded;
}

exports![
    _printk, snprintf, sprintf, scnprintf;
    as: bounded "vsnprintf", counted "vscnprintf", unbounded "vsprintf", vprintk "vprintk"
];
