//! Datagrams that wait in a socket.
use crate::address::Endpoint;
use crate::data::Data;
use abi::{PAGE_SIZE, Result};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use kmem::ReservedQueue;

/// A datagram: who sent it where, and how.
pub(crate) struct Datagram {
    pub(super) from: Endpoint,
    pub(super) to: Endpoint,
    pub(super) ttl: u8,
    pub(super) tos: u8,
    pub(super) data: Data,
}

/// Heads of IP and UDP.
pub(super) const HEADS: usize = 28;

impl Datagram {
    /// What it takes of a receiver's room: as much as Linux' bookkeeping of it, so that as many fit.
    pub(super) fn cost(&self) -> usize {
        /// What else the first piece has room for; its end; what describes it.
        const BEFORE: usize = 31;
        const END: usize = 320;
        const HEAD: usize = 256;
        let len = self.data.len();
        let (piece, pages) = match HEADS + len + BEFORE < 4 * PAGE_SIZE - END {
            true => (HEADS + len, 0),
            false => (HEADS, len),
        };
        let block = ((piece + BEFORE).next_multiple_of(64) + END).next_power_of_two();
        block + HEAD + pages
    }
}

/// The queue.
#[derive(Default)]
pub(super) struct Queue {
    waiting: VecDeque<Arc<Datagram>>,
    /// What all that waits takes.
    cost: usize,
    /// The socket is closed: nothing more is taken.
    closed: bool,
    /// How many were lost.
    pub(super) lost: u32,
}

impl Queue {
    pub(super) const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            cost: 0,
            closed: false,
            lost: 0,
        }
    }

    /// Adds a datagram, or loses it; whether it was added.
    pub(super) fn push(&mut self, datagram: &Arc<Datagram>, room: usize) -> bool {
        if self.closed {
            return false;
        }
        if self.cost > room || self.waiting.try_reserve(1).is_err() {
            self.lost = self.lost.wrapping_add(1);
            return false;
        }
        self.cost += datagram.cost();
        self.waiting.push_back_reserved(datagram.clone());
        true
    }

    pub(super) fn pop(&mut self) -> Option<Arc<Datagram>> {
        let first = self.waiting.pop_front()?;
        self.cost -= first.cost();
        Some(first)
    }

    pub(super) fn peek(&self) -> Option<Arc<Datagram>> {
        self.waiting.front().cloned()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) const fn cost(&self) -> usize {
        self.cost
    }

    /// Takes nothing more; what waited.
    pub(super) fn close(&mut self) -> VecDeque<Arc<Datagram>> {
        self.closed = true;
        self.cost = 0;
        core::mem::take(&mut self.waiting)
    }
}

/// Bytes of a datagram as a filter sees them: its head and what it holds. ENOMEM.
pub(super) fn flat(datagram: &Datagram) -> Result<alloc::vec::Vec<u8>> {
    use kmem::TryVec;
    let len = datagram.data.len();
    let mut bytes = alloc::vec::Vec::try_filled(0, 8 + len)?;
    bytes[..2].copy_from_slice(&datagram.from.port.to_be_bytes());
    bytes[2..4].copy_from_slice(&datagram.to.port.to_be_bytes());
    bytes[4..6].copy_from_slice(&((8 + len) as u16).to_be_bytes());
    let mut dst = kmem::user::UserBuf::kernel_dst(&mut bytes[8..]);
    if len != 0 {
        datagram.data.copy(0, &mut dst, len)?;
    }
    Ok(bytes)
}
