//! One watched descriptor.
use super::{Epoll, Event};
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use kmem::TryVec;
use sync::{LockClass, Mutex, WaitEntry, WaitQueue, WakeCallback, rank};
use vfs::{File, PollEvents, PollSink, PollTable};

static ENTRIES: LockClass = LockClass::new("epoll.entries", rank::EPOLL_ENTRIES);

/// What is asked for, and the caller's word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Poll events and `EPOLLET`, `EPOLLONESHOT`, `EPOLLEXCLUSIVE`, `EPOLLWAKEUP`.
    pub events: u32,
    pub data: u64,
}

const EXCLUSIVE: u32 = raw::EPOLLEXCLUSIVE;
const ONESHOT: u32 = raw::EPOLLONESHOT;
const EDGE: u32 = raw::EPOLLET;
/// Bits that are no events.
const PRIVATE: u32 = EXCLUSIVE | ONESHOT | EDGE | raw::EPOLLWAKEUP;
/// What may come with `EPOLLEXCLUSIVE`.
const WITH_EXCLUSIVE: u32 = raw::EPOLLIN
    | raw::EPOLLOUT
    | raw::EPOLLERR
    | raw::EPOLLHUP
    | raw::EPOLLWAKEUP
    | EDGE
    | EXCLUSIVE;
/// Reported whether asked for or not.
const ALWAYS: u32 = raw::EPOLLERR | raw::EPOLLHUP;

impl Interest {
    /// EINVAL: `EPOLLEXCLUSIVE` with what it does not go with, or for an epoll set.
    pub(super) fn check_new(&self, is_epoll: bool) -> Result<()> {
        if self.events & EXCLUSIVE != 0 && (is_epoll || self.events & !WITH_EXCLUSIVE != 0) {
            return Err(Errno::EINVAL);
        }
        Ok(())
    }
}

/// One watched descriptor of a set.
pub(super) struct Item {
    me: Weak<Item>,
    set: Weak<Epoll>,
    fd: i32,
    file: Weak<File>,
    events: AtomicU32,
    data: AtomicU64,
    /// It is on the ready list; changes under that list's lock.
    queued: AtomicBool,
    removed: AtomicBool,
    entries: Mutex<Vec<Arc<WaitEntry>>>,
}

impl Item {
    pub(super) fn new(
        set: &Arc<Epoll>,
        fd: i32,
        file: &Arc<File>,
        interest: Interest,
    ) -> Result<Arc<Self>> {
        kmem::try_arc_cyclic(|me| Self {
            me: me.clone(),
            set: Arc::downgrade(set),
            fd,
            file: Arc::downgrade(file),
            events: AtomicU32::new(interest.events | ALWAYS),
            data: AtomicU64::new(interest.data),
            queued: AtomicBool::new(false),
            removed: AtomicBool::new(false),
            entries: Mutex::new(&ENTRIES, Vec::new()),
        })
    }

    pub(super) fn hash(&self) -> u64 {
        super::hash(self.fd, self.file.as_ptr())
    }

    pub(super) fn watches(&self, fd: i32, file: &Arc<File>) -> bool {
        self.fd == fd && core::ptr::eq(self.file.as_ptr(), Arc::as_ptr(file))
    }

    pub(super) fn file(&self) -> Option<Arc<File>> {
        self.file.upgrade()
    }

    /// The file was closed.
    pub(super) fn is_closed(&self) -> bool {
        self.file.strong_count() == 0
    }

    /// Registers with the queues of the file. ENOMEM.
    pub(super) fn attach(&self, file: &File) -> Result<()> {
        let mut sink = Attach {
            item: self,
            result: Ok(()),
        };
        let wanted = PollEvents::from_bits_retain(self.wanted());
        file.poll(&mut PollTable::new(&mut sink, wanted));
        sink.result
    }

    /// Ends the watch.
    pub(super) fn detach(&self) {
        self.removed.store(true, Ordering::Release);
        let entries = core::mem::take(&mut *self.entries.lock());
        for entry in &entries {
            entry.unregister();
        }
    }

    /// `EPOLL_CTL_MOD`. EINVAL: exclusive items stay as they are.
    pub(super) fn change(&self, interest: Interest) -> Result<()> {
        let exclusive = self.events.load(Ordering::Relaxed) & EXCLUSIVE;
        if (exclusive | interest.events & EXCLUSIVE) != 0 {
            return Err(Errno::EINVAL);
        }
        self.data.store(interest.data, Ordering::Relaxed);
        self.events
            .store(interest.events | ALWAYS, Ordering::SeqCst);
        Ok(())
    }

    fn wanted(&self) -> u32 {
        self.events.load(Ordering::Relaxed) & !PRIVATE
    }

    /// It was a one-shot watch and has fired.
    fn disabled(&self) -> bool {
        self.wanted() == 0
    }

    fn ready_events(&self, file: &File) -> u32 {
        let wanted = PollEvents::from_bits_retain(self.wanted());
        let events = file.poll(&mut PollTable::peek(wanted));
        (events & wanted).bits()
    }

    pub(super) fn is_ready(&self, file: &File) -> bool {
        !self.removed.load(Ordering::Acquire) && self.ready_events(file) != 0
    }

    /// The event to deliver, if there is one at this moment.
    pub(super) fn take_event(&self) -> Option<Event> {
        if self.removed.load(Ordering::Acquire) {
            return None;
        }
        let file = self.file()?;
        let events = self.ready_events(&file);
        (events != 0).then(|| Event {
            events,
            data: self.data.load(Ordering::Relaxed),
        })
    }

    /// An event was delivered; true if the item is to be looked at again next time.
    pub(super) fn delivered(&self) -> bool {
        let events = self.events.load(Ordering::Relaxed);
        if events & ONESHOT != 0 {
            let off = events & PRIVATE;
            // A change that came meanwhile counts.
            let _ = self
                .events
                .compare_exchange(events, off, Ordering::SeqCst, Ordering::Relaxed);
            return false;
        }
        events & EDGE == 0
    }

    /// True if it was not on the list.
    pub(super) fn enqueue(&self) -> bool {
        !self.queued.swap(true, Ordering::AcqRel)
    }

    pub(super) fn dequeue(&self) {
        self.queued.store(false, Ordering::SeqCst);
    }

    /// The epoll set that it watches, if it does.
    pub(super) fn inner_set(&self) -> Option<Arc<Epoll>> {
        self.file()?.ops_arc()
    }

    /// Its line in `/proc/PID/fdinfo/N`.
    pub(super) fn show(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        let Some(file) = self.file() else {
            return Ok(());
        };
        let (inode, events) = (file.inode(), self.events.load(Ordering::Relaxed));
        writeln!(
            out,
            "tfd: {:8} events: {events:8x} data: {:16x}  pos:{} ino:{:x} sdev:{:x}",
            self.fd,
            self.data.load(Ordering::Relaxed),
            file.pos(),
            inode.ino(),
            inode.sb().dev(),
        )
    }
}

impl WakeCallback for Item {
    fn wake(&self, key: u32, may_take: bool) -> bool {
        if self.disabled() || (key != 0 && key & self.wanted() == 0) {
            return false;
        }
        let exclusive = self.events.load(Ordering::Relaxed) & EXCLUSIVE != 0;
        if exclusive && !may_take {
            return false;
        }
        match (self.set.upgrade(), self.me.upgrade()) {
            // Where nobody waits the event stays, and the next may take the wake-up too.
            (Some(set), Some(me)) => set.push(&me) && exclusive,
            _ => false,
        }
    }
}

/// Registers an item with the queues that its file names.
struct Attach<'a> {
    item: &'a Item,
    result: Result<()>,
}

impl PollSink for Attach<'_> {
    fn add(&mut self, queue: &WaitQueue) {
        if self.result.is_ok() {
            self.result = self.try_add(queue);
        }
    }
}

impl Attach<'_> {
    fn try_add(&self, queue: &WaitQueue) -> Result<()> {
        let me: Arc<dyn WakeCallback> = self.item.me.upgrade().ok_or(Errno::ENOENT)?;
        let entry = kmem::try_arc(WaitEntry::new(me))?;
        self.item.entries.lock().try_push(entry.clone())?;
        queue.register(&entry);
        Ok(())
    }
}
