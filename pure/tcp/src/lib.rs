//! TCP's state machine (RFC 9293), without a machine: segments go in, segments come out, and time is what it is told.
//!
//! **Job.** A [`Connection`] is one end of a stream. What arrives is handed to [`arrive`](Connection::arrive), what is to be
//! sent is asked for by [`next_segment`](Connection::next_segment), and [`tick`](Connection::tick) is called at
//! [`deadline`](Connection::deadline). Bytes are [`Payload`]s: pieces that can be shared and cut, so that none is copied here.
//!
//! | file | holds |
//! |---|---|
//! | `seq.rs` | [`Seq`]: numbers that wrap |
//! | `segment.rs` | [`Segment`], [`Payload`]; the answer to a segment that no connection is for |
//! | `connection.rs` | [`Connection`]: its parts, how it begins and ends |
//! | `arrive.rs` | what a segment does to it (RFC 9293, 3.10.7; RFC 5961) |
//! | `output.rs` | what it sends: data, acknowledgements, windows (RFC 9293, 3.8; RFC 896) |
//! | `inbox.rs` | bytes that arrived, in order and ahead of it |
//! | `outbox.rs` | bytes that are not acknowledged |
//! | `sip.rs` | [`sip_hash`]: where numbers begin is not to be guessed (RFC 6528) |
//! | `change.rs` | [`Change`]: what became of a connection |
//! | `timers.rs`, `tick.rs` | what is waited for; what happens then: retransmission (RFC 6298), probes of windows, keep-alive, TIME-WAIT |
//!
//! There is no congestion control, no selective acknowledgement and no time stamp yet; windows are scaled (RFC 7323).
//! An allocation that fails is a segment that was lost.
//!
//! Called by `service/inet`; calls nothing.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod arrive;
mod change;
mod connection;
mod inbox;
mod outbox;
mod output;
mod segment;
mod seq;
mod sip;
#[cfg(test)]
mod tests;
mod tick;
mod timers;

pub use change::Change;
pub use connection::{Config, Connection, Ending, State};
pub use segment::{Flags, Payload, Segment, refusal};
pub use seq::Seq;
pub use sip::sip_hash;
pub use timers::KeepAlive;

/// There was no memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;
