//! Asynchronous I/O: io_setup(2), io_submit(2), io_getevents(2) and their kin.
//!
//! A [`Context`] is an address space's and has a ring of completions that the program sees (`ring.rs`). As with Linux' page
//! cache a read or a write is done within io_submit(2), by the caller, who tells what came of it
//! ([`complete`](Context::complete)); a poll goes on by itself (`poll.rs`). All end with the address space: at exit and exec.
//!
//! A request is counted from its submission until its event was taken from the ring, so an event always has room.
mod poll;
mod ring;

use crate::eventfd::EventFd;
use abi::raw::{MAP_SHARED, PROT_READ, PROT_WRITE};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicUsize, Ordering};
use kmem::TryVec;
use kmem::user::{self, UserAddr};
use mm::{Mm, MmapRequest};
use poll::Poll;
use ring::{EVENT, Event, Ring};
use sync::{LockClass, Mutex, SpinLock, WaitError, WaitMode, WaitQueue, rank};
use vfs::File;

static LIST: LockClass = LockClass::new("aio.list", rank::AIO_LIST);
static READING: LockClass = LockClass::new("aio.reading", rank::AIO_READING);
static STATE: LockClass = LockClass::new("aio.state", rank::NONE);
static POLLS: LockClass = LockClass::new("aio.polls", rank::AIO_POLLS);

/// Most events of a context, as Linux' ring can have.
const MOST_EVENTS: usize = 0x1000_0000 / EVENT;
/// Linux makes room for so many requests at least for each CPU.
const PER_CPU: usize = 4;

/// Who asked for something, and who is told that it is done.
pub struct Request {
    /// The address of the `struct iocb`, and what it says beside.
    pub obj: u64,
    pub data: u64,
    /// `IOCB_FLAG_RESFD`.
    pub told: Option<Arc<EventFd>>,
}

/// The contexts of an address space, by the number in their ring.
pub struct Contexts {
    list: Mutex<Vec<Option<Arc<Context>>>>,
}

struct State {
    tail: u32,
    /// Requests that have no event yet.
    in_flight: u32,
    dead: bool,
}

/// A context.
pub struct Context {
    address: AtomicUsize,
    ring: Arc<Ring>,
    /// What it counts for in `/proc/sys/fs/aio-nr`.
    requests: u32,
    state: SpinLock<State>,
    polls: Mutex<Vec<Arc<Poll>>>,
    /// Held by who takes events from the ring, over copies to the program.
    reading: Mutex<()>,
    wait: WaitQueue,
}

impl Contexts {
    /// Those of `mm`. ENOMEM.
    pub fn of(mm: &Mm) -> Result<Arc<Self>> {
        let found = match mm.contexts() {
            Some(found) => found,
            None => mm.keep_contexts(kmem::try_arc(Self {
                list: Mutex::new(&LIST, Vec::new()),
            })?),
        };
        found.downcast().map_err(|_| Errno::ENOMEM)
    }

    /// A new context for so many requests; its address, which is its name. EINVAL: too many; EAGAIN: more than may be;
    /// ENOMEM.
    pub fn add(&self, mm: &Arc<Mm>, requests: u32) -> Result<usize> {
        let events = (requests as usize).max(hal::cpu::online() * PER_CPU) * 2;
        if events > MOST_EVENTS {
            return Err(Errno::EINVAL);
        }
        if u64::from(requests) > vfs::aio::most() {
            return Err(Errno::EAGAIN);
        }
        vfs::aio::take(requests)?;
        let made = self.make(mm, events, requests);
        made.inspect_err(|_| vfs::aio::give_back(requests))
    }

    fn make(&self, mm: &Arc<Mm>, events: usize, requests: u32) -> Result<usize> {
        let mut list = self.list.lock();
        let id = list.iter().position(Option::is_none).unwrap_or(list.len());
        if id == list.len() {
            list.try_push(None)?;
        }
        let ring = Ring::new(events, id as u32)?;
        let context = kmem::try_arc(Context {
            address: AtomicUsize::new(0),
            ring: ring.clone(),
            requests,
            state: SpinLock::new(
                &STATE,
                State {
                    tail: 0,
                    in_flight: 0,
                    dead: false,
                },
            ),
            polls: Mutex::new(&POLLS, Vec::new()),
            reading: Mutex::new(&READING, ()),
            wait: WaitQueue::new(),
        })?;
        let address = mm.mmap(MmapRequest {
            addr: 0,
            len: ring.len(),
            prot: PROT_READ | PROT_WRITE,
            flags: MAP_SHARED,
            backing: Some(ring),
            offset: 0,
            low_allowed: false,
        })?;
        context.address.store(address, Ordering::Relaxed);
        list[id] = Some(context);
        Ok(address)
    }

    /// The number that the ring at an address says it has. EINVAL: there is none.
    fn id_at(address: usize) -> Result<usize> {
        let id: u32 = user::read(UserAddr(address)).map_err(|_| Errno::EINVAL)?;
        Ok(id as usize)
    }

    /// The context at an address. EINVAL.
    pub fn find(&self, address: usize) -> Result<Arc<Context>> {
        let id = Self::id_at(address)?;
        let list = self.list.lock();
        let found = list.get(id).and_then(Option::as_ref);
        let found = found.filter(|context| context.is_at(address));
        found.cloned().ok_or(Errno::EINVAL)
    }

    /// Ends the context at an address (io_destroy(2)). EINVAL: there is none.
    pub fn remove(&self, mm: &Mm, address: usize) -> Result<()> {
        let id = Self::id_at(address)?;
        let gone = {
            let mut list = self.list.lock();
            let place = list.get_mut(id).ok_or(Errno::EINVAL)?;
            place.take_if(|context| context.is_at(address))
        };
        let gone = gone.ok_or(Errno::EINVAL)?;
        gone.end();
        // What is left of it there, if the program took it away itself.
        let _ = mm.munmap(address, gone.ring.len());
        Ok(())
    }
}

impl Drop for Contexts {
    fn drop(&mut self) {
        for context in self.list.get_mut().drain(..).flatten() {
            context.end();
        }
    }
}

impl Context {
    fn is_at(&self, address: usize) -> bool {
        self.address.load(Ordering::Relaxed) == address
    }

    /// How many requests one call may submit.
    pub fn most_requests(&self) -> usize {
        self.ring.slots() as usize
    }

    /// Counts a request. EAGAIN: there are as many as there is room for; EINVAL: the context has ended.
    pub fn begin(&self) -> Result<()> {
        let mut state = self.state.lock_irq();
        if state.dead {
            return Err(Errno::EINVAL);
        }
        let slots = self.ring.slots();
        let unread = (state.tail + slots - self.ring.head()) % slots;
        if state.in_flight + unread >= slots - 1 {
            return Err(Errno::EAGAIN);
        }
        state.in_flight += 1;
        Ok(())
    }

    /// Takes back what [`begin`](Self::begin) counted: the request was refused.
    pub fn forget(&self) {
        self.state.lock_irq().in_flight -= 1;
    }

    /// Tells what came of a request.
    pub fn complete(&self, request: &Request, res: i64) {
        let event = Event {
            data: request.data,
            obj: request.obj,
            res,
        };
        {
            let mut state = self.state.lock_irq();
            self.ring.put(state.tail, &event);
            state.tail = self.ring.after(state.tail);
            state.in_flight -= 1;
            self.ring.set_tail(state.tail);
        }
        if let Some(told) = &request.told {
            told.signal(1);
        }
        self.wait.wake_all();
    }

    /// Tells when a file is ready (`IOCB_CMD_POLL`). EINVAL: it would never be told; ENOMEM.
    pub fn poll(self: &Arc<Self>, file: Arc<File>, events: u16, request: Request) -> Result<()> {
        Poll::start(self, file, events, request)
    }

    fn watch(&self, poll: &Arc<Poll>) -> Result<()> {
        self.polls.lock().try_push(poll.clone())
    }

    fn unwatch(&self, poll: &Poll) {
        let gone = {
            let mut polls = self.polls.lock();
            let at = polls.iter().position(|p| core::ptr::eq(&**p, poll));
            at.map(|at| polls.swap_remove(at))
        };
        drop(gone);
    }

    /// Gives up the request of a `struct iocb` (io_cancel(2)): its event comes with nothing in it. EINVAL: there is none that
    /// could be.
    pub fn cancel(&self, iocb: u64) -> Result<()> {
        let found = {
            let polls = self.polls.lock();
            polls.iter().find(|poll| poll.is_of(iocb)).cloned()
        };
        match found.is_some_and(|poll| poll.end(self, 0)) {
            true => Ok(()),
            false => Err(Errno::EINVAL),
        }
    }

    /// Nothing more is begun, what goes on is given up, and who waits hears of it.
    fn end(&self) {
        if core::mem::replace(&mut self.state.lock_irq().dead, true) {
            return;
        }
        vfs::aio::give_back(self.requests);
        loop {
            let next = self.polls.lock().first().cloned();
            let Some(poll) = next else { break };
            if !poll.end(self, 0) {
                // Another thread is at it, or took it out already.
                self.unwatch(&poll);
            }
        }
        self.wait.wake_all();
    }

    fn is_dead(&self) -> bool {
        self.state.lock_irq().dead
    }

    fn has_events(&self) -> bool {
        let tail = self.state.lock_irq().tail;
        self.ring.head() != tail
    }

    /// Copies at most `room` events that are there to the program. EFAULT: those stay.
    fn take(&self, to: UserAddr, room: usize) -> Result<usize> {
        let _reading = self.reading.lock();
        let tail = self.state.lock_irq().tail;
        let (mut head, mut count) = (self.ring.head(), 0);
        while count < room && head != tail {
            user::copy_to_user(to.add(count * EVENT), &self.ring.get(head))?;
            head = self.ring.after(head);
            count += 1;
        }
        if count != 0 {
            self.ring.set_head(head);
        }
        Ok(count)
    }

    /// Takes events (io_getevents(2)): at most `most`, and if it may wait, until `until`, `least` at least; how many, and
    /// whether a signal came instead. EFAULT; EINVAL: the context ended.
    pub fn wait(
        &self,
        to: UserAddr,
        (least, most): (usize, usize),
        until: Option<u64>,
    ) -> Result<(usize, bool)> {
        let mut count = 0;
        loop {
            let taken = match self.is_dead() {
                true => Err(Errno::EINVAL),
                false => self.take(to.add(count * EVENT), most - count),
            };
            match taken {
                Ok(n) => count += n,
                Err(e) if count == 0 => return Err(e),
                Err(_) => return Ok((count, false)),
            }
            if count >= least || until == Some(0) {
                return Ok((count, false));
            }
            let ready = || (self.has_events() || self.is_dead()).then_some(());
            match self.wait.wait(WaitMode::Interruptible, until, ready) {
                Ok(()) => {}
                Err(WaitError::TimedOut) => return Ok((count, false)),
                Err(WaitError::Interrupted) => return Ok((count, true)),
            }
        }
    }
}
