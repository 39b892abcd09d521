//! AF_UNIX: sockets between processes of one machine, with streams, datagrams and sequenced packets.
//!
//! **Job.** An [`End`](objects::End) has a queue of what waits to be received. A sender copies once into its pages, a
//! receiver once out of them; who sends finds the other end without a lock or a count, since a connection never changes. A
//! message keeps its boundary, its cost, and what was sent along: descriptors, and who sent it.
//!
//! | file | holds |
//! |---|---|
//! | `objects.rs` | what all is made of: [`UnixSocket`](objects::UnixSocket), [`End`](objects::End), [`Record`](objects::Record) |
//! | `end.rs` | an end: its room, its waiters, what poll(2) says |
//! | `pages.rs`, `cost.rs` | the bytes that wait; what they cost |
//! | `inbox.rs` | putting messages into a queue, taking them out |
//! | `stream.rs`, `datagram.rs` | sending and receiving |
//! | `urgent.rs` | the byte out of band of a stream |
//! | `connect.rs`, `close.rs` | bind, listen, connect, accept, socketpair; shutdown and close |
//! | `names.rs` | names: in the file system, abstract, chosen by the kernel |
//! | `parcel.rs` | what control messages send along |
//! | `flight.rs`, `cycles.rs` | descriptors on their way: whose they are, and which nobody can receive any more |
//! | `list.rs`, `diag.rs` | all sockets, and /proc/net/unix; what sock_diag(7) tells of them |
//! | `socket.rs` | the face to `service/socket` |
//!
//! **Called by** `socket` and the image; **calls** `socket`, `vfs`, `task`, `kmem`, `sync`.
//!
//! **Locks**: descriptors on their way (rank `UNIX_FLIGHT`) → an inbox (`UNIX_INBOX`, held over user copies) → page faults.
//! A listener's backlog → the identity of who connects; those and the tables of names and sockets are spinning leaves.
//!
//! Specification: unix(7), socket(7), send(2), recv(2), cmsg(3), proc(5).
#![no_std]
#![forbid(unsafe_code)]

#[cfg(any(test, target_os = "none"))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(any(test, target_os = "none"))]
mod cost;
#[cfg(any(test, target_os = "none"))]
mod cycles;
#[cfg(any(test, target_os = "none"))]
mod pages;

#[cfg(target_os = "none")]
mod close;
#[cfg(target_os = "none")]
mod connect;
#[cfg(target_os = "none")]
mod datagram;
#[cfg(target_os = "none")]
mod diag;
#[cfg(target_os = "none")]
mod end;
#[cfg(target_os = "none")]
mod flight;
#[cfg(target_os = "none")]
mod inbox;
#[cfg(target_os = "none")]
mod list;
#[cfg(target_os = "none")]
mod names;
#[cfg(target_os = "none")]
mod objects;
#[cfg(target_os = "none")]
mod parcel;
#[cfg(target_os = "none")]
mod socket;
#[cfg(target_os = "none")]
mod stream;
#[cfg(target_os = "none")]
mod urgent;

#[cfg(target_os = "none")]
pub use family::init;

#[cfg(target_os = "none")]
mod family {
    use crate::diag::Ends;
    use crate::list;
    use crate::objects::UnixSocket;
    use ::socket::{Caller, Diag, Family, Socket, Table};
    use abi::net::{AF_UNIX, SOCK_DGRAM, SOCK_RAW, SOCK_SEQPACKET, SOCK_STREAM};
    use abi::{Errno, Result};
    use alloc::sync::Arc;

    struct Unix;

    impl Family for Unix {
        fn number(&self) -> u32 {
            AF_UNIX
        }

        fn create(&self, _who: &Caller<'_>, kind: u32, protocol: i32) -> Result<Arc<dyn Socket>> {
            if protocol != 0 && protocol != AF_UNIX as i32 {
                return Err(Errno::EPROTONOSUPPORT);
            }
            let kind = match kind {
                SOCK_STREAM | SOCK_DGRAM | SOCK_SEQPACKET => kind,
                SOCK_RAW => SOCK_DGRAM,
                _ => return Err(Errno::ESOCKTNOSUPPORT),
            };
            UnixSocket::new(kind).map(|socket| socket as Arc<dyn Socket>)
        }

        fn diag(&self) -> Option<&'static dyn Diag> {
            Some(&Ends)
        }

        fn tables(&self) -> &'static [Table] {
            &[("unix", list::show)]
        }
    }

    /// Makes the family known. EBUSY: a second time; ENOMEM.
    pub fn init() -> Result<()> {
        ::socket::register(&Unix)
    }
}
