//! `printf` and `sscanf` as the Linux kernel has them: a format of C with arguments that come one by one.
//!
//! Called by `capi`, which fetches arguments from a `va_list` and reads strings that modules point to; calls nobody.
//! Nothing is allocated.
//!
//! | file | holds |
//! |---|---|
//! | `spec.rs` | [`Spec`]: one conversion, and [`pieces`] of a format |
//! | `number.rs` | integers |
//! | `scan.rs` | the other way: [`scan`], which is `sscanf` |
//!
//! What `%p` and its letters mean is the caller's business ([`Source::pointer`]).
//!
//! Specification: printf(3) for flags, width, precision and lengths; Documentation/core-api/printk-formats.rst.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod number;
mod scan;
mod spec;
#[cfg(test)]
mod tests;

pub use scan::{Targets, scan};
pub use spec::{Conversion, Flags, Length, Piece, Spec, pieces};

use core::fmt::{self, Write};

/// Where arguments come from, and what only the caller can read.
pub trait Source {
    /// The next argument, as 8 bytes of which a conversion takes as many as it needs.
    fn next(&mut self) -> u64;
    /// Writes at most `most` bytes of the string at `address` (`%s`).
    fn string(&mut self, address: u64, most: usize, out: &mut dyn Sink);
    /// Writes what `%p` and the letters after it show of a pointer. `letters` begins right after the `p`; gives how
    /// many of them belong to it.
    fn pointer(&mut self, address: u64, letters: &[u8], spec: &Spec, out: &mut dyn Sink) -> usize;
}

/// Where text goes, byte by byte: what a module prints need not be UTF-8.
pub trait Sink {
    /// Takes some bytes.
    fn put(&mut self, bytes: &[u8]);
}

/// Counts what would be written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counter(pub usize);

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) {
        self.0 += bytes.len();
    }
}

/// Fills a buffer and counts on beyond its end, as `snprintf` does.
#[derive(Debug)]
pub struct Bounded<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Bounded<'a> {
    /// Writes to `buffer`.
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Bytes that would have been written with room enough.
    #[must_use]
    pub fn wanted(&self) -> usize {
        self.len
    }

    /// Bytes that were written.
    #[must_use]
    pub fn written(&self) -> usize {
        self.len.min(self.buffer.len())
    }
}

impl Sink for Bounded<'_> {
    fn put(&mut self, bytes: &[u8]) {
        if let Some(room) = self.buffer.get_mut(self.len..) {
            let fits = bytes.len().min(room.len());
            room[..fits].copy_from_slice(&bytes[..fits]);
        }
        self.len = self.len.saturating_add(bytes.len());
    }
}

/// A [`Sink`] for `write!`.
pub struct Text<'a>(pub &'a mut dyn Sink);

impl Write for Text<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.0.put(s.as_bytes());
        Ok(())
    }
}

/// Writes `format` with the arguments of `source`. An unknown conversion ends it, as the kernel's own does: the
/// arguments after it can't be found.
pub fn format(format: &[u8], source: &mut dyn Source, out: &mut dyn Sink) {
    let mut rest = format;
    while let Some((piece, len)) = pieces(rest) {
        rest = &rest[len..];
        match piece {
            Piece::Text(text) => out.put(text),
            Piece::Spec(mut spec) => {
                spec.fetch_sizes(source);
                let Some(used) = convert(&spec, rest, source, out) else {
                    return;
                };
                rest = &rest[used..];
            }
        }
    }
}

/// Writes one conversion; how many bytes of the format behind it belong to it. `None`: it is unknown.
fn convert(spec: &Spec, rest: &[u8], source: &mut dyn Source, out: &mut dyn Sink) -> Option<usize> {
    match spec.conversion {
        Conversion::Percent => out.put(b"%"),
        Conversion::Char => {
            let byte = [source.next() as u8];
            spec.padded(1, out, &mut |out| out.put(&byte));
        }
        Conversion::Int {
            base,
            signed,
            upper,
        } => {
            let raw = source.next();
            number::write(spec, raw, base, signed, upper, out);
        }
        Conversion::Str => {
            let address = source.next();
            let most = spec.precision.unwrap_or(usize::MAX);
            let mut counter = Counter::default();
            source.string(address, most, &mut counter);
            spec.padded(counter.0, out, &mut |out| source.string(address, most, out));
        }
        Conversion::Pointer => {
            let address = source.next();
            return Some(source.pointer(address, rest, spec, out));
        }
        Conversion::Unknown => return None,
    }
    Some(0)
}
