//! What sock_diag(7) tells of these sockets.
use crate::list;
use crate::objects::{End, phase};
use abi::net::AF_UNIX;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use kmem::TryVec;
use socket::{Caller, Diag};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct unix_diag_req`.
#[derive(Clone, Copy, FromBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Request {
    family: u8,
    protocol: u8,
    pad: u16,
    /// States that are wanted, one bit each.
    states: u32,
    ino: u32,
    /// What is wanted, see [`show`].
    show: u32,
    cookie: [u32; 2],
}

/// `struct unix_diag_msg`.
#[derive(IntoBytes, Immutable)]
#[repr(C)]
struct Head {
    family: u8,
    kind: u8,
    state: u8,
    pad: u8,
    ino: u32,
    cookie: [u32; 2],
}

/// `UDIAG_SHOW_*`.
mod show {
    pub(super) const NAME: u32 = 0x1;
    pub(super) const NODE: u32 = 0x2;
    pub(super) const PEER: u32 = 0x4;
    pub(super) const PENDING: u32 = 0x8;
    pub(super) const QUEUES: u32 = 0x10;
    pub(super) const MEMORY: u32 = 0x20;
    pub(super) const OWNER: u32 = 0x40;
}

/// `UNIX_DIAG_*`.
mod attr {
    pub(super) const NAME: u16 = 0;
    pub(super) const NODE: u16 = 1;
    pub(super) const PEER: u16 = 2;
    pub(super) const PENDING: u16 = 3;
    pub(super) const QUEUES: u16 = 4;
    pub(super) const MEMORY: u16 = 5;
    pub(super) const SHUT: u16 = 6;
    pub(super) const OWNER: u16 = 7;
}

/// `TCP_*`: how Linux numbers the states of all sockets.
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const LISTEN: u8 = 10;

pub(crate) struct Ends;

impl Diag for Ends {
    fn check(&self, request: &[u8]) -> Result<()> {
        read(request).map(drop)
    }

    fn one(&self, request: &[u8]) -> Result<Vec<u8>> {
        let request = read(request)?;
        if request.ino == 0 {
            return Err(Errno::EINVAL);
        }
        let mut from = 0;
        while let Some((end, next)) = list::next(from) {
            if ino(&end) == request.ino {
                let any = [u32::MAX; 2];
                if request.cookie != any && request.cookie != cookie(&end) {
                    return Err(Errno::ESTALE);
                }
                return tell(&end, &request);
            }
            from = next;
        }
        Err(Errno::ENOENT)
    }

    fn next(&self, request: &[u8], from: u64) -> Result<Option<(Vec<u8>, u64)>> {
        let request = read(request)?;
        let mut from = from;
        while let Some((end, next)) = list::next(from) {
            if request.states & 1 << state(&end) != 0 {
                return Ok(Some((tell(&end, &request)?, next)));
            }
            from = next;
        }
        Ok(None)
    }
}

fn read(bytes: &[u8]) -> Result<Request> {
    let (request, _) = Request::read_from_prefix(bytes).map_err(|_| Errno::EINVAL)?;
    Ok(request)
}

fn state(end: &End) -> u8 {
    match end.phase() {
        phase::CONNECTED => ESTABLISHED,
        phase::LISTENS => LISTEN,
        _ => CLOSE,
    }
}

fn ino(end: &End) -> u32 {
    end.ino.load(Ordering::Relaxed) as u32
}

fn cookie(end: &End) -> [u32; 2] {
    let cookie = end.base.cookie();
    [cookie as u32, (cookie >> 32) as u32]
}

/// All that is wanted of a socket.
fn tell(end: &Arc<End>, request: &Request) -> Result<Vec<u8>> {
    let head = Head {
        family: AF_UNIX as u8,
        kind: end.base.kind as u8,
        state: state(end),
        pad: 0,
        ino: ino(end),
        cookie: cookie(end),
    };
    let mut out = Vec::try_from_slice(head.as_bytes())?;
    let wants = |what: u32| request.show & what != 0;
    if wants(show::NAME)
        && let Some(name) = end.name.get()
    {
        let nul: &[u8] = if name.is_path { b"\0" } else { b"" };
        add(&mut out, attr::NAME, &[&name.bytes, nul])?;
    }
    let node = end.node.lock().clone();
    if wants(show::NODE)
        && let Some(node) = node
    {
        let inode = node.inode()?;
        let words = [inode.ino() as u32, device(inode.sb().dev())];
        add(&mut out, attr::NODE, &[words.as_bytes()])?;
    }
    if wants(show::PEER)
        && let Some(peer) = end.partner_ino()
    {
        add(&mut out, attr::PEER, &[&(peer as u32).to_ne_bytes()])?;
    }
    let listens = end.phase() == phase::LISTENS;
    if wants(show::PENDING) && listens {
        add(&mut out, attr::PENDING, &[pending(end)?.as_bytes()])?;
    }
    let charged = end.charged.load(Ordering::Relaxed) as u32;
    if wants(show::QUEUES) {
        let words = match listens {
            true => [
                end.pending.load(Ordering::Relaxed),
                end.most.load(Ordering::Relaxed),
            ],
            false => [end.waiting_bytes() as u32, charged],
        };
        add(&mut out, attr::QUEUES, &[words.as_bytes()])?;
    }
    if wants(show::MEMORY) {
        let mut words = [0u32; 9];
        words[0] = end.waiting_cost() as u32;
        words[1] = end.base.receive_room() as u32;
        words[2] = charged;
        words[3] = end.base.send_room() as u32;
        add(&mut out, attr::MEMORY, &[words.as_bytes()])?;
    }
    if wants(show::OWNER) {
        let uid = cred::Kuid(end.owner.load(Ordering::Relaxed));
        let seen = Caller::with_current(|who| Ok(who.cred.user_ns.uid(uid)))?;
        add(&mut out, attr::OWNER, &[&seen.to_ne_bytes()])?;
    }
    add(&mut out, attr::SHUT, &[&[end.shut()]])?;
    Ok(out)
}

/// A device number as this message has it: 12 bits and 20, in place of what stat(2) makes of them.
fn device(dev: u64) -> u32 {
    let (major, minor) = (dev >> 8 & 0xfff, dev & 0xff | dev >> 12 & 0xfff00);
    (major << 20 | minor) as u32
}

/// The sockets that wait to be accepted, by those that connected.
fn pending(end: &End) -> Result<Vec<u32>> {
    let count = end.pending.load(Ordering::Acquire) as usize;
    let mut all = Vec::try_with_capacity(count)?;
    for socket in end.backlog.lock().iter().take(count) {
        let ino = socket.end.partner_ino().unwrap_or(0);
        all.try_push(ino as u32)?;
    }
    Ok(all)
}

/// Adds an attribute. ENOMEM.
fn add(out: &mut Vec<u8>, kind: u16, parts: &[&[u8]]) -> Result<()> {
    const HEAD: usize = 4;
    let len = HEAD + parts.iter().map(|part| part.len()).sum::<usize>();
    out.try_extend(&(len as u16).to_ne_bytes())?;
    out.try_extend(&kind.to_ne_bytes())?;
    for part in parts {
        out.try_extend(part)?;
    }
    out.try_extend(&[0; 3][..len.next_multiple_of(4) - len])
}
