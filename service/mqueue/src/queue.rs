//! A queue: its messages, those who wait for a message or for room, and whom a message is announced to.
use crate::order::{Ordered, Room};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, Ordering};
use sync::{LockClass, SpinGuard, SpinLock, WaitMode, WaitQueue, rank};

static STATE: LockClass = LockClass::new("mqueue", rank::EVENT);
static GIVEN: LockClass = LockClass::new("mqueue.given", rank::NONE);

/// Poll events of "there is a message" and of "there is room".
const IN: u32 = raw::POLLIN | raw::POLLRDNORM;
const OUT: u32 = raw::POLLOUT | raw::POLLWRNORM;

/// A message.
#[derive(Debug, PartialEq, Eq)]
pub struct Message {
    /// What is said.
    pub bytes: Vec<u8>,
    /// Higher ones are received first.
    pub priority: u32,
}

/// How a call waits.
#[derive(Clone, Copy)]
pub struct Blocking {
    /// EAGAIN instead of waiting.
    pub nonblock: bool,
    /// When it gives up, on the monotonic clock.
    pub deadline_ns: Option<u64>,
    /// How urgent the caller is; asked only when it waits. Higher ones come first.
    pub urgency: fn() -> u32,
}

/// Somebody who waits.
struct Waiter {
    /// What a sender gave this receiver.
    given: SpinLock<Option<Message>>,
    /// It got what it waited for. Set with the queue's lock held.
    done: AtomicBool,
    sleep: WaitQueue,
}

impl Waiter {
    fn new() -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            given: SpinLock::new(&GIVEN, None),
            done: AtomicBool::new(false),
            sleep: WaitQueue::new(),
        })
    }

    fn finish(&self) {
        self.done.store(true, Ordering::Release);
    }

    /// Called without the queue's lock.
    fn wake(&self) {
        self.sleep.wake_sync_one();
    }
}

/// A sender that waits, with what it brings.
struct Sender {
    message: Message,
    waiter: Arc<Waiter>,
}

struct State<N> {
    messages: Ordered<Message>,
    bytes: usize,
    receivers: Ordered<Arc<Waiter>>,
    senders: Ordered<Sender>,
    /// Whom the first message of an empty queue is announced to, once.
    registered: Option<N>,
}

impl<N> State<N> {
    fn keep(&mut self, message: Message) {
        self.bytes += message.bytes.len();
        self.messages.push(message.priority, message);
    }
}

/// A queue; `N` is what mq_notify(2) registers.
pub struct Queue<N> {
    max_messages: usize,
    message_size: usize,
    state: SpinLock<State<N>>,
    /// Those who poll.
    polled: WaitQueue,
}

type Held<'a, N> = SpinGuard<'a, State<N>>;

impl<N> Queue<N> {
    /// An empty queue for so many messages of at most so many bytes.
    pub const fn new(max_messages: usize, message_size: usize) -> Self {
        Self {
            max_messages,
            message_size,
            state: SpinLock::new(
                &STATE,
                State {
                    messages: Ordered::new(),
                    bytes: 0,
                    receivers: Ordered::new(),
                    senders: Ordered::new(),
                    registered: None,
                },
            ),
            polled: WaitQueue::new(),
        }
    }

    /// Most messages at once.
    pub const fn max_messages(&self) -> usize {
        self.max_messages
    }
    /// Most bytes of a message.
    pub const fn message_size(&self) -> usize {
        self.message_size
    }
    /// Messages that it holds.
    pub fn len(&self) -> usize {
        self.state.lock().messages.len()
    }
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives up the lock to make more room in one of the lists, and takes it again. ENOMEM.
    #[cold]
    fn make_room<'a, T>(
        &'a self,
        mut state: Held<'a, N>,
        list: fn(&mut State<N>) -> &mut Ordered<T>,
    ) -> Result<Held<'a, N>> {
        let wanted = list(&mut state).roomier();
        drop(state);
        let room = Room::new(wanted)?;
        let left = list(&mut self.state.lock()).grow_into(room);
        drop(left);
        Ok(self.state.lock())
    }

    /// Sends: to the receiver that has waited in front, or into the queue. Answers whom to tell that a queue which was
    /// empty has a message.
    ///
    /// # Errors
    /// `EAGAIN`, `ETIMEDOUT`, `ERESTARTSYS`: it is full, and stays so; `ENOMEM`.
    pub fn send(&self, message: Message, how: &Blocking) -> Result<Option<N>> {
        let mut waiter = None;
        let mut state = self.state.lock();
        loop {
            if state.messages.len() < self.max_messages {
                if let Some(receiver) = state.receivers.pop() {
                    *receiver.given.lock() = Some(message);
                    receiver.finish();
                    drop(state);
                    receiver.wake();
                    return Ok(None);
                }
                if state.messages.has_room() {
                    let was_empty = state.messages.len() == 0;
                    state.keep(message);
                    let told = match was_empty {
                        true => state.registered.take(),
                        false => None,
                    };
                    drop(state);
                    self.polled.wake_all_key(IN);
                    return Ok(told);
                }
                state = self.make_room(state, |state| &mut state.messages)?;
                continue;
            }
            if how.nonblock {
                return Err(Errno::EAGAIN);
            }
            let Some(own) = &waiter else {
                drop(state);
                waiter = Some(Waiter::new()?);
                state = self.state.lock();
                continue;
            };
            if !state.senders.has_room() {
                state = self.make_room(state, |state| &mut state.senders)?;
                continue;
            }
            let sender = Sender {
                message,
                waiter: own.clone(),
            };
            state.senders.push((how.urgency)(), sender);
            drop(state);
            self.sleep(own, how, |state| {
                state
                    .senders
                    .remove(|other| Arc::ptr_eq(&other.waiter, own))
            })?;
            return Ok(None);
        }
    }

    /// Receives the first message.
    ///
    /// # Errors
    /// `EAGAIN`, `ETIMEDOUT`, `ERESTARTSYS`: it is empty, and stays so; `ENOMEM`.
    pub fn receive(&self, how: &Blocking) -> Result<Message> {
        let mut waiter = None;
        let mut state = self.state.lock();
        loop {
            if let Some(message) = state.messages.pop() {
                state.bytes -= message.bytes.len();
                let Some(sender) = state.senders.pop() else {
                    drop(state);
                    self.polled.wake_all_key(OUT);
                    return Ok(message);
                };
                // The room just made is its: nobody else has had the lock.
                state.keep(sender.message);
                sender.waiter.finish();
                drop(state);
                sender.waiter.wake();
                return Ok(message);
            }
            if how.nonblock {
                return Err(Errno::EAGAIN);
            }
            let Some(own) = &waiter else {
                drop(state);
                waiter = Some(Waiter::new()?);
                state = self.state.lock();
                continue;
            };
            if !state.receivers.has_room() {
                state = self.make_room(state, |state| &mut state.receivers)?;
                continue;
            }
            state.receivers.push((how.urgency)(), own.clone());
            drop(state);
            self.sleep(own, how, |state| {
                state.receivers.remove(|other| Arc::ptr_eq(other, own))
            })?;
            // Who finished it gave it a message before.
            return own.given.lock().take().ok_or(Errno::EAGAIN);
        }
    }

    /// Waits to be finished by the other side; `leave` takes it out of its list if it is still there.
    fn sleep<T>(
        &self,
        own: &Waiter,
        how: &Blocking,
        leave: impl FnOnce(&mut State<N>) -> Option<T>,
    ) -> Result<()> {
        let done = || own.done.load(Ordering::Acquire).then_some(());
        let slept = own
            .sleep
            .wait(WaitMode::Interruptible, how.deadline_ns, done);
        let Err(error) = slept else { return Ok(()) };
        // What is taken out is dropped below, without the lock.
        let left = leave(&mut self.state.lock());
        match left {
            Some(_) => Err(error.into()),
            // The other side was faster.
            None => Ok(()),
        }
    }

    /// Registers whom the next message into the empty queue is announced to. EBUSY, with `new` given back: somebody is.
    pub fn register(&self, new: N) -> core::result::Result<(), N> {
        let mut state = self.state.lock();
        if state.registered.is_some() {
            drop(state);
            return Err(new);
        }
        state.registered = Some(new);
        Ok(())
    }

    /// Takes back what is registered if it is meant.
    pub fn unregister(&self, meant: impl FnOnce(&N) -> bool) -> Option<N> {
        let mut state = self.state.lock();
        match state.registered.as_ref().is_some_and(meant) {
            true => state.registered.take(),
            false => None,
        }
    }

    /// Shows how many bytes the messages have, and who is registered.
    pub fn look<R>(&self, f: impl FnOnce(usize, Option<&N>) -> R) -> R {
        let state = self.state.lock();
        f(state.bytes, state.registered.as_ref())
    }

    /// Where those who poll wait.
    pub const fn poll_queue(&self) -> &WaitQueue {
        &self.polled
    }

    /// What it is ready for, as poll(2) says it.
    pub fn ready(&self) -> u32 {
        let len = self.len();
        let mut events = 0;
        if len > 0 {
            events |= IN;
        }
        if len < self.max_messages {
            events |= OUT;
        }
        events
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
