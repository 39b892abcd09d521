//! Segments on their way: [`Wire`].
use super::links;
use super::objects::{PORTS, Pair, TcpSocket};
use super::piece::Piece;
use crate::ports::Bound;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use kmem::ReservedQueue;
use netdev::Interface;
use tcp::{Connection, Segment, State, refusal};

/// Heads of IP and TCP, and options of a SYN.
const HEADS: usize = 40;
const OPTIONS: usize = 8;

/// A segment, with the names of its sender's connection.
struct Packet {
    pair: Pair,
    segment: Segment<Piece>,
}

/// Segments that were sent in one call, and those that follow from them. What there is no memory for is lost, as a packet
/// may be.
pub(super) struct Wire {
    packets: VecDeque<Packet>,
}

impl Wire {
    pub(super) const fn new() -> Self {
        Self {
            packets: VecDeque::new(),
        }
    }

    /// Takes all that a connection has to send now.
    pub(super) fn pull(&mut self, connection: &mut Connection<Piece>, pair: Pair) {
        let now = hal::clock::now_ns();
        while let Some(segment) = connection.next_segment(now) {
            self.push(pair, segment);
        }
    }

    fn push(&mut self, pair: Pair, segment: Segment<Piece>) {
        if self.packets.try_reserve(1).is_ok() {
            self.packets.push_back_reserved(Packet { pair, segment });
        }
    }

    /// Hands all on, until nothing follows any more. No lock is held.
    pub(super) fn run(mut self) {
        while let Some(packet) = self.packets.pop_front() {
            let Some(interface) = netdev::of_address(packet.pair.peer.ip) else {
                continue;
            };
            if interface.is_up() {
                self.arrive(interface, &packet);
            }
        }
    }

    fn arrive(&mut self, interface: &Interface, packet: &Packet) {
        let segment = &packet.segment;
        let options = if segment.mss.is_some() { OPTIONS } else { 0 };
        interface.count(HEADS + options + segment.data_len());
        let pair = packet.pair.turned();
        if let Some(socket) = links::find(pair)
            && socket.arrive(pair, segment, self)
        {
            return;
        }
        let listener = PORTS.look(pair.own.port, |sockets| {
            let suits = |exact: bool| {
                move |socket: &&Arc<TcpSocket>| {
                    let ip = socket.common().names().own.ip;
                    socket.listens() && if exact { ip == pair.own.ip } else { ip == 0 }
                }
            };
            let all = || sockets.iter();
            let exact = all().filter(suits(true)).count();
            let candidates = if exact != 0 {
                exact
            } else {
                all().filter(suits(false)).count()
            };
            // Those that share a port take turns by who connects.
            let nth = usize::from(pair.peer.port / 2) % candidates.max(1);
            all().filter(suits(exact != 0)).nth(nth).cloned()
        });
        if let Some(listener) = listener
            && listener.greet(pair, segment, self)
        {
            return;
        }
        if let Some(refusal) = refusal(segment) {
            self.push(pair, refusal);
        }
    }
}

/// Whether a segment begins a connection anew where an old one waits for what is late (RFC 9293, 3.10.7.4).
pub(super) fn begins_anew(connection: &Connection<Piece>, segment: &Segment<Piece>) -> bool {
    use tcp::Flags;
    let syn =
        segment.flags.contains(Flags::SYN) && !segment.flags.intersects(Flags::ACK | Flags::RST);
    connection.state() == State::TimeWait && syn && connection.expects().lt(segment.seq)
}
