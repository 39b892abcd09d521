//! Formatting into a fixed buffer.
use core::fmt;

/// Text in `N` bytes; what does not fit is cut (never inside a character).
pub(crate) struct TextBuf<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

impl<const N: usize> TextBuf<N> {
    pub(crate) const fn new() -> Self {
        Self {
            bytes: [0; N],
            len: 0,
        }
    }
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
    /// Whether `bytes` fitted whole.
    pub(crate) fn push_bytes(&mut self, bytes: &[u8]) -> bool {
        let n = bytes.len().min(N - self.len);
        self.bytes[self.len..self.len + n].copy_from_slice(&bytes[..n]);
        self.len += n;
        n == bytes.len()
    }
}

impl<const N: usize> fmt::Write for TextBuf<N> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        let mut n = s.len().min(N - self.len);
        while !s.is_char_boundary(n) {
            n -= 1;
        }
        self.push_bytes(&s.as_bytes()[..n]);
        Ok(())
    }
}

/// Writes into a slice and counts what it would have taken.
pub(crate) struct SliceWriter<'a> {
    out: &'a mut [u8],
    /// Bytes asked for, more than the slice's length when it was too short.
    pub(crate) wanted: usize,
}

impl<'a> SliceWriter<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { out, wanted: 0 }
    }
    pub(crate) fn put(&mut self, bytes: &[u8]) {
        let at = self.wanted.min(self.out.len());
        let n = bytes.len().min(self.out.len() - at);
        self.out[at..at + n].copy_from_slice(&bytes[..n]);
        self.wanted += bytes.len();
    }
    /// The bytes written, unless the slice was too short.
    pub(crate) fn finish(self) -> Option<usize> {
        (self.wanted <= self.out.len()).then_some(self.wanted)
    }
}

impl fmt::Write for SliceWriter<'_> {
    fn write_str(&mut self, s: &str) -> fmt::Result {
        self.put(s.as_bytes());
        Ok(())
    }
}
