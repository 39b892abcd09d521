//! Bytes that arrived: in order for who reads, and those ahead of what is missing.
use crate::NoMemory;
use crate::segment::Payload;
use crate::seq::Seq;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use reserved::{Reserved, ReservedQueue};

/// Most pieces that are kept ahead of what is missing.
const AHEAD: usize = 1024;

/// Bytes ahead of what is missing.
struct Island<P> {
    seq: Seq,
    piece: P,
}

pub(crate) struct Inbox<P> {
    ready: VecDeque<P>,
    len: usize,
    /// In order; they may overlap.
    ahead: Vec<Island<P>>,
}

impl<P: Payload> Inbox<P> {
    pub(crate) const fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            len: 0,
            ahead: Vec::new(),
        }
    }

    /// Bytes to be read.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Takes bytes whose first number is `seq`, with `next` the first number that is missing: the new one.
    pub(crate) fn take(&mut self, seq: Seq, piece: P, next: Seq) -> Result<Seq, NoMemory> {
        if next.lt(seq) {
            self.keep(seq, piece)?;
            return Ok(next);
        }
        let mut next = self.append(seq, piece, next)?;
        while let Some(first) = self.ahead.first() {
            if next.lt(first.seq) {
                break;
            }
            let island = Island {
                seq: first.seq,
                piece: first.piece.clone(),
            };
            // Without memory it stays, and arrives again.
            next = self.append(island.seq, island.piece, next)?;
            self.ahead.remove(0);
        }
        Ok(next)
    }

    fn append(&mut self, seq: Seq, piece: P, next: Seq) -> Result<Seq, NoMemory> {
        let end = seq.add(piece.len());
        if end.le(next) {
            return Ok(next);
        }
        let known = next.since(seq);
        let fresh = match known {
            0 => piece,
            _ => piece.slice(known, piece.len() - known),
        };
        let len = fresh.len();
        let joined = self.ready.back_mut().is_some_and(|last| last.join(&fresh));
        if !joined {
            self.ready.try_reserve(1).map_err(|_| NoMemory)?;
            self.ready.push_back_reserved(fresh);
        }
        self.len += len;
        Ok(end)
    }

    fn keep(&mut self, seq: Seq, piece: P) -> Result<(), NoMemory> {
        let place = self.ahead.iter().position(|island| seq.lt(island.seq));
        let place = place.unwrap_or(self.ahead.len());
        let end = seq.add(piece.len());
        let covered = place.checked_sub(1).map(|before| {
            let island = &self.ahead[before];
            end.le(island.seq.add(island.piece.len()))
        });
        if covered == Some(true) {
            return Ok(());
        }
        if self.ahead.len() >= AHEAD || self.ahead.try_reserve(1).is_err() {
            return Err(NoMemory);
        }
        self.ahead.insert_reserved(place, Island { seq, piece });
        Ok(())
    }

    /// The piece with the byte at a place, from that byte on.
    pub(crate) fn piece(&self, mut at: usize) -> Option<P> {
        for piece in &self.ready {
            let len = piece.len();
            if at < len {
                return Some(if at == 0 {
                    piece.clone()
                } else {
                    piece.slice(at, len - at)
                });
            }
            at -= len;
        }
        None
    }

    /// Forgets the first `n` bytes.
    pub(crate) fn consume(&mut self, mut n: usize) {
        self.len -= n;
        while n != 0 {
            let Some(first) = self.ready.front_mut() else {
                return;
            };
            let len = first.len();
            if n < len {
                *first = first.slice(n, len - n);
                return;
            }
            n -= len;
            self.ready.pop_front();
        }
    }

    pub(crate) fn clear_islands(&mut self) {
        self.ahead = Vec::new();
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }
}
