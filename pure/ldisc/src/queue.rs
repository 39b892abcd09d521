//! The input ring: bytes, and a mark on each that ends a line.
//!
//! Positions count up for ever; their low 12 bits are the slot. `tail <= canon <= head`: `tail..canon` are whole
//! lines, `canon..head` is the line being edited (canonical mode), or `tail..head` is what can be read (raw mode).
use crate::{NoMemory, fixed};
use alloc::vec::Vec;

/// Bytes that the ring holds: one line in canonical mode, its end included, is at most this long.
pub const CAPACITY: usize = 4096;
const MASK: usize = CAPACITY - 1;

pub(crate) struct Queue {
    data: Vec<u8>,
    marks: [u64; CAPACITY / 64],
    pub(crate) head: usize,
    pub(crate) canon: usize,
    pub(crate) tail: usize,
}

impl Queue {
    pub(crate) fn new() -> Result<Self, NoMemory> {
        Ok(Self {
            data: fixed(CAPACITY)?,
            marks: [0; CAPACITY / 64],
            head: 0,
            canon: 0,
            tail: 0,
        })
    }

    pub(crate) fn clear(&mut self) {
        self.marks = [0; CAPACITY / 64];
        (self.head, self.canon, self.tail) = (0, 0, 0);
    }

    /// Bytes held, those of the unfinished line among them.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.head.wrapping_sub(self.tail)
    }

    /// Bytes of finished lines, marks of end of file among them.
    #[inline]
    pub(crate) fn lines_len(&self) -> usize {
        self.canon.wrapping_sub(self.tail)
    }

    #[inline]
    pub(crate) fn at(&self, pos: usize) -> u8 {
        self.data[pos & MASK]
    }

    /// Adds a byte; a full ring loses it (the second half of a doubled 0xff at the end of an overlong line).
    #[inline]
    pub(crate) fn push(&mut self, byte: u8) {
        if self.len() == CAPACITY {
            return;
        }
        self.data[self.head & MASK] = byte;
        self.head = self.head.wrapping_add(1);
    }

    /// Adds as many of `bytes` as fit with `spare` slots left over; answers how many.
    pub(crate) fn push_slice(&mut self, bytes: &[u8], spare: usize) -> usize {
        let room = (CAPACITY - self.len()).saturating_sub(spare);
        let n = room.min(bytes.len());
        let at = self.head & MASK;
        let first = n.min(CAPACITY - at);
        self.data[at..at + first].copy_from_slice(&bytes[..first]);
        self.data[..n - first].copy_from_slice(&bytes[first..n]);
        self.head = self.head.wrapping_add(n);
        n
    }

    /// Adds a byte that ends a line, in place of the last one if the ring is full.
    pub(crate) fn push_end(&mut self, byte: u8) {
        if self.len() == CAPACITY {
            self.head = self.head.wrapping_sub(1);
        }
        self.mark(self.head);
        self.push(byte);
        self.canon = self.head;
    }

    fn mark(&mut self, pos: usize) {
        self.marks[(pos & MASK) / 64] |= 1 << (pos & 63);
    }

    pub(crate) fn marked(&self, pos: usize) -> bool {
        self.marks[(pos & MASK) / 64] >> (pos & 63) & 1 != 0
    }

    /// Takes bytes from the front into `dst`; answers how many.
    pub(crate) fn pop_slice(&mut self, dst: &mut [u8]) -> usize {
        let n = self.len().min(dst.len());
        self.copy_out(&mut dst[..n]);
        self.tail = self.tail.wrapping_add(n);
        n
    }

    /// Copies the first `dst.len()` bytes, which must be there.
    pub(crate) fn copy_out(&self, dst: &mut [u8]) {
        let at = self.tail & MASK;
        let first = dst.len().min(CAPACITY - at);
        let (head, rest) = dst.split_at_mut(first);
        head.copy_from_slice(&self.data[at..at + first]);
        rest.copy_from_slice(&self.data[..rest.len()]);
    }

    /// Drops `n` bytes from the front, with their marks.
    pub(crate) fn drop_front(&mut self, n: usize) {
        for pos in 0..n {
            let pos = self.tail.wrapping_add(pos);
            self.marks[(pos & MASK) / 64] &= !(1 << (pos & 63));
        }
        self.tail = self.tail.wrapping_add(n);
    }

    /// Position of the first mark in `tail..canon`, at most `limit` bytes on.
    pub(crate) fn first_mark(&self, limit: usize) -> Option<usize> {
        (0..limit.min(self.lines_len()))
            .map(|i| self.tail.wrapping_add(i))
            .find(|pos| self.marked(*pos))
    }

    /// Pending bytes change their meaning: all raw, or (`canonical`) one finished line.
    pub(crate) fn change_mode(&mut self, canonical: bool) {
        self.marks = [0; CAPACITY / 64];
        if canonical && self.len() > 0 {
            self.mark(self.head.wrapping_sub(1));
            self.canon = self.head;
        } else {
            self.canon = self.tail;
        }
    }
}
