//! The byte out of band of a stream (`MSG_OOB`).
//!
//! It has a record in the queue, without bytes in the pages: what costs every receiver a look is a record, and one that has
//! bytes is received as ever. The byte itself is in [`Inbox::urgent`]. The last one sent is the mark, as long as it was not
//! received: a receiver stops before it and, beginning there, leaves it out, or takes it with the rest (`SO_OOBINLINE`). One
//! before it that nobody took is a byte like others. What was taken out of band still ends what a receiver gets by one call.
//!
//! All this is as Linux 6.1 does it, what seems odd of it too: a call that must not wait and begins at a byte that was taken
//! gets `EAGAIN`, and the next one what is behind.
use crate::cost;
use crate::flight;
use crate::inbox::Parcel;
use crate::objects::{End, Inbox, UnixSocket, Urgent, phase, shut};
use crate::stream::{Got, More};
use abi::net::SO_OOBINLINE;
use abi::{Errno, Result};
use core::sync::atomic::Ordering;
use kmem::ReservedQueue;
use kmem::user::UserBuf;

impl Urgent {
    /// How many bytes a receiver finds here.
    pub(crate) fn len(&self) -> usize {
        usize::from(!self.taken)
    }

    /// Copies the byte. EFAULT.
    pub(crate) fn copy(&self, data: &mut UserBuf<'_>) -> Result<()> {
        data.copy_to(&[self.byte]).map(|_| ())
    }
}

impl Inbox {
    /// How many bytes are here that were sent out of band.
    pub(crate) fn urgent_bytes(&self) -> usize {
        self.urgent.iter().map(Urgent::len).sum()
    }

    /// Whether a sender's bytes are lost when all that is here is thrown away.
    pub(crate) fn has_unread(&self) -> bool {
        let only_taken = || self.urgent.front().is_some_and(|urgent| urgent.taken);
        match self.records.len() {
            0 => false,
            1 => !only_taken(),
            _ => true,
        }
    }
}

impl UnixSocket {
    /// Sends all but the last byte of `data`, which is not empty, and then that one out of band; the other end's owner is told
    /// (SIGURG).
    ///
    /// # Errors
    /// As [`send_stream`](UnixSocket::send_stream).
    pub(crate) fn send_urgent(
        &self,
        data: &mut UserBuf<'_>,
        nonblock: bool,
        parcel: &mut Parcel,
    ) -> Result<usize> {
        self.send_pieces(data, |peer, data| match data.remaining() {
            1 => self.send_last(peer, data, nonblock, parcel),
            len => self.send_part(peer, (data, len - 1), nonblock, parcel),
        })
    }

    fn send_last(
        &self,
        peer: &End,
        data: &mut UserBuf<'_>,
        nonblock: bool,
        parcel: &mut Parcel,
    ) -> Result<usize> {
        let end = &*self.end;
        end.wait_for_room(nonblock)?;
        parcel.say_who(end, peer)?;
        let byte = data.next_byte()?.ok_or(Errno::EFAULT)?;
        let mut inbox = peer.inbox.lock();
        if inbox.closed || peer.shut() & shut::RECEIVE != 0 {
            return Err(Errno::EPIPE);
        }
        if inbox.urgent.try_reserve(1).is_err() {
            return Err(Errno::ENOMEM);
        }
        peer.put(&mut inbox, end, (data, 0), cost::stream(1), parcel)?;
        let urgent = Urgent { byte, taken: false };
        inbox.urgent.push_back_reserved(urgent);
        peer.marked.store(true, Ordering::Release);
        drop(inbox);
        if let Some(owner) = peer.file_owner.get() {
            owner.notify_urgent();
        }
        peer.tell_reader();
        Ok(1)
    }

    /// Receives the byte at the mark, which then is none any more.
    ///
    /// # Errors
    /// `EINVAL`: there is none, or it comes with the rest (`SO_OOBINLINE`), or the socket is not connected; `EFAULT`: the byte
    /// is lost.
    pub(crate) fn receive_urgent(&self, data: &mut UserBuf<'_>, peek: bool) -> Result<usize> {
        let end = &*self.end;
        if end.phase() != phase::CONNECTED {
            return Err(Errno::EINVAL);
        }
        let mut inbox = end.inbox.lock();
        let wanted = end.is_marked() && !end.reads_inline();
        let urgent = inbox.urgent.back().filter(|_| wanted);
        let copied = urgent.ok_or(Errno::EINVAL)?.copy(data);
        let cost = if peek { 0 } else { end.take_mark(&mut inbox) };
        let lost = inbox.lost.take();
        drop(inbox);
        if let Some(peer) = self.connected()
            && cost != 0
        {
            peer.give_back(cost);
        }
        flight::throw_away(lost);
        copied.map(|()| 1)
    }

    /// Drops what came with bytes that nobody wanted.
    #[cold]
    pub(crate) fn drop_lost(&self) {
        let lost = self.end.inbox.lock().lost.take();
        flight::throw_away(lost);
    }
}

impl End {
    /// Whether a byte out of band waits.
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        self.marked.load(Ordering::Acquire)
    }

    /// `SO_OOBINLINE`.
    pub(crate) fn reads_inline(&self) -> bool {
        self.base.is_on(SO_OOBINLINE)
    }

    /// Whether the next byte to receive is the one at the mark (`SIOCATMARK`).
    pub(crate) fn is_at_mark(&self) -> bool {
        let inbox = self.inbox.lock();
        let first = inbox.records.front();
        first.is_some_and(|first| first.left == 0) && inbox.urgent.len() == 1 && self.is_marked()
    }

    /// The byte at the mark is received out of band; what goes back to the sender. Two in a row that were taken are one.
    fn take_mark(&self, inbox: &mut Inbox) -> usize {
        self.marked.store(false, Ordering::Release);
        let is_urgent = |at: &usize| inbox.records[*at].left == 0;
        let Some(at) = (0..inbox.records.len()).rev().find(is_urgent) else {
            return 0;
        };
        if let Some(urgent) = inbox.urgent.back_mut() {
            urgent.taken = true;
        }
        self.lose(inbox, at);
        let before = inbox.urgent.len().checked_sub(2);
        let (Some(before), true) = (before, at > 0 && inbox.records[at - 1].left == 0) else {
            return 0;
        };
        if !inbox.urgent[before].taken {
            return 0;
        }
        inbox.urgent.remove(before);
        let gone = inbox.records.remove(at - 1);
        let len = inbox.records.len() as u32;
        self.records.store(len, Ordering::Release);
        gone.map_or(0, |record| record.cost as usize)
    }

    /// Notes a record's descriptors as lost. There are none yet where it is called.
    fn lose(&self, inbox: &mut Inbox, at: usize) {
        let cargo = self.unload(&mut inbox.records[at]);
        if let Some(mut cargo) = cargo {
            cargo.next = inbox.lost.take();
            inbox.lost = Some(cargo);
        }
    }

    /// What a receiver does at the front of the queue when a byte is there that was sent out of band. EFAULT.
    #[cold]
    pub(crate) fn take_urgent(
        &self,
        inbox: &mut Inbox,
        data: &mut UserBuf<'_>,
        splits: bool,
        got: &mut Got,
    ) -> Result<More> {
        let is_mark = inbox.urgent.len() == 1 && self.is_marked();
        let Some(&urgent) = inbox.urgent.front() else {
            return Ok(More::Enough);
        };
        if urgent.taken {
            self.drop_urgent(inbox, got);
            return match got.taken {
                0 => Ok(More::Held),
                _ => Ok(More::Enough),
            };
        }
        if is_mark && got.taken != 0 {
            return Ok(More::Enough);
        }
        if is_mark {
            self.marked.store(false, Ordering::Release);
        }
        if is_mark && !self.reads_inline() {
            self.lose(inbox, 0);
            self.drop_urgent(inbox, got);
            return match inbox.lost {
                None => Ok(More::Wanted),
                Some(_) => Ok(More::Again),
            };
        }
        let sender = inbox
            .records
            .front()
            .and_then(|first| first.sender.as_ref());
        if splits && !got.same_sender(sender) {
            return Ok(More::Enough);
        }
        urgent.copy(data)?;
        got.taken += 1;
        self.move_peek_back(1);
        if let Some(first) = inbox.records.front_mut() {
            got.cargo = self.unload(first);
        }
        self.drop_urgent(inbox, got);
        match got.cargo {
            None => Ok(More::Wanted),
            Some(_) => Ok(More::Enough),
        }
    }

    /// Takes the first record, which is of a byte out of band.
    fn drop_urgent(&self, inbox: &mut Inbox, got: &mut Got) {
        inbox.urgent.pop_front();
        if let Some(record) = self.drop_first(inbox) {
            got.cost += record.cost as usize;
        }
    }
}
