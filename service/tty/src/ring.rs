//! A ring of bytes of a fixed size.
use abi::Result;
use alloc::vec::Vec;
use kmem::TryVec;

pub(crate) struct Ring {
    data: Vec<u8>,
    /// Positions count up for ever.
    head: usize,
    tail: usize,
    /// Bytes that a discard leaves: they count as received by the other side.
    kept: usize,
}

impl Ring {
    /// A ring of `size` bytes, a power of two. ENOMEM.
    pub(crate) fn new(size: usize) -> Result<Self> {
        Ok(Self {
            data: Vec::try_filled(0, size)?,
            head: 0,
            tail: 0,
            kept: 0,
        })
    }

    /// From now on a discard leaves the first `n` bytes.
    pub(crate) fn keep_on_discard(&mut self, n: usize) {
        self.kept = n;
    }

    /// Throws away what the other side has not received.
    pub(crate) fn discard(&mut self) {
        self.head = self.tail.wrapping_add(self.len().min(self.kept));
    }

    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.head.wrapping_sub(self.tail)
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.head == self.tail
    }

    #[inline]
    pub(crate) fn room(&self) -> usize {
        self.data.len() - self.len()
    }

    pub(crate) fn clear(&mut self) {
        (self.head, self.tail) = (0, 0);
    }

    /// Adds what fits of `bytes`; answers how many.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.len().min(self.room());
        let at = self.head & (self.data.len() - 1);
        let first = n.min(self.data.len() - at);
        self.data[at..at + first].copy_from_slice(&bytes[..first]);
        self.data[..n - first].copy_from_slice(&bytes[first..n]);
        self.head = self.head.wrapping_add(n);
        n
    }

    /// Bytes at the front that lie in one piece.
    pub(crate) fn front(&self) -> &[u8] {
        let at = self.tail & (self.data.len() - 1);
        let n = self.len().min(self.data.len() - at);
        &self.data[at..at + n]
    }

    /// Drops `n` bytes from the front; there are as many.
    pub(crate) fn consume(&mut self, n: usize) {
        self.tail = self.tail.wrapping_add(n);
    }

    /// Moves bytes from the front to `dst`; answers how many.
    pub(crate) fn pop(&mut self, dst: &mut [u8]) -> usize {
        let mut done = 0;
        while done < dst.len() && !self.is_empty() {
            let front = self.front();
            let n = front.len().min(dst.len() - done);
            dst[done..done + n].copy_from_slice(&front[..n]);
            self.consume(n);
            done += n;
        }
        done
    }
}

impl ldisc::Output for Ring {
    fn room(&self) -> usize {
        Ring::room(self)
    }
    fn put(&mut self, bytes: &[u8]) {
        self.push(bytes);
    }
    fn discard(&mut self) {
        Ring::discard(self);
    }
}
