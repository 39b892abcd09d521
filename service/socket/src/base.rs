//! What each socket has, whatever its family.
use crate::limits::{RMEM_DEFAULT, WMEM_DEFAULT};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cbpf::{About, Packet, Program};
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use sync::{LockClass, SpinLock, rank};

static FILTER: LockClass = LockClass::new("socket.filter", rank::NONE);

static COOKIES: AtomicU64 = AtomicU64::new(0);

/// The common part of a socket.
pub struct Base {
    /// `AF_*`.
    pub family: u32,
    /// `SOCK_*`.
    pub kind: u32,
    /// The family's own number.
    pub protocol: i32,
    /// Most bytes that wait to be received, bookkeeping included.
    pub(crate) receive_room: AtomicUsize,
    /// Most bytes that wait to be sent.
    pub(crate) send_room: AtomicUsize,
    /// How long receiving and sending wait; 0 is for ever.
    pub(crate) receive_ns: AtomicU64,
    pub(crate) send_ns: AtomicU64,
    pub(crate) pass_credentials: AtomicBool,
    pub(crate) listens: AtomicBool,
    /// Least bytes that a stream's receiver waits for.
    pub(crate) receive_least: AtomicU32,
    /// How many seconds closing may last; below 0: it does not.
    pub(crate) linger: AtomicI32,
    pub(crate) priority: AtomicI32,
    /// Options that are on, by number.
    pub(crate) switches: AtomicU32,
    pub(crate) filter_is_locked: AtomicBool,
    pub(crate) cookie: AtomicU64,
    filter: SpinLock<Option<Arc<Program>>>,
    /// An errno that the next call answers; 0 for none.
    error: AtomicI32,
}

impl Base {
    /// That of a new socket.
    #[must_use]
    pub fn new(family: u32, kind: u32, protocol: i32) -> Self {
        Self {
            family,
            kind,
            protocol,
            receive_room: AtomicUsize::new(RMEM_DEFAULT.get() as usize),
            send_room: AtomicUsize::new(WMEM_DEFAULT.get() as usize),
            receive_ns: AtomicU64::new(0),
            send_ns: AtomicU64::new(0),
            pass_credentials: AtomicBool::new(false),
            listens: AtomicBool::new(false),
            receive_least: AtomicU32::new(1),
            linger: AtomicI32::new(-1),
            priority: AtomicI32::new(0),
            switches: AtomicU32::new(0),
            filter_is_locked: AtomicBool::new(false),
            cookie: AtomicU64::new(0),
            filter: SpinLock::new(&FILTER, None),
            error: AtomicI32::new(0),
        }
    }

    /// Gives a new socket another room than the usual one.
    pub fn set_room(&self, receive: usize, send: usize) {
        self.receive_room.store(receive, Ordering::Relaxed);
        self.send_room.store(send, Ordering::Relaxed);
    }

    /// Whether an option is on that is on or off: `SO_REUSEADDR`, `SO_REUSEPORT`, `SO_BROADCAST`, `SO_DONTROUTE`,
    /// `SO_KEEPALIVE`, `SO_OOBINLINE`.
    #[must_use]
    pub fn is_on(&self, option: u32) -> bool {
        self.switches.load(Ordering::Relaxed) & 1 << option != 0
    }

    /// How many seconds closing may last (`SO_LINGER`), if that was said.
    #[must_use]
    pub fn linger(&self) -> Option<u32> {
        u32::try_from(self.linger.load(Ordering::Relaxed)).ok()
    }

    /// Takes over what a connection has from the socket that listened for it.
    pub fn inherit(&self, from: &Self) {
        self.set_room(from.receive_room(), from.send_room());
        let copy = |to: &AtomicU64, from: &AtomicU64| {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        };
        copy(&self.receive_ns, &from.receive_ns);
        copy(&self.send_ns, &from.send_ns);
        let copy = |to: &AtomicI32, from: &AtomicI32| {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        };
        copy(&self.linger, &from.linger);
        copy(&self.priority, &from.priority);
        let copy = |to: &AtomicU32, from: &AtomicU32| {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        };
        copy(&self.receive_least, &from.receive_least);
        copy(&self.switches, &from.switches);
    }

    /// Most bytes that wait to be received.
    #[must_use]
    pub fn receive_room(&self) -> usize {
        self.receive_room.load(Ordering::Relaxed)
    }

    /// Most bytes that wait to be sent.
    #[must_use]
    pub fn send_room(&self) -> usize {
        self.send_room.load(Ordering::Relaxed)
    }

    /// Least bytes that a stream's receiver waits for (`SO_RCVLOWAT`).
    #[must_use]
    pub fn receive_least(&self) -> usize {
        self.receive_least.load(Ordering::Relaxed) as usize
    }

    /// Whether each message comes with who sent it (`SO_PASSCRED`).
    #[must_use]
    pub fn passes_credentials(&self) -> bool {
        self.pass_credentials.load(Ordering::Relaxed)
    }

    /// It lets others connect to it (`SO_ACCEPTCONN`).
    pub fn set_listens(&self) {
        self.listens.store(true, Ordering::Relaxed);
    }

    /// It does so no more.
    pub fn end_listening(&self) {
        self.listens.store(false, Ordering::Relaxed);
    }

    /// Whether it lets others connect to it.
    #[must_use]
    pub fn listens(&self) -> bool {
        self.listens.load(Ordering::Relaxed)
    }

    /// Until when a call that begins now receives (`SO_RCVTIMEO`); `None` is for ever.
    #[must_use]
    pub fn receive_until(&self) -> Option<u64> {
        until(&self.receive_ns)
    }

    /// Until when a call that begins now sends (`SO_SNDTIMEO`).
    #[must_use]
    pub fn send_until(&self) -> Option<u64> {
        until(&self.send_ns)
    }

    /// Notes an error for the next call.
    pub fn set_error(&self, error: Errno) {
        self.error.store(error.code(), Ordering::SeqCst);
    }

    /// Whether an error waits to be told.
    #[must_use]
    pub fn has_error(&self) -> bool {
        self.error.load(Ordering::SeqCst) != 0
    }

    /// The error that waits, once.
    pub fn take_error(&self) -> Option<Errno> {
        if !self.has_error() {
            return None;
        }
        Errno::from_code(self.error.swap(0, Ordering::SeqCst))
    }

    /// The error that waits, as what a call answers.
    pub fn check_error(&self) -> Result<()> {
        self.take_error().map_or(Ok(()), Err)
    }

    /// A number that no other socket has (`SO_COOKIE`).
    #[must_use]
    pub fn cookie(&self) -> u64 {
        let fresh = || COOKIES.fetch_add(1, Ordering::Relaxed) + 1;
        match self.cookie.load(Ordering::Relaxed) {
            0 => {
                let mine = fresh();
                let set =
                    self.cookie
                        .compare_exchange(0, mine, Ordering::Relaxed, Ordering::Relaxed);
                set.map_or_else(|other| other, |_| mine)
            }
            old => old,
        }
    }

    /// The filter.
    #[must_use]
    pub fn filter(&self) -> Option<Arc<Program>> {
        self.filter.lock_irq().clone()
    }

    pub(crate) fn set_filter(&self, filter: Option<Arc<Program>>) -> Option<Arc<Program>> {
        core::mem::replace(&mut *self.filter.lock_irq(), filter)
    }

    /// How much of a packet passes the filter: `None` for nothing of it.
    #[must_use]
    pub fn passes(&self, data: &[u8], protocol: u16) -> Option<usize> {
        let Some(filter) = self.filter() else {
            return Some(data.len());
        };
        let about = About {
            protocol,
            cpu: hal::cpu::id() as u32,
            random: random::next_u64() as u32,
            ..About::default()
        };
        match filter.run(&Packet { data, about }) {
            0 => None,
            most => Some(data.len().min(most as usize)),
        }
    }
}

fn until(ns: &AtomicU64) -> Option<u64> {
    match ns.load(Ordering::Relaxed) {
        0 => None,
        ns => Some(hal::clock::now_ns().saturating_add(ns)),
    }
}
