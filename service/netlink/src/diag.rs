//! The kernel's end of NETLINK_SOCK_DIAG: what families tell of their sockets (sock_diag(7)).
//!
//! A request for all of a family's sockets is answered as far as there is room in the asker's queue, and goes on as he takes
//! what is there.
use crate::dump::{Dump, Dumping};
use crate::endpoint::NetlinkSocket;
use crate::queue::{Full, Message};
use abi::netlink::{NLM_F_ACK, NLM_F_CAPPED, NLM_F_DUMP, NLM_F_MULTI, NLM_F_REQUEST};
use abi::netlink::{NLMSG_DONE, NLMSG_ERROR, NLMSG_MIN_TYPE};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::{TryVec, try_arc};
use socket::Credentials;

/// `SOCK_DIAG_BY_FAMILY`, `SOCK_DESTROY`, and the two older ones of the Internet alone.
const BY_FAMILY: u16 = 20;
const DESTROY: u16 = 21;
const OLD: [u16; 2] = [18, 19];
/// Families that there are numbers for.
const FAMILIES: u8 = 46;
/// Bytes of `struct nlmsghdr`.
const HEAD: usize = 16;
/// About how much goes in one answer.
const BATCH: usize = 4096;

/// `struct nlmsghdr`.
#[derive(Clone, Copy)]
struct Head {
    kind: u16,
    flags: u16,
    seq: u32,
}

/// A program asked: each message of what it sent is a request, and what is none has no meaning.
pub(crate) fn told(asker: &NetlinkSocket, bytes: &[u8]) {
    let mut rest = bytes;
    while rest.len() >= HEAD {
        let half = |at: usize| u16::from_ne_bytes([rest[at], rest[at + 1]]);
        let word = |at: usize| u32::from(half(at)) | u32::from(half(at + 2)) << 16;
        let len = word(0) as usize;
        if len < HEAD || len > rest.len() {
            return;
        }
        let head = Head {
            kind: half(4),
            flags: half(6),
            seq: word(8),
        };
        let has = |flag: u32| u32::from(head.flags) & flag != 0;
        let result = match has(NLM_F_REQUEST) && u32::from(head.kind) >= NLMSG_MIN_TYPE {
            true => answer(asker, head, &rest[HEAD..len]),
            false => Ok(Answered::Wholly),
        };
        match result {
            Ok(Answered::InParts) => {}
            Ok(Answered::Wholly) if !has(NLM_F_ACK) => {}
            result => acknowledge(asker, head.seq, result.err(), &rest[..len]),
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
}

/// How a request was answered: one for all sockets ends with a message of its own.
enum Answered {
    Wholly,
    InParts,
}

/// EINVAL: it makes no sense; ENOENT: nothing is known of that family, or there is no such socket; EOPNOTSUPP; EBUSY: the
/// one before is not answered yet; ESTALE; ENOMEM.
fn answer(asker: &NetlinkSocket, head: Head, request: &[u8]) -> Result<Answered> {
    if OLD.contains(&head.kind) {
        return Err(Errno::EOPNOTSUPP);
    }
    if !matches!(head.kind, BY_FAMILY | DESTROY) {
        return Err(Errno::EINVAL);
    }
    let [number, _, ..] = *request else {
        return Err(Errno::EINVAL);
    };
    if number >= FAMILIES {
        return Err(Errno::EINVAL);
    }
    let family = socket::diag(number.into()).ok_or(Errno::ENOENT)?;
    if head.kind == DESTROY {
        return Err(Errno::EOPNOTSUPP);
    }
    family.check(request)?;
    if u32::from(head.flags) & NLM_F_DUMP == 0 {
        let body = family.one(request)?;
        let mut bytes = Vec::new();
        append(&mut bytes, asker, (BY_FAMILY, 0, head.seq), &[&body])?;
        say(asker, bytes)?;
        return Ok(Answered::Wholly);
    }
    let dump = Dump {
        family,
        request: Vec::try_from_slice(request)?,
        seq: head.seq,
        from: 0,
        next: None,
        done: false,
    };
    {
        let mut dumping = asker.dumping.lock();
        if !matches!(*dumping, Dumping::No) {
            return Err(Errno::EBUSY);
        }
        *dumping = Dumping::Waits(dump);
    }
    go_on(asker);
    Ok(Answered::InParts)
}

/// Answers a request for all sockets as far as there is room.
pub(crate) fn go_on(asker: &NetlinkSocket) {
    let mut dump = {
        let mut dumping = asker.dumping.lock();
        match core::mem::replace(&mut *dumping, Dumping::Busy) {
            Dumping::Waits(dump) => dump,
            other => {
                *dumping = other;
                return;
            }
        }
    };
    let after = match dump.fill(asker) {
        true => Dumping::No,
        false => Dumping::Waits(dump),
    };
    *asker.dumping.lock() = after;
}

impl Dump {
    /// Whether nothing is left to say. What there is no memory for is lost, which the asker hears.
    fn fill(&mut self, asker: &NetlinkSocket) -> bool {
        loop {
            let message = match self.next.take() {
                Some(message) => message,
                None if self.done => return true,
                None => match self.batch(asker) {
                    Ok(message) => message,
                    Err(_) => return lost(asker),
                },
            };
            match asker.queue(&message) {
                Ok(_) => {}
                Err(Full::Memory) => return lost(asker),
                Err(Full::Room) => {
                    self.next = Some(message);
                    return false;
                }
            }
        }
    }

    fn batch(&mut self, asker: &NetlinkSocket) -> Result<Arc<Message>> {
        let mut bytes = Vec::new();
        while bytes.len() < BATCH {
            let Some((body, from)) = self.family.next(&self.request, self.from)? else {
                let end = (NLMSG_DONE as u16, NLM_F_MULTI as u16, self.seq);
                append(&mut bytes, asker, end, &[&[0; 4]])?;
                self.done = true;
                break;
            };
            self.from = from;
            let part = (BY_FAMILY, NLM_F_MULTI as u16, self.seq);
            append(&mut bytes, asker, part, &[&body])?;
        }
        message(bytes)
    }
}

fn lost(asker: &NetlinkSocket) -> bool {
    asker.base.set_error(Errno::ENOBUFS);
    true
}

/// Tells whether a request failed, and repeats it then.
fn acknowledge(asker: &NetlinkSocket, seq: u32, error: Option<Errno>, request: &[u8]) {
    let code = -error.map_or(0, Errno::code);
    let (flags, repeated) = match error {
        Some(_) => (0, request),
        None => (NLM_F_CAPPED as u16, &request[..HEAD]),
    };
    let mut bytes = Vec::new();
    let head = (NLMSG_ERROR as u16, flags, seq);
    let done = append(&mut bytes, asker, head, &[&code.to_ne_bytes(), repeated]);
    if done.and_then(|()| say(asker, bytes)).is_err() {
        lost(asker);
    }
}

/// Appends a message: its type, flags and sequence number, and what it holds. ENOMEM.
fn append(
    bytes: &mut Vec<u8>,
    asker: &NetlinkSocket,
    (kind, flags, seq): (u16, u16, u32),
    parts: &[&[u8]],
) -> Result<()> {
    let len = HEAD + parts.iter().map(|part| part.len()).sum::<usize>();
    bytes.try_extend(&(len as u32).to_ne_bytes())?;
    bytes.try_extend(&kind.to_ne_bytes())?;
    bytes.try_extend(&flags.to_ne_bytes())?;
    bytes.try_extend(&seq.to_ne_bytes())?;
    bytes.try_extend(&asker.port().unwrap_or(0).to_ne_bytes())?;
    for part in parts {
        bytes.try_extend(part)?;
    }
    bytes.try_extend(&[0; 3][..len.next_multiple_of(4) - len])
}

fn message(bytes: Vec<u8>) -> Result<Arc<Message>> {
    try_arc(Message {
        bytes,
        port: 0,
        group: 0,
        sender: Credentials::default(),
    })
}

fn say(asker: &NetlinkSocket, bytes: Vec<u8>) -> Result<()> {
    let message = message(bytes)?;
    asker.queue(&message).map(drop).map_err(|_| Errno::ENOBUFS)
}
