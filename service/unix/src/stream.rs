//! Streams: sending and receiving bytes.
use crate::cost;
use crate::end::waited;
use crate::flight;
use crate::inbox::Parcel;
use crate::objects::{Cargo, End, Inbox, Sender, UnixSocket, Urgent, phase, shut};
use abi::net::MSG_PEEK;
use abi::{Errno, Result};
use alloc::boxed::Box;
use core::sync::atomic::Ordering;
use kmem::user::UserBuf;
use sync::{MutexGuard, WaitMode};

impl UnixSocket {
    /// The other end of the connection.
    #[inline]
    pub(crate) fn connected(&self) -> Option<&End> {
        self.peer.get().map(|peer| &**peer)
    }

    /// Sends all of `data`, waiting for room. The parcel goes with the first bytes.
    ///
    /// # Errors
    /// `ENOTCONN`; `EPIPE`; `EAGAIN`; `ERESTARTSYS`, `EINTR`; `EFAULT`; `ENOMEM`; an error that waits. All only if nothing
    /// was sent.
    pub(crate) fn send_stream(
        &self,
        data: &mut UserBuf<'_>,
        nonblock: bool,
        parcel: &mut Parcel,
    ) -> Result<usize> {
        self.send_pieces(data, |peer, data| {
            let len = data.remaining();
            self.send_part(peer, (data, len), nonblock, parcel)
        })
    }

    /// Sends all of `data` by `send`, which sends what is next of it to the other end, and says how much that was.
    ///
    /// # Errors
    /// `ENOTCONN`; `EPIPE`; those of `send`. All only if nothing was sent.
    #[inline(always)]
    pub(crate) fn send_pieces(
        &self,
        data: &mut UserBuf<'_>,
        mut send: impl FnMut(&End, &mut UserBuf<'_>) -> Result<usize>,
    ) -> Result<usize> {
        let peer = self.connected().ok_or(Errno::ENOTCONN)?;
        if self.end.shut() & shut::SEND != 0 {
            return Err(Errno::EPIPE);
        }
        let mut sent = 0;
        while !data.is_empty() {
            match send(peer, data) {
                Ok(n) => sent += n,
                Err(e) if sent == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    /// Sends as many of the next `len` bytes of the data as go in one piece.
    #[inline]
    pub(crate) fn send_part(
        &self,
        peer: &End,
        (data, len): (&mut UserBuf<'_>, usize),
        nonblock: bool,
        parcel: &mut Parcel,
    ) -> Result<usize> {
        let end = &*self.end;
        let part = cost::stream_part(len, end.base.send_room());
        end.wait_for_room(nonblock)?;
        parcel.say_who(end, peer)?;
        let mut inbox = peer.inbox.lock();
        if inbox.closed || peer.shut() & shut::RECEIVE != 0 {
            return Err(Errno::EPIPE);
        }
        peer.put(&mut inbox, end, (data, part), cost::stream(part), parcel)?;
        drop(inbox);
        peer.tell_reader();
        Ok(part)
    }
}

/// How bytes are received.
#[derive(Clone, Copy)]
pub(crate) struct Wish {
    pub(crate) peek: bool,
    pub(crate) nonblock: bool,
    /// `MSG_WAITALL`.
    pub(crate) all: bool,
}

impl Wish {
    pub(crate) const fn new(flags: u32, nonblock: bool) -> Self {
        Self {
            peek: flags & MSG_PEEK != 0,
            nonblock,
            all: flags & abi::net::MSG_WAITALL != 0,
        }
    }
}

/// What came with the bytes.
#[derive(Default)]
pub(crate) struct Got {
    /// Whose bytes they are, where that matters: the outer one says whether it was looked at.
    pub(crate) sender: Option<Option<Sender>>,
    pub(crate) cargo: Option<Box<Cargo>>,
    /// How many bytes.
    pub(crate) taken: usize,
    /// What goes back to the sender.
    pub(crate) cost: usize,
}

impl UnixSocket {
    /// Receives what is there, waiting for the first byte. 0: nothing more comes.
    ///
    /// # Errors
    /// `EINVAL`: not connected; `EAGAIN`; `ERESTARTSYS`, `EINTR`; `EFAULT`; an error that waits.
    pub(crate) fn receive_stream(
        &self,
        data: &mut UserBuf<'_>,
        wish: Wish,
        got: &mut Got,
    ) -> Result<usize> {
        let end = &*self.end;
        if end.phase() != phase::CONNECTED {
            return Err(Errno::EINVAL);
        }
        let want = data.remaining();
        let least = if wish.all {
            want
        } else {
            end.base.receive_least()
        };
        let enough = least.min(want).max(1);
        let mut waited = false;
        loop {
            let (mut seen, mut held) = (0, false);
            if end.has_records() {
                seen = end.records.load(Ordering::Acquire);
                match self.take_bytes(data, wish, got, waited) {
                    Err(e) if got.taken == 0 => return Err(e),
                    Err(_) | Ok(More::Enough) => return Ok(got.taken),
                    Ok(More::Wanted) => seen = 0,
                    Ok(More::Seen) => {}
                    Ok(More::Again) => {
                        self.drop_lost();
                        continue;
                    }
                    Ok(More::Held) => (seen, held) = (0, true),
                }
            }
            if got.taken >= enough {
                return Ok(got.taken);
            }
            match self.wait_for_bytes(wish, got.taken, (seen, held)) {
                Ok(true) => waited = true,
                Ok(false) => return Ok(got.taken),
                Err(_) if got.taken != 0 => return Ok(got.taken),
                Err(e) => return Err(e),
            }
        }
    }

    /// Waits for bytes, other messages than those `seen`. False: there won't be any. Who is `held` does not get by this call
    /// what is there, unless he waits.
    fn wait_for_bytes(&self, wish: Wish, done: usize, (seen, held): (u32, bool)) -> Result<bool> {
        let end = &*self.end;
        let new = || end.records.load(Ordering::Acquire) != seen;
        if !held && new() {
            return Ok(true);
        }
        if done == 0 {
            end.base.check_error()?;
        }
        if end.shut() & shut::RECEIVE != 0 {
            // What was sent before the end came is there.
            return Ok(!held && new());
        }
        if wish.nonblock {
            return Err(Errno::EAGAIN);
        }
        let until = end.base.receive_until();
        let changed = || new() || end.shut() & shut::RECEIVE != 0 || end.base.has_error();
        end.read_wait
            .wait(WaitMode::Interruptible, until, || changed().then_some(()))
            .map_err(|e| waited(e, until))?;
        Ok(true)
    }

    /// Takes bytes from the queue.
    fn take_bytes(
        &self,
        data: &mut UserBuf<'_>,
        wish: Wish,
        got: &mut Got,
        waited: bool,
    ) -> Result<More> {
        let end = &*self.end;
        if wish.peek {
            return self.peek_bytes(data, got);
        }
        let mut inbox = end.inbox.lock();
        let splits = end.base.passes_credentials();
        let mut result = Ok(More::Wanted);
        while result == Ok(More::Wanted) && !inbox.records.is_empty() {
            result = end.take_record(&mut inbox, data, splits, got);
        }
        let more = !inbox.records.is_empty();
        drop(inbox);
        let cost = core::mem::take(&mut got.cost);
        if let Some(peer) = self.connected()
            && cost != 0
        {
            peer.give_back(cost);
        }
        // A wake-up reaches one reader; what it leaves is for the next.
        if waited && more {
            end.tell_reader();
        }
        result
    }

    /// Copies bytes and descriptors that stay in the queue.
    fn peek_bytes(&self, data: &mut UserBuf<'_>, got: &mut Got) -> Result<More> {
        let end = &*self.end;
        // Descriptors that others still have can't be judged meanwhile.
        let still = (end.cargos.load(Ordering::Acquire) != 0).then(flight::hold);
        let inbox = end.inbox.lock();
        let splits = end.base.passes_credentials();
        let from = end.peek.load(Ordering::Relaxed);
        let (mut skip, mut at) = (usize::try_from(from).unwrap_or(0), 0);
        let (mut urgent, mut stops) = (inbox.urgent.iter(), true);
        for record in &inbox.records {
            let byte = if record.left == 0 {
                urgent.next()
            } else {
                None
            };
            if stops && byte.is_some() && urgent.len() == 0 && end.is_marked() {
                match end.reads_inline() {
                    _ if got.taken != 0 => break,
                    true => {}
                    // What comes after it is looked at, whatever it is.
                    false => {
                        stops = false;
                        continue;
                    }
                }
            }
            let left = byte.map_or(record.left as usize, Urgent::len);
            if skip >= left {
                (skip, at, stops) = (skip - left, at + record.left as usize, false);
                continue;
            }
            if splits && !got.same_sender(record.sender.as_ref()) {
                break;
            }
            let n = (left - skip).min(data.remaining());
            let copied = match byte {
                Some(urgent) => urgent.copy(data),
                None => inbox.pages.copy(at + skip, data, n),
            };
            if let Err(e) = copied {
                if got.taken == 0 {
                    return Err(e);
                }
                break;
            }
            got.taken += n;
            (skip, at, stops) = (0, at + record.left as usize, true);
            if let (Some(cargo), Some(_)) = (&record.cargo, &still) {
                got.cargo = flight::copy(cargo);
                break;
            }
            if data.is_empty() {
                break;
            }
        }
        if from >= 0 {
            let next = from.saturating_add(got.taken as i32);
            end.peek.store(next, Ordering::Relaxed);
        }
        match got.taken == 0 && !data.is_empty() {
            // All that is there was seen already.
            true => Ok(More::Seen),
            false => Ok(More::Enough),
        }
    }
}

/// Whether a receiver goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum More {
    /// If there is something.
    Wanted,
    /// It has what it can get by one call.
    Enough,
    /// `SO_PEEK_OFF` is behind all that waits.
    Seen,
    /// Once `Inbox::lost` is empty.
    Again,
    /// What waits is for the next call.
    Held,
}

impl Got {
    /// Notes whose the first bytes are; whether these are the same one's.
    pub(crate) fn same_sender(&mut self, sender: Option<&Sender>) -> bool {
        let first = self.sender.get_or_insert_with(|| sender.cloned());
        first.as_ref() == sender
    }
}

impl End {
    /// Takes bytes of the first message, and with its first ones its descriptors.
    #[inline]
    fn take_record(
        &self,
        inbox: &mut MutexGuard<'_, Inbox>,
        data: &mut UserBuf<'_>,
        splits: bool,
        got: &mut Got,
    ) -> Result<More> {
        let inbox = &mut **inbox;
        let Some(first) = inbox.records.front_mut() else {
            return Ok(More::Enough);
        };
        if splits && first.left != 0 && !got.same_sender(first.sender.as_ref()) {
            return Ok(More::Enough);
        }
        let n = (first.left as usize).min(data.remaining());
        if n == 0 {
            return match data.is_empty() {
                true => Ok(More::Enough),
                false => self.take_urgent(inbox, data, splits, got),
            };
        }
        inbox.pages.copy(0, data, n)?;
        inbox.pages.discard(n);
        first.left -= n as u32;
        got.taken += n;
        let mut more = More::Wanted;
        if first.cargo.is_some() {
            got.cargo = self.unload(first);
            more = More::Enough;
        }
        self.move_peek_back(n);
        if first.left != 0 {
            return Ok(More::Enough);
        }
        if let Some(record) = self.drop_first(inbox) {
            got.cost += record.cost as usize;
        }
        Ok(more)
    }

    /// `SO_PEEK_OFF` counts from what is first now.
    #[inline]
    pub(crate) fn move_peek_back(&self, n: usize) {
        let peeked = self.peek.load(Ordering::Relaxed);
        if peeked > 0 {
            let left = peeked.saturating_sub(n as i32).max(0);
            self.peek.store(left, Ordering::Relaxed);
        }
    }
}
