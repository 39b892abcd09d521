//! epoll(7).
//!
//! An [`Item`] is one watched descriptor: it is registered with the queues of its file, and a wake-up there puts it
//! on the set's ready list (once) and wakes one waiter. A wait takes items from that list, asks each file what it is
//! ready for, and puts level-triggered ones back behind the others. Files are held weakly: closing the last
//! descriptor of one ends its watch, and what is left of it is swept out as the set grows.
mod item;
mod tree;

use crate::poll::Until;
use abi::{Errno, Result, raw};
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use cred::Cred;
use hashbrown::HashTable;
pub use item::Interest;
use item::Item;
use kmem::ReservedQueue;
use sync::{LockClass, Mutex, SpinLock, WaitError, WaitMode, WaitQueue, rank};
use vfs::{File, FileOps, FileOpsRef, OpenFlags, PollEvents, PollTable};

static ITEMS: LockClass = LockClass::new("epoll.items", rank::EPOLL);
static READY: LockClass = LockClass::new("epoll.ready", rank::EPOLL_READY);
static WAIT: LockClass = LockClass::new("epoll.wait", rank::POLL_WAIT);
static POLL: LockClass = LockClass::new("epoll.poll", rank::WAIT_QUEUE_NESTED);

/// `EPOLLIN` and its kin as Linux names them for `epoll_ctl`.
pub const CTL_ADD: u32 = raw::EPOLL_CTL_ADD;
/// `EPOLL_CTL_DEL`.
pub const CTL_DEL: u32 = raw::EPOLL_CTL_DEL;
/// `EPOLL_CTL_MOD`.
pub const CTL_MOD: u32 = raw::EPOLL_CTL_MOD;

/// Most events that one wait may ask for (`EP_MAX_EVENTS`): as many as fit an `int` in bytes.
pub const MAX_EVENTS: usize = i32::MAX as usize / EVENT_SIZE;
/// Bytes of `struct epoll_event` on x86-64, where it is packed.
pub const EVENT_SIZE: usize = 12;

/// What is ready: `struct epoll_event`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    pub events: u32,
    pub data: u64,
}

impl Event {
    /// From user memory's form.
    pub fn from_bytes(bytes: &[u8; EVENT_SIZE]) -> Self {
        let [e0, e1, e2, e3, d @ ..] = *bytes;
        Self {
            events: u32::from_le_bytes([e0, e1, e2, e3]),
            data: u64::from_le_bytes(d),
        }
    }

    /// To user memory's form.
    pub fn to_bytes(self) -> [u8; EVENT_SIZE] {
        let mut out = [0; EVENT_SIZE];
        out[..4].copy_from_slice(&self.events.to_le_bytes());
        out[4..].copy_from_slice(&self.data.to_le_bytes());
        out
    }
}

/// Items that are, or were a moment ago, ready. Each is in it at most once, and it has room for all.
#[derive(Default)]
struct ReadyList {
    queue: VecDeque<Arc<Item>>,
}

/// What is watched, by descriptor and file.
struct Items {
    table: HashTable<Arc<Item>>,
    /// Items that watch epoll sets.
    nested: usize,
    /// Length at which closed files are swept out.
    sweep_at: usize,
}

fn hash(fd: i32, file: *const File) -> u64 {
    let mixed = (file.addr() as u64 >> 6) ^ (fd as u64) << 40;
    mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

const FIRST_SWEEP: usize = 32;

/// An epoll set.
pub struct Epoll {
    items: Mutex<Items>,
    ready: SpinLock<ReadyList>,
    /// Threads in [`Epoll::wait`].
    wait: WaitQueue,
    /// Who polls the set itself.
    poll: WaitQueue,
}

impl Epoll {
    /// An empty set. ENOMEM.
    pub fn new() -> Result<Arc<Self>> {
        kmem::try_arc(Self {
            items: Mutex::new(
                &ITEMS,
                Items {
                    table: HashTable::new(),
                    nested: 0,
                    sweep_at: FIRST_SWEEP,
                },
            ),
            ready: SpinLock::new(&READY, ReadyList::default()),
            wait: WaitQueue::with_class(&WAIT),
            poll: WaitQueue::with_class(&POLL),
        })
    }

    /// An empty set as a file (epoll_create1(2)). EINVAL: flags; ENOMEM.
    pub fn create(flags: u32, cred: &Arc<Cred>) -> Result<Arc<File>> {
        if flags & !raw::EPOLL_CLOEXEC != 0 {
            return Err(Errno::EINVAL);
        }
        let ops = FileOpsRef::own(Self::new()?);
        let inode = vfs::shared_anon_inode()?;
        vfs::new_anon_file("anon_inode:[eventpoll]", &inode, ops, OpenFlags::RDWR, cred)
    }

    /// `EPOLL_CTL_ADD`. EEXIST: it is watched already; EPERM: it cannot be polled; EINVAL: `interest`; ELOOP: the
    /// sets would watch each other, or too deep; ENOMEM.
    #[cfg_attr(
        target_os = "none",
        expect(clippy::disallowed_methods, reason = "room is made before")
    )]
    pub fn add(self: &Arc<Self>, fd: i32, file: &Arc<File>, interest: Interest) -> Result<()> {
        if !file.can_poll() {
            return Err(Errno::EPERM);
        }
        let inner = file.ops_arc::<Self>();
        interest.check_new(inner.is_some())?;
        let _tree = match &inner {
            Some(inner) => Some(tree::check(self, inner)?),
            None => None,
        };
        let mut items = self.items.lock();
        if find(&items, fd, file).is_some() {
            return Err(Errno::EEXIST);
        }
        self.make_room(&mut items)?;
        let item = Item::new(self, fd, file, interest)?;
        item.attach(file).inspect_err(|_| item.detach())?;
        items.nested += usize::from(inner.is_some());
        items
            .table
            .insert_unique(item.hash(), item.clone(), |item| item.hash());
        drop(items);
        if item.is_ready(file) {
            self.push(&item);
        }
        Ok(())
    }

    /// `EPOLL_CTL_DEL`. ENOENT: it is not watched.
    pub fn remove(&self, fd: i32, file: &Arc<File>) -> Result<()> {
        let mut items = self.items.lock();
        let found = items
            .table
            .find_entry(hash(fd, Arc::as_ptr(file)), |item| item.watches(fd, file));
        let item = found.map_err(|_| Errno::ENOENT)?.remove().0;
        items.nested -= usize::from(item.inner_set().is_some());
        drop(items);
        item.detach();
        Ok(())
    }

    /// `EPOLL_CTL_MOD`. ENOENT: it is not watched; EINVAL: `interest`, or it was added with `EPOLLEXCLUSIVE`.
    pub fn modify(&self, fd: i32, file: &Arc<File>, interest: Interest) -> Result<()> {
        let items = self.items.lock();
        let item = find(&items, fd, file).ok_or(Errno::ENOENT)?.clone();
        drop(items);
        item.change(interest)?;
        if item.is_ready(file) {
            self.push(&item);
        }
        Ok(())
    }

    /// Makes room for one more item everywhere, so that a wake-up never allocates; sweeps closed files out.
    fn make_room(&self, items: &mut Items) -> Result<()> {
        if items.table.len() >= items.sweep_at {
            items.table.retain(|item| {
                let closed = item.is_closed();
                if closed {
                    item.detach();
                }
                !closed
            });
            items.sweep_at = (2 * items.table.len()).max(FIRST_SWEEP);
        }
        items
            .table
            .try_reserve(1, |item| item.hash())
            .map_err(|_| Errno::ENOMEM)?;
        let want = items.table.len() + 1;
        let mut ready = self.ready.lock_irq();
        if ready.queue.capacity() >= want {
            return Ok(());
        }
        drop(ready);
        // Not under the lock: allocate a larger list, then move.
        let mut larger = VecDeque::new();
        larger.try_reserve(2 * want).map_err(|_| Errno::ENOMEM)?;
        ready = self.ready.lock_irq();
        for item in ready.queue.drain(..) {
            larger.push_back_reserved(item);
        }
        let old = core::mem::replace(&mut ready.queue, larger);
        drop(ready);
        drop(old);
        Ok(())
    }

    /// Puts an item on the ready list and wakes a waiter; true if there was one. Called from wake-ups.
    fn push(&self, item: &Arc<Item>) -> bool {
        let mut ready = self.ready.lock_irq();
        // Room was made for every item; one that is being removed may find none.
        if item.enqueue() && ready.queue.len() < ready.queue.capacity() {
            ready.queue.push_back_reserved(item.clone());
        }
        drop(ready);
        let woke = self.wait.wake_one() > 0;
        self.poll.wake_all_key(raw::POLLIN | raw::POLLRDNORM);
        woke
    }

    fn has_ready(&self) -> bool {
        !self.ready.lock_irq().queue.is_empty()
    }

    /// Waits for events and hands each to `emit` until there are `max` or no more. Answers how many. Zero: the time
    /// is over.
    ///
    /// # Errors
    /// `EINTR`: a signal. What `emit` says, if it was the first.
    pub fn wait(
        &self,
        max: usize,
        until: Until,
        mut emit: impl FnMut(usize, Event) -> Result<()>,
    ) -> Result<usize> {
        loop {
            let count = self.take(max, &mut emit)?;
            if count > 0 || until == Until::Now {
                return Ok(count);
            }
            let deadline = match until {
                Until::Time(ns) => Some(ns),
                _ => None,
            };
            let ready = || self.has_ready().then_some(());
            match self.wait.wait(WaitMode::Interruptible, deadline, ready) {
                Ok(()) => {}
                Err(WaitError::TimedOut) => return Ok(0),
                Err(WaitError::Interrupted) => return Err(Errno::EINTR),
            }
        }
    }

    /// Hands out events without waiting. Looks at each item of the ready list once.
    fn take(&self, max: usize, emit: &mut impl FnMut(usize, Event) -> Result<()>) -> Result<usize> {
        let mut left = self.ready.lock_irq().queue.len();
        let mut count = 0;
        while left > 0 && count < max {
            left -= 1;
            let Some(item) = self.pop() else {
                break;
            };
            let Some(event) = item.take_event() else {
                continue;
            };
            if let Err(e) = emit(count, event) {
                // It was not delivered, so it is still to come.
                self.push(&item);
                return if count > 0 { Ok(count) } else { Err(e) };
            }
            count += 1;
            if item.delivered() {
                self.requeue(&item);
            }
        }
        // Another waiter may have what was left or put back.
        if count > 0 && !self.wait.is_empty() && self.has_ready() {
            self.wait.wake_one();
        }
        Ok(count)
    }

    fn pop(&self) -> Option<Arc<Item>> {
        let mut ready = self.ready.lock_irq();
        let item = ready.queue.pop_front()?;
        // From now on a wake-up queues it again.
        item.dequeue();
        Some(item)
    }

    /// Puts a level-triggered item back, without a wake-up: the next look finds whether it is still ready.
    fn requeue(&self, item: &Arc<Item>) {
        let mut ready = self.ready.lock_irq();
        if item.enqueue() && ready.queue.len() < ready.queue.capacity() {
            ready.queue.push_back_reserved(item.clone());
        }
    }

    /// Whether a wait would find an event; drops from the ready list what is not ready any more.
    fn any_ready(&self) -> bool {
        let mut left = self.ready.lock_irq().queue.len();
        while left > 0 {
            left -= 1;
            let Some(item) = self.pop() else {
                return false;
            };
            if item.file().is_some_and(|file| item.is_ready(&file)) {
                let mut ready = self.ready.lock_irq();
                if item.enqueue() && ready.queue.len() < ready.queue.capacity() {
                    ready.queue.push_front_reserved(item);
                }
                drop(ready);
                // Somebody may have looked while it was off the list.
                self.wait.wake_one();
                return true;
            }
        }
        false
    }
}

fn find<'a>(items: &'a Items, fd: i32, file: &Arc<File>) -> Option<&'a Arc<Item>> {
    let hash = hash(fd, Arc::as_ptr(file));
    items.table.find(hash, |item| item.watches(fd, file))
}

impl FileOps for Epoll {
    fn is_stream(&self) -> bool {
        true
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.poll);
        if self.any_ready() {
            PollEvents::READABLE
        } else {
            PollEvents::empty()
        }
    }

    fn can_poll(&self) -> bool {
        true
    }

    // Here and not when the set is dropped: a wake-up that runs now may hold the last reference.
    fn release(&self, _file: &File) {
        self.close();
    }

    fn show_fdinfo(&self, _file: &File, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        let items = self.items.lock();
        for item in &items.table {
            item.show(out)?;
        }
        Ok(())
    }
}

impl Epoll {
    /// Ends all watches. Afterwards no wake-up refers to this set any more.
    fn close(&self) {
        let table = core::mem::take(&mut self.items.lock().table);
        for item in &table {
            item.detach();
        }
    }
}
