//! What a stream is made of. Each part names the others, so all definitions stand here; what is done with each stands in
//! the module of its name.
use super::options::TcpOptions;
use super::piece::Piece;
use crate::address::Endpoint;
use crate::common::Common;
use crate::ports::{Bound, Ports};
use abi::net::SOCK_STREAM;
use abi::{Errno, Result};
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use core::sync::atomic::AtomicU64;
use kmem::try_arc_cyclic;
use sync::{LockClass, Mutex, Once, SpinLock, WaitQueue, rank};
use tcp::{Connection, State};
use workqueue::DelayedWork;

static CORE: LockClass = LockClass::new("inet.tcp", rank::NONE);
static BACKLOG: LockClass = LockClass::new("inet.backlog", rank::NONE);
static READING: LockClass = LockClass::new("inet.reading", rank::UNIX_INBOX);

/// `IPPROTO_TCP`.
pub(super) const TCP: u32 = 6;
/// The room of a new socket (tcp(7), `tcp_rmem` and `tcp_wmem`).
const RECEIVE: usize = 131_072;
pub(super) const SEND: usize = 16_384;

/// `TCP_LISTEN`.
pub(super) const LISTENS: u8 = 10;

/// The names of both ends, as one end has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) own: Endpoint,
    pub(super) peer: Endpoint,
}

/// Connections that wait to be accepted.
pub(super) struct Backlog {
    pub(super) ready: VecDeque<Arc<TcpSocket>>,
    /// Those that are not established yet.
    pub(super) coming: usize,
    /// Most that wait; one more does.
    pub(super) most: usize,
    pub(super) open: bool,
}

impl Backlog {
    pub(super) const fn new() -> Self {
        Self {
            ready: VecDeque::new(),
            coming: 0,
            most: 0,
            open: false,
        }
    }

    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }
}

/// All ports of TCP.
pub(super) static PORTS: Ports<TcpSocket> = Ports::new();

/// How far the user's own view is (`SS_UNCONNECTED` and so on).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Fresh,
    /// connect(2) began and has not said how it went.
    Connecting,
    Connected,
}

/// What changes while a connection lives.
pub(super) struct Core {
    pub(super) phase: Phase,
    pub(super) connection: Option<Connection<Piece>>,
    pub(super) pair: Pair,
    /// Who listened for it, until it is established.
    pub(super) parent: Weak<TcpSocket>,
    /// Its last descriptor is gone.
    pub(super) closed: bool,
}

/// A stream.
pub(crate) struct TcpSocket {
    pub(super) common: Common,
    /// Itself, for the tables.
    pub(super) own: Weak<Self>,
    pub(super) options: TcpOptions,
    pub(super) core: SpinLock<Core>,
    pub(super) backlog: SpinLock<Backlog>,
    /// Held by who takes bytes out, over user copies: what two read at once stays in order.
    pub(super) reading: Mutex<()>,
    /// Who waits for bytes or connections, and who waits for room or to be connected.
    pub(super) read_wait: WaitQueue,
    pub(super) write_wait: WaitQueue,
    pub(super) timer: Once<DelayedWork>,
    /// When the timer is due; `u64::MAX`: never.
    pub(super) armed: AtomicU64,
}

impl Bound for TcpSocket {
    fn common(&self) -> &Common {
        &self.common
    }
}

impl TcpSocket {
    /// A socket without a port. ENOMEM.
    pub(crate) fn new() -> Result<Arc<Self>> {
        let socket = try_arc_cyclic(|own| Self {
            common: Common::new(SOCK_STREAM, TCP as i32),
            own: own.clone(),
            options: TcpOptions::new(),
            core: SpinLock::new(
                &CORE,
                Core {
                    phase: Phase::Fresh,
                    connection: None,
                    pair: Pair::default(),
                    parent: Weak::new(),
                    closed: false,
                },
            ),
            backlog: SpinLock::new(&BACKLOG, Backlog::new()),
            reading: Mutex::new(&READING, ()),
            read_wait: WaitQueue::new(),
            write_wait: WaitQueue::new(),
            timer: Once::new(),
            armed: AtomicU64::new(u64::MAX),
        })?;
        socket.common.base.set_room(RECEIVE, SEND);
        Ok(socket)
    }

    pub(super) fn listens(&self) -> bool {
        self.common.base.listens()
    }

    /// Where its connection is.
    pub(super) fn state(&self) -> State {
        let core = self.core.lock();
        core.connection
            .as_ref()
            .map_or(State::Closed, Connection::state)
    }

    pub(super) fn claim(&self, wanted: Endpoint) -> Result<()> {
        let own = self.own.upgrade().ok_or(Errno::EINVAL)?;
        PORTS.claim(&own, wanted).map(drop)
    }

    /// Looks at the connection, if there is one.
    pub(super) fn look<R>(&self, look: impl FnOnce(&Connection<Piece>) -> R) -> Option<R> {
        self.core.lock().connection.as_ref().map(look)
    }
}
