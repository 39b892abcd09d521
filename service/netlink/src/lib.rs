//! AF_NETLINK: messages between the kernel and user space, and among programs; of its protocols NETLINK_KOBJECT_UEVENT,
//! by which the kernel tells of devices, NETLINK_SOCK_DIAG, which tells of sockets, and NETLINK_ROUTE, at which no kernel listens yet (ECONNREFUSED): mq_notify(2) says
//! through such a socket of a program's that a message came.
//!
//! | file | holds |
//! |---|---|
//! | `endpoint.rs` | [`NetlinkSocket`](endpoint::NetlinkSocket): port, groups and queue of a socket |
//! | `socket.rs` | what a program does with it |
//! | `queue.rs` | messages that wait in a socket, and when there are too many |
//! | `table.rs` | all sockets by port; who is in which group |
//! | `address.rs` | `struct sockaddr_nl` |
//! | `uevent.rs` | the kernel's end of NETLINK_KOBJECT_UEVENT |
//! | `diag.rs`, `dump.rs` | the kernel's end of NETLINK_SOCK_DIAG |
//!
//! A message exists once, however many sockets it waits in.
//!
//! Called by `socket`, `device` (events) and the image; calls both, `vfs`, `sync`, `kmem`.
//!
//! Lock order: the table of sockets, then one socket's queue, then wait queues; a socket's state is a leaf. Specification:
//! netlink(7), Documentation/userspace-api/netlink/intro.rst; udev(7) and `uevent` of Documentation/ABI/testing/sysfs-uevent.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod diag;
mod dump;
mod endpoint;
mod queue;
mod socket;
mod table;
mod uevent;

use ::socket::{Caller, Family, Socket};
use abi::net::{AF_NETLINK, SOCK_DGRAM, SOCK_RAW};
use abi::netlink::{NETLINK_KOBJECT_UEVENT, NETLINK_ROUTE, NETLINK_SOCK_DIAG};
use abi::{Errno, Result};
use alloc::sync::Arc;

/// Protocols that there are numbers for (`MAX_LINKS`).
const PROTOCOLS: i32 = 32;

struct Netlink;

impl Family for Netlink {
    fn number(&self) -> u32 {
        AF_NETLINK
    }

    fn create(&self, _who: &Caller<'_>, kind: u32, protocol: i32) -> Result<Arc<dyn Socket>> {
        if kind != SOCK_RAW && kind != SOCK_DGRAM {
            return Err(Errno::ESOCKTNOSUPPORT);
        }
        if !(0..PROTOCOLS).contains(&protocol) {
            return Err(Errno::EPROTONOSUPPORT);
        }
        if !matches!(
            protocol as u32,
            NETLINK_ROUTE | NETLINK_SOCK_DIAG | NETLINK_KOBJECT_UEVENT
        ) {
            return Err(Errno::EPROTONOSUPPORT);
        }
        socket::create(kind, protocol).map(|socket| socket as Arc<dyn Socket>)
    }
}

/// Makes the family known and has devices announce themselves. EBUSY: a second time; ENOMEM.
pub fn init() -> Result<()> {
    ::socket::register(&Netlink)?;
    device::set_event_sink(&uevent::Broadcast);
    Ok(())
}
