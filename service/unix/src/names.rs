//! Names: of the file system, abstract ones, and those that the kernel chooses (unix(7), "Address format").
use crate::objects::{End, Name};
use abi::net::AF_UNIX;
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use hashbrown::HashTable;
use kmem::{TryVec, try_arc};
use socket::{Address, Caller};
use sync::{LockClass, SpinLock, rank};
use vfs::{Access, FileType, LookupFlags, Make, WalkCtx};

static ABSTRACT: LockClass = LockClass::new("unix.abstract", rank::NONE);

/// Bytes before the name, and `sizeof(struct sockaddr_un)`.
const FAMILY: usize = 2;
const LONGEST: usize = 110;

/// What an address says.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted<'a> {
    /// Up to the first NUL.
    Path(&'a [u8]),
    /// With the NUL in front.
    Abstract(&'a [u8]),
}

impl<'a> Wanted<'a> {
    /// EINVAL: too short, too long, or of another family.
    pub(crate) fn read(address: &'a [u8]) -> Result<Self> {
        if !(FAMILY + 1..=LONGEST).contains(&address.len()) || !is_unix(address) {
            return Err(Errno::EINVAL);
        }
        let name = &address[FAMILY..];
        if name[0] == 0 {
            return Ok(Self::Abstract(name));
        }
        let end = name.iter().position(|byte| *byte == 0);
        Ok(Self::Path(&name[..end.unwrap_or(name.len())]))
    }
}

/// Whether an address is of this family.
fn is_unix(address: &[u8]) -> bool {
    let family = address.first_chunk::<2>();
    family.is_some_and(|family| u32::from(u16::from_ne_bytes(*family)) == AF_UNIX)
}

/// Whether an address asks for a name that the kernel chooses.
pub(crate) fn is_choice(address: &[u8]) -> bool {
    address.len() == FAMILY && is_unix(address)
}

impl Name {
    fn new(bytes: &[u8], is_path: bool) -> Result<Arc<Self>> {
        try_arc(Self {
            bytes: Vec::try_from_slice(bytes)?,
            is_path,
        })
    }
}

/// The address of an end: its family alone if it has no name.
pub(crate) fn address(end: &End) -> Result<Address> {
    let mut bytes = [0; LONGEST + 1];
    bytes[..FAMILY].copy_from_slice(&(AF_UNIX as u16).to_ne_bytes());
    let Some(name) = end.name.get() else {
        return Address::new(&bytes[..FAMILY]);
    };
    let end = FAMILY + name.bytes.len();
    bytes[FAMILY..end].copy_from_slice(&name.bytes);
    Address::new(&bytes[..end + usize::from(name.is_path)])
}

/// An abstract name that is taken; the kinds of sockets have one space each.
struct Taken {
    kind: u32,
    name: Arc<Name>,
    end: Weak<End>,
}

const SHARDS: usize = 16;
static TAKEN: [SpinLock<HashTable<Taken>>; SHARDS] =
    [const { SpinLock::new(&ABSTRACT, HashTable::new()) }; SHARDS];

fn hash(kind: u32, name: &[u8]) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ u64::from(kind);
    let mixed = name.iter().fold(start, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    mixed ^ mixed >> 32
}

fn shard(hash: u64) -> &'static SpinLock<HashTable<Taken>> {
    &TAKEN[hash as usize % SHARDS]
}

/// Gives an end an abstract name. EADDRINUSE; EINVAL: it got another meanwhile; ENOMEM.
#[expect(clippy::disallowed_methods, reason = "room is made before")]
fn take(end: &Arc<End>, name: &[u8]) -> Result<()> {
    let (kind, hash_of) = (end.base.kind, hash(end.base.kind, name));
    let name = Name::new(name, false)?;
    {
        let mut shard = shard(hash_of).lock();
        let same = |taken: &Taken| taken.kind == kind && taken.name.bytes == name.bytes;
        if shard.find(hash_of, same).is_some() {
            return Err(Errno::EADDRINUSE);
        }
        let rehash = |taken: &Taken| hash(taken.kind, &taken.name.bytes);
        if shard.try_reserve(1, rehash).is_err() {
            return Err(Errno::ENOMEM);
        }
        let taken = Taken {
            kind,
            name: name.clone(),
            end: Arc::downgrade(end),
        };
        shard.insert_unique(hash_of, taken, rehash);
    }
    if end.name.set(name.clone()).is_err() {
        release_name(kind, &name);
        return Err(Errno::EINVAL);
    }
    Ok(())
}

fn release_name(kind: u32, name: &Arc<Name>) {
    let hash_of = hash(kind, &name.bytes);
    let gone = {
        let mut shard = shard(hash_of).lock();
        let found = shard.find_entry(hash_of, |taken| Arc::ptr_eq(&taken.name, name));
        found.ok().map(|entry| entry.remove().0)
    };
    drop(gone);
}

/// An end is closed: an abstract name of its own is free again.
pub(crate) fn release(end: &End) {
    if let Some(name) = end.name.get()
        && !name.is_path
    {
        release_name(end.base.kind, name);
    }
}

/// Gives an end without a name one of five digits. ENOSPC: all are taken; ENOMEM.
pub(crate) fn choose(end: &Arc<End>) -> Result<()> {
    const CHOICES: u32 = 1 << 20;
    let first = random::next_u64() as u32;
    for n in 0..CHOICES {
        if end.name.get().is_some() {
            return Ok(());
        }
        let mut number = first.wrapping_add(n) % CHOICES;
        let mut name = [0; 6];
        for digit in name[1..].iter_mut().rev() {
            *digit = b"0123456789abcdef"[number as usize % 16];
            number /= 16;
        }
        match take(end, &name) {
            Err(Errno::EADDRINUSE | Errno::EINVAL) => {}
            result => return result,
        }
    }
    Err(Errno::ENOSPC)
}

/// What the inode of a bound socket keeps: the end, as long as it is.
struct Bound(Weak<End>);

fn walk<'a>(who: &Caller<'a>) -> Result<WalkCtx<'a>> {
    Ok(WalkCtx::new(who.fs.ok_or(Errno::EINVAL)?, who.cred))
}

/// bind(2). EINVAL: it has a name; EADDRINUSE; what making the node says; ENOMEM.
pub(crate) fn bind(who: &Caller<'_>, end: &Arc<End>, wanted: Wanted<'_>) -> Result<()> {
    let path = match wanted {
        Wanted::Path(path) => path,
        Wanted::Abstract(_) if end.name.get().is_some() => return Err(Errno::EINVAL),
        Wanted::Abstract(name) => return take(end, name),
    };
    let name = Name::new(path, true)?;
    let bound = try_arc(Bound(Arc::downgrade(end)))?;
    // bind(2) asks for the umask itself: a default access list of the directory does not put it aside.
    let walk_from = walk(who)?;
    let node = Make::Node(FileType::Socket, 0o777 & !walk_from.fs.umask(), 0);
    let place = vfs::make_there(walk_from, path, node).map_err(|e| match e {
        Errno::EEXIST => Errno::EADDRINUSE,
        e => e,
    })?;
    place.inode()?.extra_or_set(bound);
    if end.name.set(name).is_err() {
        let _ = vfs::unlink(walk(who)?, path);
        return Err(Errno::EINVAL);
    }
    *end.node.lock() = Some(place);
    Ok(())
}

/// The end that an address names. ECONNREFUSED: there is none; EPROTOTYPE: it is of another kind; EINVAL; what the walk
/// says; EACCES: it may not be written to.
pub(crate) fn find(who: &Caller<'_>, address: &[u8], kind: u32) -> Result<Arc<End>> {
    let path = match Wanted::read(address)? {
        Wanted::Path(path) => path,
        Wanted::Abstract(name) => return find_abstract(name, kind),
    };
    let place = vfs::lookup(walk(who)?, path, LookupFlags::FOLLOW)?;
    let inode = place.inode()?;
    inode.permission(who.cred, Access::WRITE)?;
    if inode.mode() & raw::S_IFMT != raw::S_IFSOCK {
        return Err(Errno::ECONNREFUSED);
    }
    let bound = inode
        .extra()
        .and_then(|extra| extra.downcast_ref::<Bound>());
    let end = bound.and_then(|bound| bound.0.upgrade());
    let end = end
        .filter(|end| !end.is_dead())
        .ok_or(Errno::ECONNREFUSED)?;
    match end.base.kind == kind {
        true => Ok(end),
        false => Err(Errno::EPROTOTYPE),
    }
}

fn find_abstract(name: &[u8], kind: u32) -> Result<Arc<End>> {
    let hash_of = hash(kind, name);
    let shard = shard(hash_of).lock();
    let found = shard.find(hash_of, |taken| {
        taken.kind == kind && taken.name.bytes == name
    });
    let end = found.and_then(|taken| taken.end.upgrade());
    end.ok_or(Errno::ECONNREFUSED)
}
