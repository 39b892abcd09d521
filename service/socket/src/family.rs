//! The families of sockets.
use crate::socket::Socket;
use crate::who::Caller;
use abi::net::{AF_INET, AF_INET6, AF_NETLINK, AF_PACKET, AF_UNIX};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, RwSpinLock, rank};
use vfs::SeqBuf;

static FAMILIES: LockClass = LockClass::new("socket.families", rank::NONE);

/// Families that there are numbers for (`AF_MAX`), and kinds of sockets (`SOCK_MAX`).
const MOST: i32 = 46;
const KINDS: i32 = 11;
/// Families that no module brings: those that Linux' distributions build in, which programs try at every turn.
const NEVER_IN_MODULES: [u32; 5] = [AF_UNIX, AF_INET, AF_INET6, AF_NETLINK, AF_PACKET];

/// Who makes sockets of a family.
pub trait Family: Send + Sync {
    /// Its number (`AF_*`).
    fn number(&self) -> u32;

    /// A socket.
    ///
    /// # Errors
    /// `ESOCKTNOSUPPORT`: no such kind; `EPROTONOSUPPORT`: no such protocol; `EPERM`; `ENOMEM`.
    fn create(&self, who: &Caller<'_>, kind: u32, protocol: i32) -> Result<Arc<dyn Socket>>;

    /// Who tells of its sockets by netlink (sock_diag(7)), if somebody does.
    fn diag(&self) -> Option<&'static dyn Diag> {
        None
    }

    /// Its files in `/proc/net`.
    fn tables(&self) -> &'static [Table] {
        &[]
    }
}

/// What sock_diag(7) asks of a family. A request is what follows `struct nlmsghdr`, an answer too.
pub trait Diag: Send + Sync {
    /// Whether a request makes sense. EINVAL.
    fn check(&self, request: &[u8]) -> Result<()>;

    /// Tells of the one socket that a request names. EINVAL; ENOENT: there is none; ESTALE: it is another one by now; ENOMEM.
    fn one(&self, request: &[u8]) -> Result<Vec<u8>>;

    /// Tells of the next socket that a request asks for, and where to look on; `from` is 0 at first. EINVAL; ENOMEM.
    fn next(&self, request: &[u8], from: u64) -> Result<Option<(Vec<u8>, u64)>>;
}

/// Who tells of a family's sockets.
#[must_use]
pub fn diag(family: u32) -> Option<&'static dyn Diag> {
    find(family)?.diag()
}

/// A file of `/proc/net`: its name, and what it says.
pub type Table = (&'static str, fn(&mut SeqBuf) -> Result<()>);

static REGISTRY: RwSpinLock<Vec<&'static dyn Family>> = RwSpinLock::new(&FAMILIES, Vec::new());

/// Adds a family. EBUSY: there is one of that number; ENOMEM.
pub fn register(family: &'static dyn Family) -> Result<()> {
    let mut all = REGISTRY.write();
    if all.iter().any(|f| f.number() == family.number()) {
        return Err(Errno::EBUSY);
    }
    all.try_push(family)
}

fn find(number: u32) -> Option<&'static dyn Family> {
    let all = REGISTRY.read();
    all.iter().find(|f| f.number() == number).copied()
}

/// The file of `/proc/net` at a place, counted from 0.
#[must_use]
pub fn table(place: usize) -> Option<Table> {
    let all = REGISTRY.read();
    all.iter().flat_map(|f| f.tables()).nth(place).copied()
}

/// Makes a socket (socket(2)). EAFNOSUPPORT: no such family; EINVAL: no such kind; the errors of [`Family::create`].
pub fn create(who: &Caller<'_>, family: i32, kind: i32, protocol: i32) -> Result<Arc<dyn Socket>> {
    if !(0..MOST).contains(&family) {
        return Err(Errno::EAFNOSUPPORT);
    }
    if !(0..KINDS).contains(&kind) {
        return Err(Errno::EINVAL);
    }
    let number = family as u32;
    if find(number).is_none() && !NEVER_IN_MODULES.contains(&number) {
        let _ = task::helper::request_module(&kmem::try_format!("net-pf-{number}")?);
    }
    let family = find(number).ok_or(Errno::EAFNOSUPPORT)?;
    family.create(who, kind as u32, protocol)
}
