//! What each socket has, streams and datagrams alike.
use crate::address::Endpoint;
use crate::options::IpOptions;
use crate::route;
use abi::net::AF_INET;
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use cred::cap;
use socket::{Address, Base, Caller, End, OptionIn, OptionOut};
use sync::{LockClass, SpinLock, WaitError, rank};

static NAMES: LockClass = LockClass::new("inet.names", rank::NONE);

/// `IPPROTO_IP`.
pub(crate) const LEVEL_IP: u32 = 0;

/// Directions that are shut down.
pub(crate) mod shut {
    pub(crate) const RECEIVE: u8 = 1;
    pub(crate) const SEND: u8 = 2;
    pub(crate) const BOTH: u8 = 3;
}

/// What a socket is called, and whom it talks to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Names {
    pub(crate) own: Endpoint,
    /// The port that it has; 0: none. `own` tells of the last one.
    pub(crate) bound: u16,
    /// bind(2) named the address, or the port.
    pub(crate) asked_ip: bool,
    pub(crate) asked_port: bool,
    pub(crate) peer: Option<Endpoint>,
}

/// The common part.
pub(crate) struct Common {
    pub(crate) base: Base,
    pub(crate) options: IpOptions,
    names: SpinLock<Names>,
    /// See [`shut`].
    shut: AtomicU8,
    /// Its file's inode number; 0 before there is a file.
    pub(crate) ino: AtomicU64,
    /// Whose the file is.
    pub(crate) owner: AtomicU32,
    /// Where it stands in the list of its port that it is in; changed under the lock of all ports.
    pub(crate) place: AtomicU32,
}

impl Common {
    pub(crate) fn new(kind: u32, protocol: i32) -> Self {
        Self {
            base: Base::new(AF_INET, kind, protocol),
            options: IpOptions::new(),
            names: SpinLock::new(&NAMES, Names::default()),
            shut: AtomicU8::new(0),
            ino: AtomicU64::new(0),
            owner: AtomicU32::new(0),
            place: AtomicU32::new(0),
        }
    }

    pub(crate) fn names(&self) -> Names {
        *self.names.lock()
    }

    pub(crate) fn rename<R>(&self, change: impl FnOnce(&mut Names) -> R) -> R {
        change(&mut self.names.lock())
    }

    pub(crate) fn opened(&self, ino: u64) {
        let own = Caller::with_current(|who| Ok(who.cred.fsuid.0));
        self.owner.store(own.unwrap_or(0), Ordering::Relaxed);
        self.ino.store(ino, Ordering::Relaxed);
    }

    pub(crate) fn shut(&self) -> u8 {
        self.shut.load(Ordering::Acquire)
    }

    pub(crate) fn shut_down(&self, directions: u8) {
        self.shut.fetch_or(directions, Ordering::SeqCst);
    }

    pub(crate) fn reopen(&self) {
        self.shut.store(0, Ordering::SeqCst);
    }

    /// What bind(2) names, if the caller may have that. EINVAL, EAFNOSUPPORT, EADDRNOTAVAIL, EACCES.
    pub(crate) fn wanted(&self, who: &Caller<'_>, address: &[u8]) -> Result<Endpoint> {
        let wanted = Endpoint::read_own(address)?;
        if !route::may_bind(wanted.ip) && !self.options.is_on(abi::net::IP_FREEBIND) {
            return Err(Errno::EADDRNOTAVAIL);
        }
        let free = socket::limits::UNPRIVILEGED_PORTS.get();
        if wanted.port != 0 && u32::from(wanted.port) < free && !who.may(cap::NET_BIND_SERVICE) {
            return Err(Errno::EACCES);
        }
        Ok(wanted)
    }

    /// ENOTCONN: there is no other side.
    pub(crate) fn name(&self, end: End) -> Result<Address> {
        let names = self.names();
        match end {
            End::Own => names.own.address(),
            End::Peer => names.peer.ok_or(Errno::ENOTCONN)?.address(),
        }
    }

    /// `IPPROTO_IP`; `other` is what it is to ask for another level.
    pub(crate) fn set_option(&self, level: u32, name: u32, value: &OptionIn) -> Result<()> {
        match level {
            LEVEL_IP => self.options.set(name, value),
            _ => Err(Errno::ENOPROTOOPT),
        }
    }

    pub(crate) fn option(&self, level: u32, name: u32, out: &mut OptionOut) -> Result<()> {
        match level {
            LEVEL_IP => self.options.get(name, out),
            abi::net::SOL_SOCKET => Err(Errno::ENOPROTOOPT),
            _ => Err(Errno::EOPNOTSUPP),
        }
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
