//! A socket as others see it: its port, its groups, its queue.
use crate::address::mask_of;
use crate::dump::Dumping;
use crate::queue::{Full, Message, Queue, Waiting};
use abi::net::{AF_NETLINK, MSG_PEEK};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use kmem::try_arc;
use socket::{Base, Incoming};
use sync::{LockClass, SpinLock, WaitError, WaitMode, WaitQueue, rank};

static STATE: LockClass = LockClass::new("netlink.state", rank::NONE);
static DUMPING: LockClass = LockClass::new("netlink.dumping", rank::NONE);
static QUEUE: LockClass = LockClass::new("netlink.queue", rank::EVENT);

#[derive(Clone, Copy, Default)]
pub(crate) struct State {
    pub(crate) port: Option<u32>,
    pub(crate) groups: u32,
    /// Whom connect(2) named: a port, and a group's number.
    pub(crate) peer: (u32, u32),
    pub(crate) connected: bool,
}

/// A socket.
pub(crate) struct NetlinkSocket {
    pub(crate) base: Base,
    pub(crate) state: SpinLock<State>,
    pub(crate) queue: SpinLock<Queue>,
    /// See [`Dumping`].
    pub(crate) dumping: SpinLock<Dumping>,
    pub(crate) wait: WaitQueue,
    /// Woken when a queue that was full has room.
    pub(crate) room: WaitQueue,
    /// `NETLINK_PKTINFO`: each message comes with its group.
    pub(crate) tells_group: AtomicBool,
    /// `NETLINK_NO_ENOBUFS`: what is lost is not told.
    pub(crate) silent: AtomicBool,
}

impl NetlinkSocket {
    /// A socket without a port. ENOMEM.
    pub(crate) fn new(kind: u32, protocol: i32) -> Result<Arc<Self>> {
        try_arc(Self {
            base: Base::new(AF_NETLINK, kind, protocol),
            state: SpinLock::new(&STATE, State::default()),
            queue: SpinLock::new(&QUEUE, Queue::new()),
            dumping: SpinLock::new(&DUMPING, Dumping::No),
            wait: WaitQueue::new(),
            room: WaitQueue::new(),
            tells_group: AtomicBool::new(false),
            silent: AtomicBool::new(false),
        })
    }

    pub(crate) fn protocol(&self) -> i32 {
        self.base.protocol
    }

    pub(crate) fn port(&self) -> Option<u32> {
        self.state.lock().port
    }

    pub(crate) fn set_port(&self, port: u32) {
        self.state.lock().port = Some(port);
    }

    pub(crate) fn is_member(&self, group: u32) -> bool {
        self.state.lock().groups & mask_of(group) != 0
    }

    /// Queues a message, as much as its filter lets in; wakes who receives. How much that is; all of it if that is nothing.
    pub(crate) fn queue(&self, message: &Arc<Message>) -> core::result::Result<usize, Full> {
        let Some(len) = self.base.passes(&message.bytes, self.protocol() as u16) else {
            return Ok(message.bytes.len());
        };
        let waiting = Waiting {
            message: message.clone(),
            len,
        };
        let mut queue = self.queue.lock();
        if queue.closed {
            return Ok(len);
        }
        queue.push(waiting, self.base.receive_room())?;
        drop(queue);
        self.wait.wake_all_key(raw::POLLIN);
        Ok(len)
    }

    /// Takes a message of a group it is in, or notes that it was lost.
    pub(crate) fn tell(&self, message: &Arc<Message>) {
        if self.queue(message).is_ok() || self.silent.load(Ordering::Relaxed) {
            return;
        }
        let first = !core::mem::replace(&mut self.queue.lock().congested, true);
        if first {
            self.base.set_error(Errno::ENOBUFS);
            self.wait.wake_all_key(raw::POLLERR);
        }
    }

    /// Takes a message that was sent to it alone; waits for room. How much of it. EAGAIN, ENOMEM, ERESTARTSYS.
    pub(crate) fn take(
        &self,
        message: &Arc<Message>,
        nonblock: bool,
        until: Option<u64>,
    ) -> Result<usize> {
        loop {
            match self.queue(message) {
                Ok(len) => return Ok(len),
                Err(Full::Memory) => return Err(Errno::ENOMEM),
                Err(Full::Room) if nonblock => return Err(Errno::EAGAIN),
                Err(Full::Room) => {}
            }
            let free = || {
                let queue = self.queue.lock();
                let free = queue.closed || queue.has_room(message, self.base.receive_room());
                free.then_some(())
            };
            self.room
                .wait(WaitMode::Interruptible, until, free)
                .map_err(|e| waited(e, until))?;
        }
    }

    /// The first message, which stays with `MSG_PEEK`. EAGAIN, ENOBUFS, ERESTARTSYS.
    pub(crate) fn first(&self, message: &Incoming<'_, '_>) -> Result<Waiting> {
        let peek = message.flags & MSG_PEEK != 0;
        let look = || {
            if let Some(error) = self.base.take_error() {
                return Some(Err(error));
            }
            let mut queue = self.queue.lock();
            let found = if peek { queue.peek() } else { queue.pop() };
            found.map(Ok)
        };
        if let Some(found) = look() {
            return found;
        }
        if message.nonblock {
            return Err(Errno::EAGAIN);
        }
        let until = self.base.receive_until();
        self.wait
            .wait(WaitMode::Interruptible, until, look)
            .map_err(|e| waited(e, until))?
    }
}

/// What a wait that did not get what it wanted answers: with a time-out no restart.
fn waited(error: WaitError, until: Option<u64>) -> Errno {
    match error {
        WaitError::TimedOut => Errno::EAGAIN,
        WaitError::Interrupted if until.is_some() => Errno::EINTR,
        WaitError::Interrupted => Errno::ERESTARTSYS,
    }
}
