//! An end: its room, its waiters, and what it is ready for.
use crate::cost;
use crate::list;
use crate::objects::{End, Inbox, UnixSocket, phase, shut};
use crate::pages::Pages;
use abi::net::{AF_UNIX, SOCK_DGRAM, SOCK_STREAM};
use abi::{Errno, Result, raw};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::sync::atomic::{
    AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};
use kmem::try_arc;
use socket::Base;
use sync::{LockClass, Mutex, Once, RwSpinLock, SpinLock, WaitError, WaitMode, WaitQueue, rank};
use vfs::{PollEvents, PollTable};

static INBOX: LockClass = LockClass::new("unix.inbox", rank::UNIX_INBOX);
static BACKLOG: LockClass = LockClass::new("unix.backlog", rank::SOCKETS);
static IDENTITY: LockClass = LockClass::new("unix.identity", rank::NONE);
static PARTNER: LockClass = LockClass::new("unix.partner", rank::NONE);
static NODE: LockClass = LockClass::new("unix.node", rank::NONE);
static TARGET: LockClass = LockClass::new("unix.target", rank::NONE);

/// Poll events of "something to receive" and of "room to send".
pub(crate) const IN: u32 = raw::POLLIN | raw::POLLRDNORM | raw::POLLPRI | raw::POLLRDBAND;
pub(crate) const OUT: u32 = raw::POLLOUT | raw::POLLWRNORM | raw::POLLWRBAND;

static NEXT: AtomicU64 = AtomicU64::new(1);

impl UnixSocket {
    /// A socket that is neither bound nor connected. ENOMEM.
    pub(crate) fn new(kind: u32) -> Result<Arc<Self>> {
        let end = try_arc(End::new(kind))?;
        list::add(&end)?;
        try_arc(Self {
            end,
            peer: Once::new(),
            target: RwSpinLock::new(&TARGET, None),
            embryo: AtomicBool::new(false),
        })
    }

    /// The end that it talks to. ENOTCONN.
    pub(crate) fn other(&self) -> Result<Arc<End>> {
        let other = match self.end.is_datagram() {
            true => self.target.read().clone(),
            false => self.peer.get().cloned(),
        };
        other.ok_or(Errno::ENOTCONN)
    }

    /// What poll(2) says.
    pub(crate) fn poll_now(&self, table: &mut PollTable<'_>) -> PollEvents {
        let end = &*self.end;
        table.wait(&end.read_wait);
        table.wait(&end.write_wait);
        let (shut, phase) = (end.shut(), end.phase());
        let mut events = PollEvents::empty();
        events.set(PollEvents::ERR, end.base.has_error());
        events.set(PollEvents::HUP, shut == shut::BOTH);
        if shut & shut::RECEIVE != 0 {
            events |= PollEvents::RDHUP | PollEvents::READABLE;
        }
        if end.has_records() || end.pending.load(Ordering::Acquire) != 0 {
            events |= PollEvents::READABLE;
            events.set(PollEvents::PRI, end.is_marked());
        }
        if !end.is_datagram() && phase == phase::FRESH {
            events |= PollEvents::HUP;
        }
        if end.is_writable() && !self.is_target_full(table) {
            events |= PollEvents::WRITABLE | PollEvents::WRBAND;
        }
        events
    }

    /// Whether the stranger that it sends datagrams to has enough of them.
    fn is_target_full(&self, table: &mut PollTable<'_>) -> bool {
        if !self.end.is_datagram() {
            return false;
        }
        let Some(target) = self.target.read().clone() else {
            return false;
        };
        if target.talks_to(&self.end) {
            return false;
        }
        table.wait(&target.room_wait);
        target.is_full()
    }
}

impl End {
    fn new(kind: u32) -> Self {
        Self {
            base: Base::new(AF_UNIX, kind, 0),
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            place: AtomicU64::new(list::NOWHERE),
            ino: AtomicU64::new(0),
            owner: AtomicU32::new(0),
            partner: SpinLock::new(&PARTNER, None),
            phase: AtomicU8::new(phase::FRESH),
            shut: AtomicU8::new(0),
            dead: AtomicBool::new(false),
            target: AtomicU64::new(0),
            charged: AtomicUsize::new(0),
            inbox: Mutex::new(
                &INBOX,
                Inbox {
                    pages: Pages::new(),
                    records: VecDeque::new(),
                    urgent: VecDeque::new(),
                    lost: None,
                    closed: false,
                },
            ),
            records: AtomicU32::new(0),
            cargos: AtomicU32::new(0),
            marked: AtomicBool::new(false),
            file_owner: Once::new(),
            most: AtomicU32::new(socket::limits::MAX_DGRAM_QLEN.get()),
            backlog: SpinLock::new(&BACKLOG, VecDeque::new()),
            pending: AtomicU32::new(0),
            read_wait: WaitQueue::new(),
            write_wait: WaitQueue::new(),
            room_wait: WaitQueue::new(),
            name: Once::new(),
            node: SpinLock::new(&NODE, None),
            identity: SpinLock::new(&IDENTITY, None),
            peek: AtomicI32::new(-1),
        }
    }

    #[inline]
    pub(crate) fn is_stream(&self) -> bool {
        self.base.kind == SOCK_STREAM
    }

    #[inline]
    pub(crate) fn is_datagram(&self) -> bool {
        self.base.kind == SOCK_DGRAM
    }

    /// Notes whom it talks to.
    pub(crate) fn set_partner(&self, other: Option<&Arc<Self>>) {
        let new = other.map(Arc::downgrade);
        let old = core::mem::replace(&mut *self.partner.lock(), new);
        drop(old);
    }

    /// The inode number of the end that it talks to, 0 if that has no file; `None`: there is no such end.
    pub(crate) fn partner_ino(&self) -> Option<u64> {
        let partner = self.partner.lock().clone()?;
        let open = partner.upgrade().filter(|end| !end.is_dead());
        Some(open.map_or(0, |end| end.ino.load(Ordering::Relaxed)))
    }

    /// How many bytes one call could receive.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let inbox = self.inbox.lock();
        let lens = inbox.records.iter().map(|record| record.left as usize);
        let first = if self.is_datagram() { 1 } else { usize::MAX };
        lens.take(first).sum::<usize>() + inbox.urgent_bytes()
    }

    /// What all that waits costs its senders.
    pub(crate) fn waiting_cost(&self) -> usize {
        let inbox = self.inbox.lock();
        inbox
            .records
            .iter()
            .map(|record| record.cost as usize)
            .sum()
    }

    #[inline]
    pub(crate) fn phase(&self) -> u8 {
        self.phase.load(Ordering::Acquire)
    }

    pub(crate) fn set_phase(&self, phase: u8) {
        self.phase.store(phase, Ordering::Release);
    }

    #[inline]
    pub(crate) fn shut(&self) -> u8 {
        self.shut.load(Ordering::Acquire)
    }

    /// Shuts directions down; who waits hears of it.
    pub(crate) fn shut_down(&self, directions: u8) {
        self.shut.fetch_or(directions, Ordering::SeqCst);
        self.tell_all();
    }

    pub(crate) fn tell_all(&self) {
        self.read_wait.wake_all();
        self.write_wait.wake_all();
    }

    pub(crate) fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }

    #[inline]
    pub(crate) fn has_records(&self) -> bool {
        self.records.load(Ordering::Acquire) != 0
    }

    /// Whether a stranger's datagram or connection has to wait.
    pub(crate) fn is_full(&self) -> bool {
        let waiting = self.records.load(Ordering::Acquire) + self.pending.load(Ordering::Acquire);
        waiting > self.most.load(Ordering::Relaxed)
    }

    /// Whether a datagram socket is connected to that one.
    pub(crate) fn talks_to(&self, other: &Self) -> bool {
        self.target.load(Ordering::SeqCst) == other.id
    }

    fn is_writable(&self) -> bool {
        let charged = self.charged.load(Ordering::Relaxed);
        self.phase() != phase::LISTENS && cost::is_writable(charged, self.base.send_room())
    }

    #[inline]
    fn has_room(&self) -> bool {
        self.charged.load(Ordering::Acquire) < self.base.send_room()
    }

    /// Waits until it may send more. The error that waits; EPIPE: it is shut down; EAGAIN, ERESTARTSYS, EINTR.
    #[inline]
    pub(crate) fn wait_for_room(&self, nonblock: bool) -> Result<()> {
        self.base.check_error()?;
        if self.shut() & shut::SEND != 0 {
            return Err(Errno::EPIPE);
        }
        if self.has_room() {
            return Ok(());
        }
        if nonblock {
            return Err(Errno::EAGAIN);
        }
        self.wait_long_for_room()
    }

    #[cold]
    fn wait_long_for_room(&self) -> Result<()> {
        let until = self.base.send_until();
        let changed = || self.has_room() || self.shut() & shut::SEND != 0 || self.base.has_error();
        self.write_wait
            .wait(WaitMode::Interruptible, until, || changed().then_some(()))
            .map_err(|e| waited(e, until))?;
        self.base.check_error()?;
        match self.shut() & shut::SEND {
            0 => Ok(()),
            _ => Err(Errno::EPIPE),
        }
    }

    /// Gives back what a message cost that was received or lost.
    #[inline]
    pub(crate) fn give_back(&self, cost: usize) {
        let left = self.charged.fetch_sub(cost, Ordering::AcqRel) - cost;
        if cost::is_writable(left, self.base.send_room()) {
            self.write_wait.wake_some(usize::MAX, OUT, true);
        }
    }

    /// Tells one who receives that there is more.
    #[inline]
    pub(crate) fn tell_reader(&self) {
        self.read_wait.wake_some(1, IN, true);
    }
}

/// What a wait that did not get what it wanted answers: with a time-out no restart.
pub(crate) fn waited(error: WaitError, until: Option<u64>) -> Errno {
    match error {
        WaitError::TimedOut => Errno::EAGAIN,
        WaitError::Interrupted if until.is_some() => Errno::EINTR,
        WaitError::Interrupted => Errno::ERESTARTSYS,
    }
}

impl Drop for End {
    fn drop(&mut self) {
        list::remove(self);
    }
}
