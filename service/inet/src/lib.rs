//! AF_INET: sockets of the Internet.
//!
//! **Job.** Streams (TCP) and datagrams (UDP) with ports and addresses. The only interface is `lo`; what goes elsewhere is
//! ENETUNREACH. What a socket sends over `lo` stands in its receiver's queue before the call is over.
//!
//! | file | holds |
//! |---|---|
//! | `address.rs` | [`Endpoint`](address::Endpoint): `struct sockaddr_in` |
//! | `common.rs` | [`Common`](common::Common): what each socket has: its names, what is shut down, `IPPROTO_IP` |
//! | `options.rs` | options of `IPPROTO_IP` |
//! | `ports.rs` | [`Ports`](ports::Ports): who is bound where, who may share a port |
//! | `route.rs` | by which interface an address is reached, and from which address |
//! | `table.rs` | /proc/net/tcp and /proc/net/udp |
//! | `data.rs` | bytes on their way |
//! | `udp/` | datagrams |
//! | `tcp/` | streams |
//!
//! **Called by** `socket` and the image; **calls** `netdev`, `socket`, `vfs`, `task`, `kmem`, `sync`.
//!
//! **Locks**, all spinning: a table of ports → a socket's state → its names.
//!
//! Specification: ip(7), udp(7), tcp(7), RFC 768, RFC 1122; the numbers that they leave open are Linux'.
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod address;
mod common;
mod data;
mod options;
mod ports;
mod route;
mod table;
mod tcp;
mod udp;

use ::socket::{Caller, Family, Socket, Table};
use abi::net::{AF_INET, SOCK_DGRAM, SOCK_RAW, SOCK_STREAM};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::cap;

/// Numbers of protocols; 0 stands for the usual one of a kind.
const USUAL: i32 = 0;
const ICMP: i32 = 1;
const TCP: i32 = 6;
const UDP: i32 = 17;
/// Protocols that there are numbers for (`IPPROTO_MAX`).
const PROTOCOLS: i32 = 263;

struct Inet;

impl Family for Inet {
    fn number(&self) -> u32 {
        AF_INET
    }

    fn create(&self, who: &Caller<'_>, kind: u32, protocol: i32) -> Result<Arc<dyn Socket>> {
        if !(0..PROTOCOLS).contains(&protocol) {
            return Err(Errno::EINVAL);
        }
        match (kind, protocol) {
            (SOCK_STREAM, USUAL | TCP) => Ok(tcp::TcpSocket::new()?),
            (SOCK_DGRAM, USUAL | UDP) => Ok(udp::UdpSocket::new()?),
            // Nobody is in the range of groups that may (`ping_group_range`).
            (SOCK_DGRAM, ICMP) => Err(Errno::EACCES),
            (SOCK_RAW, 1..) if !who.may(cap::NET_RAW) => Err(Errno::EPERM),
            (SOCK_STREAM | SOCK_DGRAM | SOCK_RAW, _) => Err(Errno::EPROTONOSUPPORT),
            _ => Err(Errno::ESOCKTNOSUPPORT),
        }
    }

    fn tables(&self) -> &'static [Table] {
        &[
            ("dev", netdev::show),
            ("tcp", tcp::show),
            ("udp", udp::show),
        ]
    }
}

/// Makes the family known. EBUSY: a second time; ENOMEM.
pub fn init() -> Result<()> {
    ::socket::register(&Inet)
}
