//! All connections, by the names of both ends.
use super::objects::{Pair, TcpSocket};
use abi::{Errno, Result};
use alloc::sync::Arc;
use hashbrown::HashTable;
use sync::{LockClass, Once, SpinLock, rank};
use tcp::{Seq, sip_hash};

static LINKS: LockClass = LockClass::new("inet.links", rank::SOCKETS);

static KEYS: Once<[[u64; 2]; 2]> = Once::new();

#[cold]
fn make_keys() -> &'static [[u64; 2]; 2] {
    let fresh = || [random::next_u64(), random::next_u64()];
    KEYS.get_or_init(|| [fresh(), fresh()])
}

impl Pair {
    /// As the other end has them.
    pub(super) const fn turned(self) -> Self {
        Self {
            own: self.peer,
            peer: self.own,
        }
    }

    /// A number that says nothing to who does not know the key.
    fn digest(self, key: usize) -> u64 {
        let keys = KEYS.get().unwrap_or_else(|| make_keys());
        let ips = u64::from(self.own.ip) << 32 | u64::from(self.peer.ip);
        let ports = u64::from(self.own.port) << 16 | u64::from(self.peer.port);
        sip_hash(keys[key], [ips, ports])
    }

    /// Where the numbers of a new connection begin (RFC 6528).
    pub(super) fn first_number(self) -> Seq {
        let clock = hal::clock::now_ns() >> 6;
        Seq((self.digest(0) as u32).wrapping_add(clock as u32))
    }
}

struct Link {
    pair: Pair,
    socket: Arc<TcpSocket>,
}

/// Parts of the table, so that connections of different ends meet at no lock.
const SHARDS: usize = 16;
static ALL: [SpinLock<HashTable<Link>>; SHARDS] =
    [const { SpinLock::new(&LINKS, HashTable::new()) }; SHARDS];

fn shard(hash: u64) -> &'static SpinLock<HashTable<Link>> {
    &ALL[(hash >> 40) as usize % SHARDS]
}

/// Adds a connection. EADDRNOTAVAIL: there is one of these names, which `may_go` does not let go; ENOMEM.
#[expect(clippy::disallowed_methods, reason = "room is made before")]
pub(super) fn add(pair: Pair, socket: &Arc<TcpSocket>) -> Result<()> {
    let hash = pair.digest(1);
    let mut shard = shard(hash).lock();
    if shard.find(hash, |link| link.pair == pair).is_some() {
        return Err(Errno::EADDRNOTAVAIL);
    }
    let rehash = |link: &Link| link.pair.digest(1);
    if shard.try_reserve(1, rehash).is_err() {
        return Err(Errno::ENOMEM);
    }
    let socket = socket.clone();
    shard.insert_unique(hash, Link { pair, socket }, rehash);
    Ok(())
}

/// The connection of these names.
pub(super) fn find(pair: Pair) -> Option<Arc<TcpSocket>> {
    let hash = pair.digest(1);
    let shard = shard(hash).lock();
    let found = shard.find(hash, |link| link.pair == pair);
    found.map(|link| link.socket.clone())
}

/// Takes a connection out.
pub(super) fn remove(pair: Pair, socket: &TcpSocket) {
    let hash = pair.digest(1);
    let gone = {
        let mut shard = shard(hash).lock();
        let own = |link: &Link| link.pair == pair && core::ptr::eq(&raw const *link.socket, socket);
        shard
            .find_entry(hash, own)
            .ok()
            .map(|entry| entry.remove().0)
    };
    drop(gone);
}
