//! What a message queue does with messages, and with those who wait: a message goes to the first receiver that wants it, and a
//! sender's message into the queue when there is room, on their behalf. All of it under the queue's lock; no task in sight.
use crate::who::Who;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU32};
use pid::{List, Pid};
use sync::{LockClass, SpinLock, WaitQueue, rank};

static PARCEL: LockClass = LockClass::new("sysvipc.parcel", rank::NONE);

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: i64,
    pub(crate) text: Vec<u8>,
}

/// Which message is wanted (msgrcv(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// The first.
    Any,
    /// The first of this type.
    Equal(i64),
    /// The first of another type.
    Not(i64),
    /// The first of the lowest type up to this.
    UpTo(i64),
}

impl Want {
    pub(crate) fn of(kind: i64, except: bool) -> Self {
        match kind {
            0 => Self::Any,
            ..0 => Self::UpTo(kind.checked_neg().unwrap_or(i64::MAX)),
            _ if except => Self::Not(kind),
            _ => Self::Equal(kind),
        }
    }

    fn takes(self, kind: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(wanted) => kind == wanted,
            Self::Not(unwanted) => kind != unwanted,
            Self::UpTo(most) => kind <= most,
        }
    }
}

/// Somebody who waits, with what changes hands when the wait ends.
struct Waiter<T> {
    parcel: SpinLock<T>,
    ended: AtomicBool,
    place: AtomicU32,
    process: Arc<Pid>,
    wait: WaitQueue,
}

impl<T> Waiter<T> {
    fn new(parcel: T, process: &Arc<Pid>) -> Self {
        Self {
            parcel: SpinLock::new(&PARCEL, parcel),
            ended: AtomicBool::new(false),
            place: AtomicU32::new(pid::list::NONE),
            process: process.clone(),
            wait: WaitQueue::new(),
        }
    }

    fn end(&self, parcel: T) {
        let old = core::mem::replace(&mut *self.parcel.lock(), parcel);
        self.ended.store(true, Release);
        self.wait.wake_sync_one();
        drop(old);
    }
}

/// What a receiver finds: a message, or why there is none.
pub(crate) type Received = Result<Message>;

/// Somebody who waits for a message.
pub(crate) struct Receiver {
    want: Want,
    /// A longer one is an error.
    most: usize,
    waiter: Waiter<Option<Received>>,
}

/// Somebody who waits for room.
pub(crate) struct Sender {
    len: usize,
    /// The message; then how it went.
    waiter: Waiter<Result<Option<Message>>>,
}

impl Receiver {
    /// `ENOMEM`.
    pub(crate) fn new(want: Want, most: usize, process: &Arc<Pid>) -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            want,
            most,
            waiter: Waiter::new(None, process),
        })
    }
    pub(crate) fn wait(&self) -> &WaitQueue {
        &self.waiter.wait
    }
    pub(crate) fn ended(&self) -> bool {
        self.waiter.ended.load(Acquire)
    }
    /// What it got, once [`Self::ended`].
    pub(crate) fn take(&self) -> Received {
        let parcel = self.waiter.parcel.lock().take();
        parcel.unwrap_or(Err(Errno::EAGAIN))
    }
}

impl Sender {
    /// `ENOMEM`: the message is lost.
    pub(crate) fn new(message: Message, process: &Arc<Pid>) -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            len: message.text.len(),
            waiter: Waiter::new(Ok(Some(message)), process),
        })
    }
    pub(crate) fn wait(&self) -> &WaitQueue {
        &self.waiter.wait
    }
    pub(crate) fn ended(&self) -> bool {
        self.waiter.ended.load(Acquire)
    }
    /// How it went, once [`Self::ended`]; the message if it is to be tried again.
    pub(crate) fn take(&self) -> Result<Option<Message>> {
        core::mem::replace(&mut *self.waiter.parcel.lock(), Ok(None))
    }
}

/// The messages of a queue, and who waits.
pub(crate) struct Queue {
    messages: List<Message>,
    /// Bytes in it, and as many as there may be; there may be no more messages than that, either.
    pub(crate) bytes: usize,
    pub(crate) most: usize,
    receivers: List<Arc<Receiver>>,
    senders: List<Arc<Sender>>,
    /// The last processes that sent and received.
    pub(crate) last_sender: Who,
    pub(crate) last_receiver: Who,
    /// When, in nanoseconds since 1970.
    pub(crate) sent: u64,
    pub(crate) received: u64,
}

impl Queue {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            messages: List::new(),
            bytes: 0,
            most,
            receivers: List::new(),
            senders: List::new(),
            last_sender: Who::NOBODY,
            last_receiver: Who::NOBODY,
            sent: 0,
            received: 0,
        }
    }

    /// How many messages are in it.
    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether a message of that length goes in.
    #[inline]
    pub(crate) fn fits(&self, len: usize) -> bool {
        self.bytes + len <= self.most && self.messages.len() < self.most
    }

    /// Gives a message to who waits for it, or puts it in. `ENOMEM`: it is lost.
    #[inline]
    pub(crate) fn send(&mut self, message: Message, process: &Arc<Pid>, now: u64) -> Result<()> {
        let mut message = Some(message);
        if !self.receivers.is_empty() {
            self.hand_over(&mut message, now);
        }
        if let Some(message) = message {
            let len = message.text.len();
            self.messages.push_back(message)?;
            self.bytes += len;
        }
        self.last_sender.note(process);
        self.sent = now;
        Ok(())
    }

    fn hand_over(&mut self, message: &mut Option<Message>, now: u64) {
        while let Some((kind, len)) = message.as_ref().map(|m| (m.kind, m.text.len())) {
            let wants = |receiver: &&Arc<Receiver>| receiver.want.takes(kind);
            let Some(receiver) = self.receivers.iter().find(wants).cloned() else {
                return;
            };
            let place = receiver.waiter.place.load(Relaxed);
            drop(self.receivers.remove(place));
            let parcel = if len > receiver.most {
                Err(Errno::E2BIG)
            } else {
                self.last_receiver.note(&receiver.waiter.process);
                self.received = now;
                message.take().ok_or(Errno::EAGAIN)
            };
            receiver.waiter.end(Some(parcel));
        }
    }

    fn find(&self, want: Want) -> Option<pid::list::Handle> {
        let mut found = None;
        let mut want = want;
        for (handle, message) in self.messages.handles() {
            if !want.takes(message.kind) {
                continue;
            }
            found = Some(handle);
            match want {
                Want::UpTo(_) if message.kind > 1 => want = Want::UpTo(message.kind - 1),
                _ => break,
            }
        }
        found
    }

    /// Takes a message of at most so many bytes out; room goes to who waits for it. `ENOMSG`; `E2BIG`: it is longer.
    #[inline]
    pub(crate) fn receive(
        &mut self,
        want: Want,
        most: usize,
        process: &Arc<Pid>,
        now: u64,
    ) -> Received {
        let handle = self.find(want).ok_or(Errno::ENOMSG)?;
        if self
            .messages
            .get(handle)
            .is_some_and(|m| m.text.len() > most)
        {
            return Err(Errno::E2BIG);
        }
        let message = self.messages.remove(handle).ok_or(Errno::ENOMSG)?;
        self.bytes -= message.text.len();
        self.last_receiver.note(process);
        self.received = now;
        if !self.senders.is_empty() {
            self.let_in(now);
        }
        Ok(message)
    }

    /// The `n`-th message, which stays.
    pub(crate) fn peek(&self, n: usize) -> Option<&Message> {
        self.messages.iter().nth(n)
    }

    /// Puts in what now fits of those who wait, in the order they came.
    fn let_in(&mut self, now: u64) {
        let mut next = self.senders.front().cloned();
        while let Some(sender) = next {
            let place = sender.waiter.place.load(Relaxed);
            next = self.senders.after(place).cloned();
            if !self.fits(sender.len) {
                continue;
            }
            drop(self.senders.remove(place));
            let message = sender.take();
            let outcome = match message {
                Ok(Some(message)) => {
                    let sent = self.send(message, &sender.waiter.process, now);
                    sent.map(|()| None)
                }
                other => other,
            };
            sender.waiter.end(outcome);
        }
    }

    /// Lets a receiver wait. `ENOMEM`.
    pub(crate) fn add_receiver(&mut self, receiver: &Arc<Receiver>) -> Result<()> {
        let place = self.receivers.push_back(receiver.clone())?;
        receiver.waiter.place.store(place, Relaxed);
        Ok(())
    }

    /// Lets a sender wait. `ENOMEM`.
    pub(crate) fn add_sender(&mut self, sender: &Arc<Sender>) -> Result<()> {
        let place = self.senders.push_back(sender.clone())?;
        sender.waiter.place.store(place, Relaxed);
        Ok(())
    }

    /// A receiver gives up; false: its wait has ended already.
    pub(crate) fn drop_receiver(&mut self, receiver: &Receiver) -> bool {
        if receiver.ended() {
            return false;
        }
        drop(self.receivers.remove(receiver.waiter.place.load(Relaxed)));
        true
    }

    /// A sender gives up; false: its wait has ended already.
    pub(crate) fn drop_sender(&mut self, sender: &Sender) -> bool {
        if sender.ended() {
            return false;
        }
        drop(self.senders.remove(sender.waiter.place.load(Relaxed)));
        true
    }

    /// Makes everybody who waits look again: permissions or limits have changed.
    pub(crate) fn stir(&mut self) {
        while let Some(receiver) = self.receivers.pop_front() {
            receiver.waiter.end(Some(Err(Errno::EAGAIN)));
        }
        while let Some(sender) = self.senders.pop_front() {
            let parcel = sender.take();
            sender.waiter.end(parcel);
        }
    }

    /// The queue goes: everybody learns of it; its messages.
    pub(crate) fn expel(&mut self) -> List<Message> {
        while let Some(receiver) = self.receivers.pop_front() {
            receiver.waiter.end(Some(Err(Errno::EIDRM)));
        }
        while let Some(sender) = self.senders.pop_front() {
            drop(sender.take());
            sender.waiter.end(Err(Errno::EIDRM));
        }
        self.bytes = 0;
        core::mem::take(&mut self.messages)
    }
}

#[cfg(test)]
mod tests;
