//! Descriptors on their way (`SCM_RIGHTS`): how many each user has, which sockets are among them, and which of those nobody
//! can receive any more.
use crate::cycles::{self, Node};
use crate::objects::{Cargo, UnixSocket};
use abi::{Errno, Result};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use cred::{Kuid, cap};
use kmem::{TryVec, try_box};
use socket::{Caller, SocketFile};
use sync::{LockClass, Mutex, MutexGuard, rank};
use vfs::File;

static FLIGHT: LockClass = LockClass::new("unix.flight", rank::UNIX_FLIGHT);

/// A socket that messages hold a descriptor of.
struct Traveller {
    socket: Arc<UnixSocket>,
    file: Weak<File>,
    /// How many messages.
    count: usize,
}

/// What a user has on the way.
struct Account {
    user: Kuid,
    files: usize,
}

/// All that is on its way.
pub(crate) struct Flight {
    /// In order of [`End::id`](crate::objects::End).
    sockets: Vec<Traveller>,
    accounts: Vec<Account>,
}

static ALL: Mutex<Flight> = Mutex::new(
    &FLIGHT,
    Flight {
        sockets: Vec::new(),
        accounts: Vec::new(),
    },
);
/// How many sockets are on their way, for a look without the lock.
static SOCKETS: AtomicUsize = AtomicUsize::new(0);
/// Somebody looks for garbage, or throws things away and will look then.
static BUSY: AtomicBool = AtomicBool::new(false);
/// There may be garbage that the one at work did not see.
static AGAIN: AtomicBool = AtomicBool::new(false);

/// Keeps descriptors from being judged.
pub(crate) fn hold() -> MutexGuard<'static, Flight> {
    ALL.lock()
}

/// The socket that a file is.
fn socket_of(file: &Arc<File>) -> Option<Arc<UnixSocket>> {
    let any: Arc<dyn Any + Send + Sync> = SocketFile::of(file).ok()?.clone();
    any.downcast().ok()
}

impl Flight {
    fn place(&self, id: u64) -> core::result::Result<usize, usize> {
        self.sockets.binary_search_by_key(&id, |t| t.socket.end.id)
    }

    /// Makes room for whatever `count` files need. ENOMEM.
    fn reserve(&mut self, count: usize) -> Result<()> {
        let fits = self.sockets.try_reserve(count).is_ok() && self.accounts.try_reserve(1).is_ok();
        fits.then_some(()).ok_or(Errno::ENOMEM)
    }

    fn depart(&mut self, file: &Arc<File>) -> Result<()> {
        let Some(socket) = socket_of(file) else {
            return Ok(());
        };
        match self.place(socket.end.id) {
            Ok(at) => self.sockets[at].count += 1,
            Err(at) => {
                let traveller = Traveller {
                    socket,
                    file: Arc::downgrade(file),
                    count: 1,
                };
                self.sockets.try_insert(at, traveller)?;
                SOCKETS.store(self.sockets.len(), Ordering::Relaxed);
            }
        }
        Ok(())
    }

    /// One message less holds it; what was kept for it, to be dropped without the lock.
    fn arrive(&mut self, file: &Arc<File>) -> Option<Traveller> {
        let at = self.place(socket_of(file)?.end.id).ok()?;
        self.sockets[at].count -= 1;
        if self.sockets[at].count != 0 {
            return None;
        }
        let gone = self.sockets.remove(at);
        SOCKETS.store(self.sockets.len(), Ordering::Relaxed);
        Some(gone)
    }

    fn account(&mut self, user: Kuid) -> Option<&mut Account> {
        self.accounts.iter_mut().find(|a| a.user == user)
    }
}

/// Puts files on their way for `who`. ETOOMANYREFS: he has more under way than he may have open; ENOMEM.
pub(crate) fn send(who: &Caller<'_>, files: Vec<Arc<File>>) -> Result<Box<Cargo>> {
    let user = who.cred.uid;
    let mut cargo = try_box(Cargo {
        files: Vec::new(),
        user: None,
        next: None,
    })?;
    let mut all = ALL.lock();
    let under_way = all.account(user).map_or(0, |a| a.files);
    if under_way as u64 > who.fd_limit() && !who.may(cap::SYS_RESOURCE) && !who.may(cap::SYS_ADMIN)
    {
        return Err(Errno::ETOOMANYREFS);
    }
    all.reserve(files.len())?;
    for file in &files {
        all.depart(file)?;
    }
    match all.account(user) {
        Some(account) => account.files += files.len(),
        None => all.accounts.try_push(Account {
            user,
            files: files.len(),
        })?,
    }
    drop(all);
    sync::cost::passed(files.len());
    cargo.user = Some(user);
    cargo.files = files;
    Ok(cargo)
}

/// A copy of what a message holds, for `MSG_PEEK`; on nobody's account. `None`: no memory. The caller holds [`hold`].
pub(crate) fn copy(cargo: &Cargo) -> Option<Box<Cargo>> {
    let mut files = Vec::try_with_capacity(cargo.files.len()).ok()?;
    for file in &cargo.files {
        files.try_push(file.clone()).ok()?;
    }
    try_box(Cargo {
        files,
        user: None,
        next: None,
    })
    .ok()
}

/// They arrived, or never will: the files, on nobody's account.
pub(crate) fn take(cargo: &mut Cargo) -> Vec<Arc<File>> {
    let files = core::mem::take(&mut cargo.files);
    let Some(user) = cargo.user.take() else {
        return files;
    };
    for file in &files {
        let gone = ALL.lock().arrive(file);
        drop(gone);
    }
    let mut all = ALL.lock();
    if let Some(account) = all.account(user) {
        account.files -= files.len();
    }
    all.accounts.retain(|a| a.files != 0);
    files
}

/// Cargo that nobody took is thrown away.
impl Drop for Cargo {
    fn drop(&mut self) {
        if !self.files.is_empty() || self.next.is_some() {
            let chain = try_chain(self);
            throw_away(chain);
        }
    }
}

/// What a cargo held, as the start of a chain. Without memory for that its files are dropped here.
fn try_chain(cargo: &mut Cargo) -> Option<Box<Cargo>> {
    let next = cargo.next.take();
    let files = take(cargo);
    let mut fresh = match try_box(Cargo {
        files: Vec::new(),
        user: None,
        next: None,
    }) {
        Ok(fresh) => fresh,
        Err(_) => return next,
    };
    fresh.files = files;
    fresh.next = next;
    Some(fresh)
}

/// Throws a chain away, and looks for garbage afterwards. Who closes meanwhile leaves that to us.
pub(crate) fn throw_away(chain: Option<Box<Cargo>>) {
    if chain.is_none() {
        return;
    }
    let mine = !BUSY.swap(true, Ordering::SeqCst);
    unravel(chain);
    if mine {
        BUSY.store(false, Ordering::SeqCst);
    }
    collect();
}

/// Drops files that were on their way: none within another, as in [`throw_away`].
pub(crate) fn drop_files(files: Vec<Arc<File>>) {
    let mut chain = None;
    for file in files {
        chain = drop_file(file, chain);
    }
    throw_away(chain);
}

/// Drops a file; what waits in it, if it is the last reference to a socket, goes before `chain`.
fn drop_file(file: Arc<File>, chain: Option<Box<Cargo>>) -> Option<Box<Cargo>> {
    let chain = match socket_of(&file) {
        Some(socket) if Arc::strong_count(&file) == 1 => socket.take_all_cargo(chain),
        _ => chain,
    };
    drop(file);
    chain
}

/// A file's end may be the end of what waits in it, and so on, as long as somebody cares to make a row: each level is
/// taken apart here, and none within another.
fn unravel(mut chain: Option<Box<Cargo>>) {
    while let Some(mut cargo) = chain {
        chain = cargo.next.take();
        for file in take(&mut cargo) {
            chain = drop_file(file, chain);
        }
    }
}

impl UnixSocket {
    /// Takes all descriptors that wait in it and in what waits to be accepted, before `chain`.
    fn take_all_cargo(&self, chain: Option<Box<Cargo>>) -> Option<Box<Cargo>> {
        let mut chain = self.end.take_cargo(chain);
        let mut at = 0;
        while let Some(waiting) = self.waiting(at) {
            chain = waiting.end.take_cargo(chain);
            at += 1;
        }
        chain
    }

    /// A connection that waits to be accepted.
    fn waiting(&self, at: usize) -> Option<Arc<Self>> {
        self.end.backlog.lock().get(at).cloned()
    }
}

/// Looks for sockets that nobody can receive any more, and throws away what waits in them. Called when a socket closes.
pub(crate) fn collect() {
    if SOCKETS.load(Ordering::Relaxed) == 0 {
        return;
    }
    AGAIN.store(true, Ordering::SeqCst);
    while AGAIN.load(Ordering::SeqCst) && !BUSY.swap(true, Ordering::SeqCst) {
        AGAIN.store(false, Ordering::SeqCst);
        // Without memory it is left for the next time.
        let found = find_garbage().unwrap_or_default();
        let chain = found
            .iter()
            .fold(None, |chain, socket| socket.take_all_cargo(chain));
        // What is dropped closes sockets, which come here and find somebody at work.
        unravel(chain);
        drop(found);
        BUSY.store(false, Ordering::SeqCst);
    }
}

fn find_garbage() -> Result<Vec<Arc<UnixSocket>>> {
    let all = ALL.lock();
    let mut nodes = Vec::try_with_capacity(all.sockets.len())?;
    for traveller in &all.sockets {
        nodes.try_push(Node {
            references: traveller.file.strong_count(),
            in_flight: traveller.count,
        })?;
    }
    let mut edges = Vec::new();
    for (at, traveller) in all.sockets.iter().enumerate() {
        if nodes[at].references != nodes[at].in_flight {
            continue;
        }
        let mut note = |socket: &UnixSocket| -> Result<()> {
            let inbox = socket.end.inbox.lock();
            let cargo = inbox.records.iter().filter_map(|r| r.cargo.as_ref());
            for file in cargo.flat_map(|cargo| &cargo.files) {
                if let Some(held) = socket_of(file)
                    && let Ok(to) = all.place(held.end.id)
                {
                    edges.try_push((at, to))?;
                }
            }
            Ok(())
        };
        note(&traveller.socket)?;
        let mut child = 0;
        while let Some(waiting) = traveller.socket.waiting(child) {
            note(&waiting)?;
            child += 1;
        }
    }
    let dead = cycles::garbage(&nodes, &edges)?;
    let mut found = Vec::new();
    for (traveller, dead) in all.sockets.iter().zip(dead) {
        if dead {
            found.try_push(traveller.socket.clone())?;
        }
    }
    Ok(found)
}
