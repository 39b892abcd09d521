//! Messages that wait in a socket.
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::ReservedQueue;
use socket::Credentials;

/// A message, once for all who get it.
pub(crate) struct Message {
    pub(crate) bytes: Vec<u8>,
    /// The sender's port; 0 is the kernel.
    pub(crate) port: u32,
    /// The group it went to; 0: it went to one port.
    pub(crate) group: u32,
    pub(crate) sender: Credentials,
}

impl Message {
    /// What it costs a receiver's room: as much as Linux' bookkeeping of such a message.
    fn cost(&self) -> usize {
        const OVERHEAD: usize = 320;
        const HEAD: usize = 256;
        let block = self.bytes.len().next_multiple_of(64) + OVERHEAD;
        block.next_power_of_two() + HEAD
    }
}

/// A message in one socket's queue.
#[derive(Clone)]
pub(crate) struct Waiting {
    pub(crate) message: Arc<Message>,
    /// How much of it passed the filter.
    pub(crate) len: usize,
}

/// A queue.
pub(crate) struct Queue {
    waiting: VecDeque<Waiting>,
    cost: usize,
    /// Something was lost since the queue was last empty.
    pub(crate) congested: bool,
    /// The socket is closed.
    pub(crate) closed: bool,
}

/// Why a message was not queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// There is no room in it.
    Room,
    /// There is no memory.
    Memory,
}

impl Queue {
    pub(crate) const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            cost: 0,
            congested: false,
            closed: false,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether a message may come when `room` is the limit. The first always may.
    pub(crate) fn has_room(&self, message: &Message, room: usize) -> bool {
        let fits = self.cost == 0 || self.cost + message.cost() <= room;
        fits && !self.congested
    }

    pub(crate) fn push(&mut self, waiting: Waiting, room: usize) -> Result<(), Full> {
        if !self.has_room(&waiting.message, room) {
            return Err(Full::Room);
        }
        if self.waiting.try_reserve(1).is_err() {
            return Err(Full::Memory);
        }
        self.cost += waiting.message.cost();
        self.waiting.push_back_reserved(waiting);
        Ok(())
    }

    /// The first message, which stays.
    pub(crate) fn peek(&self) -> Option<Waiting> {
        self.waiting.front().cloned()
    }

    /// Takes the first message.
    pub(crate) fn pop(&mut self) -> Option<Waiting> {
        let first = self.waiting.pop_front()?;
        self.cost -= first.message.cost();
        if self.waiting.is_empty() {
            self.congested = false;
        }
        Some(first)
    }

    /// Takes everything: the socket is closed.
    pub(crate) fn close(&mut self) -> VecDeque<Waiting> {
        self.closed = true;
        self.cost = 0;
        core::mem::take(&mut self.waiting)
    }
}
