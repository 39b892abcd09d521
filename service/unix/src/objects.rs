//! What sockets, messages and descriptors on their way are made of. Each holds or names the others, so all definitions
//! stand here; what is done with each stands in the module of its name.
use crate::pages::Pages;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use cred::{Cred, Kuid};
use pid::Pid;
use socket::Base;
use sync::{Mutex, Once, RwSpinLock, SpinLock, WaitQueue};
use vfs::{File, FileOwner, Path};

/// A socket as its descriptor has it: the end that others see, and whom it talks to. Ends refer to no other, so none keeps
/// itself.
pub(crate) struct UnixSocket {
    pub(crate) end: Arc<End>,
    /// The other end of a connection, for good.
    pub(crate) peer: Once<Arc<End>>,
    /// Whom a datagram socket talks to, for now.
    pub(crate) target: RwSpinLock<Option<Arc<End>>>,
    /// It waits to be accepted: nobody has a descriptor yet.
    pub(crate) embryo: AtomicBool,
}

/// A socket as others see it.
///
/// `records` and `cargos` repeat what the inbox says, for looks without its lock; they change under it.
pub(crate) struct End {
    pub(crate) base: Base,
    /// No other has it.
    pub(crate) id: u64,
    /// Where it stands in the list of all.
    pub(crate) place: AtomicU64,
    /// Its file's inode number; 0 before there is a file.
    pub(crate) ino: AtomicU64,
    /// Whose the file is.
    pub(crate) owner: AtomicU32,
    /// The end that it talks to, for who looks at all sockets.
    pub(crate) partner: SpinLock<Option<Weak<End>>>,
    /// See [`phase`].
    pub(crate) phase: AtomicU8,
    /// See [`shut`].
    pub(crate) shut: AtomicU8,
    /// It is closed.
    pub(crate) dead: AtomicBool,
    /// Of a datagram socket: the end it talks to; 0 for none.
    pub(crate) target: AtomicU64,
    /// What messages under way cost of its room.
    pub(crate) charged: AtomicUsize,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) records: AtomicU32,
    /// Records with descriptors.
    pub(crate) cargos: AtomicU32,
    /// The last byte that was sent out of band waits: the mark (see `urgent.rs`).
    pub(crate) marked: AtomicBool,
    /// Whom SIGURG goes to, if anybody asked.
    pub(crate) file_owner: Once<Arc<FileOwner>>,
    /// Most connections that wait, or datagrams of strangers.
    pub(crate) most: AtomicU32,
    pub(crate) backlog: SpinLock<VecDeque<Arc<UnixSocket>>>,
    /// Connections that wait.
    pub(crate) pending: AtomicU32,
    /// Who wants to receive or to accept.
    pub(crate) read_wait: WaitQueue,
    /// Who wants to send from here.
    pub(crate) write_wait: WaitQueue,
    /// Who wants to send or connect here, and found the queue full.
    pub(crate) room_wait: WaitQueue,
    pub(crate) name: Once<Arc<Name>>,
    /// The node of a name in the file system.
    pub(crate) node: SpinLock<Option<Path>>,
    /// Whom `SO_PEERCRED` names, and guards changes of `phase`.
    pub(crate) identity: SpinLock<Option<Identity>>,
    /// Where `MSG_PEEK` begins (`SO_PEEK_OFF`); below 0: at the front.
    pub(crate) peek: AtomicI32,
}

/// How far an end got.
pub(crate) mod phase {
    pub(crate) const FRESH: u8 = 0;
    pub(crate) const CONNECTED: u8 = 1;
    pub(crate) const LISTENS: u8 = 2;
}

/// Directions that are shut down.
pub(crate) mod shut {
    pub(crate) const RECEIVE: u8 = 1;
    pub(crate) const SEND: u8 = 2;
    pub(crate) const BOTH: u8 = 3;
}

/// A process and what it was when it connected or listened.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) process: Arc<Pid>,
    pub(crate) cred: Arc<Cred>,
}

/// Who sent a message: each receiver calls the process by the number that it has for him. The ids are the kernel's.
#[derive(Clone)]
pub(crate) struct Sender {
    pub(crate) process: Arc<Pid>,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// What waits to be received.
pub(crate) struct Inbox {
    pub(crate) pages: Pages,
    pub(crate) records: VecDeque<Record>,
    /// One for each record of a stream that has no bytes in the pages, in their order.
    pub(crate) urgent: VecDeque<Urgent>,
    /// Descriptors that came with bytes out of band which nobody wanted, to be dropped without the lock.
    pub(crate) lost: Option<Box<Cargo>>,
    pub(crate) closed: bool,
}

/// A byte that was sent out of band.
#[derive(Clone, Copy)]
pub(crate) struct Urgent {
    pub(crate) byte: u8,
    /// It was received out of band; its record still parts what is before it from what is behind.
    pub(crate) taken: bool,
}

/// What one send left: the next `left` bytes of the pages.
pub(crate) struct Record {
    pub(crate) left: u32,
    /// What is given back to the sender when all is received.
    pub(crate) cost: u32,
    pub(crate) sender: Option<Sender>,
    pub(crate) cargo: Option<Box<Cargo>>,
    /// The sender of a datagram; a connection has but one.
    pub(crate) from: Option<Arc<End>>,
}

/// Descriptors on their way.
pub(crate) struct Cargo {
    pub(crate) files: Vec<Arc<File>>,
    /// Whose account they are on; `None` when they are on none any more.
    pub(crate) user: Option<Kuid>,
    /// The next of a chain, when many are thrown away.
    pub(crate) next: Option<Box<Cargo>>,
}

/// A name: what follows the family in `struct sockaddr_un`, without the NUL after a path.
pub(crate) struct Name {
    pub(crate) bytes: Vec<u8>,
    pub(crate) is_path: bool,
}
