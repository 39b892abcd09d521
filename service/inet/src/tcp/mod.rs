//! Streams (tcp(7)). The rules are `pure/tcp`'s; here they get sockets, memory, time and somebody who waits.
//!
//! | file | holds |
//! |---|---|
//! | `objects.rs` | what all is made of: [`TcpSocket`] |
//! | `socket.rs` | the face to `service/socket` |
//! | `piece.rs` | bytes of a stream, shared by who sends them, who was sent them, and the way between |
//! | `wire.rs` | segments on their way, and whom they are for |
//! | `links.rs` | all connections, by the names of both ends |
//! | `state.rs` | what follows from a change of a connection's state; its timer |
//! | `connect.rs`, `listen.rs` | connect(2); listen(2), accept(2) and what waits in between |
//! | `stream.rs` | sending and receiving |
//! | `close.rs` | shutdown(2), close(2) |
//! | `options.rs` | options of `IPPROTO_TCP` |
//! | `show.rs` | /proc/net/tcp |
//!
//! A segment is handed on as soon as no lock is held: whoever sent it does all that follows from it, the other side's
//! answers too, before his call is over. A connection that its user closed stays, with its port, until the other side
//! knows: the tables refer to it.
mod close;
mod connect;
mod links;
mod listen;
mod objects;
mod options;
mod piece;
mod show;
mod socket;
mod state;
mod stream;
mod wire;

pub(crate) use self::objects::TcpSocket;
pub(crate) use self::show::show;
