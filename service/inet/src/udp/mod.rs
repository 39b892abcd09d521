//! Datagrams (udp(7), RFC 768).
//!
//! A datagram goes from its sender's memory into one block, stands in its receiver's queue, and goes from there to his
//! memory. A queue takes datagrams as long as what waits in it is not over `SO_RCVBUF`; what comes then is lost. One
//! that nobody takes is told to who sent it if he is connected (ECONNREFUSED).
mod deliver;
mod queue;
mod receive;
mod send;
mod socket;

pub(crate) use self::socket::{UdpSocket, show};
