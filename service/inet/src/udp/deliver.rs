//! What becomes of a datagram that was sent.
use super::queue::{Datagram, HEADS, flat};
use super::socket::{PORTS, UdpSocket};
use crate::address::Endpoint;
use crate::ports::Bound;
use abi::net::SO_REUSEPORT;
use abi::{Errno, raw};
use alloc::sync::Arc;
use netdev::Interface;

/// `ETH_P_IP`.
const PROTOCOL: u16 = 0x0800;

/// How well a socket suits a datagram; `None`: it is not for it.
fn score(socket: &UdpSocket, from: Endpoint, to: Endpoint) -> Option<u32> {
    let names = socket.common().names();
    let address = match names.own.ip {
        0 => 1,
        ip if ip == to.ip => 2,
        _ => return None,
    };
    match names.peer {
        None => Some(address),
        Some(peer) if peer == from => Some(address + 4),
        Some(_) => None,
    }
}

/// Who receives what goes from `from` to `to`. Among those that share a port it is always the same for one sender.
fn receiver(from: Endpoint, to: Endpoint) -> Option<Arc<UdpSocket>> {
    PORTS.look(to.port, |sockets| {
        let scores = || {
            sockets
                .iter()
                .filter_map(|s| Some((score(s, from, to)?, s)))
        };
        let best = scores().map(|(score, _)| score).max()?;
        let equal = || scores().filter(|(score, _)| *score == best).map(|(_, s)| s);
        let shared = || equal().filter(|s| s.common().base.is_on(SO_REUSEPORT));
        let found = match shared().count() {
            // The last that was bound is asked first.
            0 => equal().next_back(),
            many => {
                let mixed = (u64::from(from.ip) << 16 | u64::from(from.port))
                    .wrapping_mul(0x9e37_79b9_7f4a_7c15);
                shared().nth((mixed >> 32) as usize % many)
            }
        };
        found.cloned()
    })
}

/// Gives a datagram to who is to receive it.
pub(super) fn deliver(interface: &Interface, datagram: &Arc<Datagram>) {
    if !interface.is_up() {
        return;
    }
    interface.count(HEADS + datagram.data.len());
    let (from, to) = (datagram.from, datagram.to);
    match receiver(from, to) {
        Some(socket) => socket.take(datagram),
        None => refuse(interface, from, to),
    }
}

/// Nobody is there: the sender hears of it by what would be a message of ICMP, with both heads in it.
fn refuse(interface: &Interface, from: Endpoint, to: Endpoint) {
    interface.count(HEADS + HEADS);
    let Some(sender) = receiver(to, from) else {
        return;
    };
    if sender.common().names().peer.is_none() {
        return;
    }
    sender.common().base.set_error(Errno::ECONNREFUSED);
    sender.wait.wake_all_key(raw::POLLERR);
}

impl UdpSocket {
    /// Queues a datagram, as much as its filter lets in.
    fn take(&self, datagram: &Arc<Datagram>) {
        let base = &self.common().base;
        if base.filter().is_some() {
            let passes = flat(datagram).is_ok_and(|bytes| base.passes(&bytes, PROTOCOL).is_some());
            if !passes {
                let mut queue = self.queue.lock();
                queue.lost = queue.lost.wrapping_add(1);
                return;
            }
        }
        let taken = self.queue.lock().push(datagram, base.receive_room());
        if taken {
            let events = raw::POLLIN | raw::POLLRDNORM | raw::POLLRDBAND;
            self.wait.wake_some(1, events, true);
        }
    }
}
