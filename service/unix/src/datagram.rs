//! Datagrams and sequenced packets: sending and receiving messages.
use crate::connect;
use crate::cost;
use crate::end::{OUT, waited};
use crate::flight;
use crate::inbox::Parcel;
use crate::names;
use crate::objects::{Cargo, End, Record, Sender, UnixSocket, phase, shut};
use crate::stream::Wish;
use abi::net::MSG_OOB;
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use kmem::user::UserBuf;
use socket::Caller;
use sync::WaitMode;

/// What became of a try to send.
enum Sent {
    /// It is in the other's queue.
    Done,
    /// The other has enough from strangers.
    Full,
    /// The other is closed.
    Dead,
}

impl UnixSocket {
    /// Sends one message.
    ///
    /// # Errors
    /// `ENOTCONN`; `ECONNREFUSED`: nobody is there; `EPERM`: it talks to another; `EPIPE`; `EMSGSIZE`; `EAGAIN`;
    /// `ERESTARTSYS`, `EINTR`; `EFAULT`; `ENOMEM`; what finding the address says; an error that waits.
    pub(crate) fn send_message(
        &self,
        who: Option<&Caller<'_>>,
        data: &mut UserBuf<'_>,
        address: Option<&[u8]>,
        nonblock: bool,
        parcel: &mut Parcel,
    ) -> Result<usize> {
        let end = &self.end;
        if !end.is_datagram() {
            end.base.check_error()?;
            if end.phase() != phase::CONNECTED {
                return Err(Errno::ENOTCONN);
            }
        }
        let address = address.filter(|_| end.is_datagram());
        let find = |address| names::find(who.ok_or(Errno::EINVAL)?, address, end.base.kind);
        let mut to = match address {
            Some(address) => find(address)?,
            None => self.other()?,
        };
        if end.base.passes_credentials() && end.name.get().is_none() && end.is_datagram() {
            names::choose(end)?;
        }
        let len = data.remaining();
        if len > cost::longest_datagram(end.base.send_room()) {
            return Err(Errno::EMSGSIZE);
        }
        end.wait_for_room(nonblock)?;
        loop {
            match self.try_send(&to, data, parcel)? {
                Sent::Done => return Ok(len),
                Sent::Full if nonblock => return Err(Errno::EAGAIN),
                Sent::Full => wait_for_place(end, &to)?,
                Sent::Dead if !end.is_datagram() => return Err(Errno::EPIPE),
                Sent::Dead => match address {
                    Some(address) => to = find(address)?,
                    None => {
                        self.lose_target(&to);
                        return Err(Errno::ECONNREFUSED);
                    }
                },
            }
        }
    }

    fn try_send(&self, to: &Arc<End>, data: &mut UserBuf<'_>, parcel: &mut Parcel) -> Result<Sent> {
        let end = &self.end;
        let len = data.remaining();
        let ours = !end.is_datagram() || to.talks_to(end);
        parcel.say_who(end, to)?;
        let mut inbox = to.inbox.lock();
        if inbox.closed {
            return Ok(Sent::Dead);
        }
        if !ours && to.target.load(Ordering::SeqCst) != 0 {
            return Err(Errno::EPERM);
        }
        if to.shut() & shut::RECEIVE != 0 {
            return Err(Errno::EPIPE);
        }
        if !ours && to.id != end.id && to.is_full() {
            return Ok(Sent::Full);
        }
        let cost = cost::datagram(len);
        to.put(&mut inbox, end, (data, len), cost, parcel)?;
        if end.is_datagram() {
            End::sign(&mut inbox, end);
        }
        drop(inbox);
        to.tell_reader();
        Ok(Sent::Done)
    }

    /// The end it was connected to is closed: it is connected to none. What waits is lost.
    fn lose_target(&self, gone: &Arc<End>) {
        let lost = {
            let mut target = self.target.write();
            match &*target {
                Some(now) if Arc::ptr_eq(now, gone) => target.take(),
                _ => None,
            }
        };
        if lost.is_some() {
            self.end.target.store(0, Ordering::SeqCst);
            self.end.set_partner(None);
            self.end.set_phase(phase::FRESH);
            connect::disconnected(&self.end, gone);
        }
    }
}

/// Waits until a queue has room for a stranger's message. EAGAIN, ERESTARTSYS, EINTR.
fn wait_for_place(end: &End, to: &End) -> Result<()> {
    let until = end.base.send_until();
    let changed = || !to.is_full() || to.is_dead() || to.shut() & shut::RECEIVE != 0;
    to.room_wait
        .wait(WaitMode::Interruptible, until, || changed().then_some(()))
        .map_err(|e| waited(e, until))
}

/// A message that was received.
pub(crate) struct Message {
    /// How long it was.
    pub(crate) len: usize,
    /// How much of it was copied.
    pub(crate) copied: usize,
    pub(crate) sender: Option<Sender>,
    pub(crate) cargo: Option<Box<Cargo>>,
    /// Who sent it, if it is no connection.
    pub(crate) from: Option<Arc<End>>,
}

impl UnixSocket {
    /// Receives a message, waiting for one; `None`: there won't be any.
    ///
    /// # Errors
    /// `ENOTCONN`; `EOPNOTSUPP`: `MSG_OOB`; `EAGAIN`; `ERESTARTSYS`, `EINTR`; `EFAULT`: it is lost; an error that waits.
    pub(crate) fn receive_message(
        &self,
        data: &mut UserBuf<'_>,
        flags: u32,
        wish: Wish,
    ) -> Result<Option<Message>> {
        let end = &*self.end;
        if !end.is_datagram() && end.phase() != phase::CONNECTED {
            return Err(Errno::ENOTCONN);
        }
        if flags & MSG_OOB != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let mut was = false;
        loop {
            end.base.check_error()?;
            let mut seen = 0;
            if end.has_records() {
                seen = end.records.load(Ordering::Acquire);
                if let Some(message) = self.take_message(data, wish, was)? {
                    return Ok(Some(message));
                }
            }
            let new = || end.records.load(Ordering::Acquire) > if wish.peek { seen } else { 0 };
            let over = || end.shut() & shut::RECEIVE != 0;
            if wish.nonblock {
                return match over() && !end.is_datagram() {
                    true => Ok(None),
                    false => Err(Errno::EAGAIN),
                };
            }
            if over() && !new() {
                return Ok(None);
            }
            let until = end.base.receive_until();
            let changed = || new() || over() || end.base.has_error();
            end.read_wait
                .wait(WaitMode::Interruptible, until, || changed().then_some(()))
                .map_err(|e| waited(e, until))?;
            was = true;
        }
    }

    fn take_message(
        &self,
        data: &mut UserBuf<'_>,
        wish: Wish,
        waited: bool,
    ) -> Result<Option<Message>> {
        let end = &*self.end;
        if wish.peek {
            return end.peek_message(data, waited);
        }
        let mut inbox = end.inbox.lock();
        let Some(mut first) = end.drop_first(&mut inbox) else {
            return Ok(None);
        };
        let cargo = end.unload(&mut first);
        let len = first.left as usize;
        let skip = end.peek_from().min(len);
        let copied = (len - skip).min(data.remaining());
        let result = inbox.pages.copy(skip, data, copied);
        inbox.pages.discard(len);
        end.peeked_away(len);
        let more = !inbox.records.is_empty();
        drop(inbox);
        self.received(&first, waited && more);
        result.map(|()| {
            Some(Message {
                len: len - skip,
                copied,
                sender: first.sender.take(),
                cargo,
                from: first.from.take(),
            })
        })
    }

    /// Tells who waits what a message that left the queue makes possible.
    fn received(&self, record: &Record, more: bool) {
        let end = &*self.end;
        match (&record.from, self.connected()) {
            (Some(from), _) => from.give_back(record.cost as usize),
            (None, Some(peer)) => peer.give_back(record.cost as usize),
            _ => {}
        }
        end.room_wait.wake_some(1, OUT, true);
        if more {
            end.tell_reader();
        }
    }
}

impl End {
    fn peek_from(&self) -> usize {
        usize::try_from(self.peek.load(Ordering::Relaxed)).unwrap_or(0)
    }

    /// So many bytes left the queue's front: `SO_PEEK_OFF` moves with them.
    fn peeked_away(&self, n: usize) {
        let from = self.peek.load(Ordering::Relaxed);
        if from > 0 {
            let left = from.saturating_sub(n as i32).max(0);
            self.peek.store(left, Ordering::Relaxed);
        }
    }

    fn peek_message(&self, data: &mut UserBuf<'_>, waited: bool) -> Result<Option<Message>> {
        // Descriptors that others still have can't be judged meanwhile.
        let still = (self.cargos.load(Ordering::Acquire) != 0).then(flight::hold);
        let inbox = self.inbox.lock();
        let (mut skip, mut at) = (self.peek_from(), 0);
        let moves = self.peek.load(Ordering::Relaxed) >= 0;
        let mut records = inbox.records.iter();
        let found = records.find(|record| {
            let len = record.left as usize;
            let passed = moves && skip >= len && skip != 0;
            if passed {
                (skip, at) = (skip - len, at + len);
            }
            !passed
        });
        let Some(record) = found else {
            return Ok(None);
        };
        let len = record.left as usize - skip;
        let copied = len.min(data.remaining());
        inbox.pages.copy(at + skip, data, copied)?;
        if moves {
            self.peek.fetch_add(copied as i32, Ordering::Relaxed);
        }
        let message = Message {
            len,
            copied,
            sender: record.sender.clone(),
            cargo: record
                .cargo
                .as_ref()
                .filter(|_| still.is_some())
                .and_then(|cargo| flight::copy(cargo)),
            from: record.from.clone(),
        };
        drop(inbox);
        // The wake-up was for one who takes it.
        if waited {
            self.tell_reader();
        }
        Ok(Some(message))
    }
}
