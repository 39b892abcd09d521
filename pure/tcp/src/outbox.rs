//! Bytes that the other side has not acknowledged.
use crate::NoMemory;
use crate::segment::Payload;
use alloc::collections::VecDeque;
use reserved::ReservedQueue;

/// The bytes, from the first that is not acknowledged on. A cursor stands where the first that was not sent is.
pub(crate) struct Outbox<P> {
    pieces: VecDeque<P>,
    len: usize,
    /// The piece of the cursor, and how much of it was sent; how much before was.
    piece: usize,
    offset: usize,
    sent: usize,
}

impl<P: Payload> Outbox<P> {
    pub(crate) const fn new() -> Self {
        Self {
            pieces: VecDeque::new(),
            len: 0,
            piece: 0,
            offset: 0,
            sent: 0,
        }
    }

    /// How many bytes there are, and how many of them were sent.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    pub(crate) const fn sent(&self) -> usize {
        self.sent
    }

    pub(crate) const fn unsent(&self) -> usize {
        self.len - self.sent
    }

    /// Appends bytes.
    pub(crate) fn push(&mut self, piece: P) -> Result<(), NoMemory> {
        let len = piece.len();
        let joined = self.piece < self.pieces.len()
            && self.pieces.back_mut().is_some_and(|last| last.join(&piece));
        if !joined {
            self.pieces.try_reserve(1).map_err(|_| NoMemory)?;
            self.pieces.push_back_reserved(piece);
        }
        self.len += len;
        Ok(())
    }

    /// The next bytes that were not sent, at most so many, in one piece.
    pub(crate) fn next(&self, most: usize) -> Option<P> {
        let piece = self.pieces.get(self.piece)?;
        let len = (piece.len() - self.offset).min(most);
        (len != 0).then(|| piece.slice(self.offset, len))
    }

    /// How long [`next`](Self::next) would be.
    pub(crate) fn next_len(&self, most: usize) -> usize {
        let piece = self.pieces.get(self.piece);
        piece.map_or(0, |piece| (piece.len() - self.offset).min(most))
    }

    /// Notes that the next `n` bytes were sent; they are in one piece.
    pub(crate) fn advance(&mut self, n: usize) {
        self.sent += n;
        self.offset += n;
        let whole = self.pieces.get(self.piece).map(Payload::len);
        if whole == Some(self.offset) {
            self.piece += 1;
            self.offset = 0;
        }
    }

    /// The first bytes again, at most so many.
    pub(crate) fn first(&self, most: usize) -> Option<P> {
        let piece = self.pieces.front()?;
        let len = piece.len().min(most).min(self.sent);
        (len != 0).then(|| piece.slice(0, len))
    }

    /// Forgets the first `n` bytes, which were sent.
    pub(crate) fn acknowledge(&mut self, mut n: usize) {
        self.len -= n;
        self.sent -= n;
        while n != 0 {
            let Some(first) = self.pieces.front_mut() else {
                return;
            };
            let whole = first.len();
            if n < whole {
                *first = first.slice(n, whole - n);
                if self.piece == 0 {
                    self.offset -= n;
                }
                return;
            }
            n -= whole;
            self.pieces.pop_front();
            match self.piece {
                0 => self.offset = 0,
                _ => self.piece -= 1,
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }
}
