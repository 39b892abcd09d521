//! Who is bound where: [`Ports`].
use crate::address::Endpoint;
use crate::common::Common;
use abi::net::{SO_REUSEADDR, SO_REUSEPORT};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use hashbrown::HashTable;
use kmem::TryVec;
use socket::limits::LOCAL_PORTS;
use sync::{LockClass, SpinLock, rank};

static PORTS: LockClass = LockClass::new("inet.ports", rank::SOCKETS);

/// What has a port.
pub(crate) trait Bound: Send + Sync + 'static {
    fn common(&self) -> &Common;
}

/// The sockets of one port. Each knows its place in the list that it is in ([`Common::place`]).
struct Port<S> {
    number: u16,
    /// Those that asked for it.
    sockets: Vec<Arc<S>>,
    /// Those that came by it: connections that one of the first was asked for. There may be very many.
    joined: Vec<Arc<S>>,
}

impl<S> Port<S> {
    fn all(&self) -> impl Iterator<Item = &Arc<S>> {
        self.sockets.iter().chain(&self.joined)
    }
}

/// All ports of a protocol. A socket stands here until it is released, so somebody has to.
pub(crate) struct Ports<S> {
    ports: SpinLock<HashTable<Port<S>>>,
}

/// Whether a port is to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    /// By as many as allow each other.
    Agreed,
    /// By none, since the kernel chooses and has others to choose.
    None,
}

fn hash(number: &u16) -> u64 {
    u64::from(*number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<S: Bound> Ports<S> {
    pub(crate) const fn new() -> Self {
        Self {
            ports: SpinLock::new(&PORTS, HashTable::new()),
        }
    }

    /// Gives a socket a port, and the address that it wants; port 0 is any that is free.
    ///
    /// # Errors
    /// `EADDRINUSE`; `EINVAL`: it has one; `ENOMEM`.
    pub(crate) fn claim(&self, socket: &Arc<S>, wanted: Endpoint) -> Result<u16> {
        let mut ports = self.ports.lock();
        let common = socket.common();
        if common.names().bound != 0 {
            return Err(Errno::EINVAL);
        }
        let number = match wanted.port {
            0 => choose(&ports, common, wanted.ip)?,
            number if is_free(&ports, common, wanted.ip, number, Sharing::Agreed) => number,
            _ => return Err(Errno::EADDRINUSE),
        };
        add(&mut ports, number, socket, |port| &mut port.sockets)?;
        common.rename(|names| {
            names.own = Endpoint {
                ip: wanted.ip,
                port: number,
            };
            names.bound = number;
        });
        Ok(number)
    }

    /// Puts a socket to a port beside the one that it got its names from. ENOMEM.
    pub(crate) fn join(&self, socket: &Arc<S>, names: crate::common::Names) -> Result<()> {
        let mut ports = self.ports.lock();
        add(&mut ports, names.bound, socket, |port| &mut port.joined)?;
        socket.common().rename(|own| *own = names);
        Ok(())
    }

    /// Has a bound socket do something if no other of its port and address does the like that it may not share with.
    /// EADDRINUSE; ENOTCONN: it has no port.
    pub(crate) fn alone<R>(&self, socket: &S, act: impl FnOnce() -> R) -> Result<R> {
        let ports = self.ports.lock();
        let common = socket.common();
        let names = common.names();
        if names.bound == 0 {
            return Err(Errno::ENOTCONN);
        }
        match is_free(&ports, common, names.own.ip, names.bound, Sharing::Agreed) {
            true => Ok(act()),
            false => Err(Errno::EADDRINUSE),
        }
    }

    /// Takes a socket's port away.
    pub(crate) fn release(&self, socket: &S) {
        let gone = {
            let mut ports = self.ports.lock();
            let number = socket
                .common()
                .rename(|names| core::mem::take(&mut names.bound));
            remove(&mut ports, number, socket)
        };
        drop(gone);
    }

    /// Looks at the sockets that asked for a port.
    pub(crate) fn look<R>(&self, number: u16, look: impl FnOnce(&[Arc<S>]) -> R) -> R {
        let ports = self.ports.lock();
        let found = ports.find(hash(&number), |port| port.number == number);
        look(found.map_or(&[], |port| &port.sockets))
    }

    /// The socket at a place of a port, for who looks at all of them.
    pub(crate) fn at(&self, number: u16, place: usize) -> Option<Arc<S>> {
        let ports = self.ports.lock();
        let port = ports.find(hash(&number), |port| port.number == number)?;
        let found = match place.checked_sub(port.sockets.len()) {
            None => port.sockets.get(place),
            Some(place) => port.joined.get(place),
        };
        found.cloned()
    }
}

/// Adds a socket to a port. ENOMEM.
#[expect(clippy::disallowed_methods, reason = "room is made before")]
fn add<S: Bound>(
    ports: &mut HashTable<Port<S>>,
    number: u16,
    socket: &Arc<S>,
    list: impl Fn(&mut Port<S>) -> &mut Vec<Arc<S>>,
) -> Result<()> {
    let hash_of = hash(&number);
    if let Some(port) = ports.find_mut(hash_of, |port| port.number == number) {
        let list = list(port);
        list.try_push(socket.clone())?;
        stands_at(&**socket, list.len() - 1);
        return Ok(());
    }
    let rehash = |port: &Port<S>| hash(&port.number);
    if ports.try_reserve(1, rehash).is_err() {
        return Err(Errno::ENOMEM);
    }
    let mut port = Port {
        number,
        sockets: Vec::new(),
        joined: Vec::new(),
    };
    list(&mut port).try_push(socket.clone())?;
    stands_at(&**socket, 0);
    ports.insert_unique(hash_of, port, rehash);
    Ok(())
}

fn stands_at(socket: &impl Bound, place: usize) {
    let place = place as u32; // there is no memory for as many
    socket.common().place.store(place, Ordering::Relaxed);
}

/// Takes a socket out of the list that it is in. The last one gets its place, so nothing is searched.
fn take<S: Bound>(list: &mut Vec<Arc<S>>, socket: &S) -> Option<Arc<S>> {
    let at = socket.common().place.load(Ordering::Relaxed) as usize;
    let there = list.get(at)?;
    if !core::ptr::eq(&raw const **there, socket) {
        return None;
    }
    let gone = list.swap_remove(at);
    if let Some(moved) = list.get(at) {
        stands_at(&**moved, at);
    }
    Some(gone)
}

/// Takes a socket out; with the last one the port goes.
fn remove<S: Bound>(
    ports: &mut HashTable<Port<S>>,
    number: u16,
    socket: &S,
) -> Option<(Arc<S>, Option<Port<S>>)> {
    let entry = ports.find_entry(hash(&number), |port| port.number == number);
    let mut entry = entry.ok()?;
    let port = entry.get_mut();
    let gone = take(&mut port.sockets, socket).or_else(|| take(&mut port.joined, socket))?;
    let empty = port.all().next().is_none();
    Some((gone, empty.then(|| entry.remove().0)))
}

/// A port that nobody has, of those that the kernel chooses from. EADDRINUSE: there is none.
fn choose<S: Bound>(ports: &HashTable<Port<S>>, common: &Common, ip: u32) -> Result<u16> {
    let (first, last) = LOCAL_PORTS.get();
    let many = u32::from(last - first) + 1;
    let start = random::next_u64() as u32 % many;
    (0..many)
        .map(|n| first + ((start + n) % many) as u16)
        .find(|number| is_free(ports, common, ip, *number, Sharing::None))
        .ok_or(Errno::EADDRINUSE)
}

/// Whether a socket may have a port (socket(7), `SO_REUSEADDR`, `SO_REUSEPORT`).
fn is_free<S: Bound>(
    ports: &HashTable<Port<S>>,
    common: &Common,
    ip: u32,
    number: u16,
    sharing: Sharing,
) -> bool {
    let Some(port) = ports.find(hash(&number), |port| port.number == number) else {
        return true;
    };
    let owner = |of: &Common| of.owner.load(Ordering::Relaxed);
    port.all().all(|other| {
        let other = other.common();
        if core::ptr::eq(other, common) {
            return true;
        }
        let theirs = other.names().own.ip;
        if ip != 0 && theirs != 0 && ip != theirs {
            return true;
        }
        let both = |option| common.base.is_on(option) && other.base.is_on(option);
        sharing == Sharing::Agreed
            && (both(SO_REUSEADDR) && !other.base.listens()
                || both(SO_REUSEPORT) && owner(common) == owner(other))
    })
}
