//! Sockets: what all families have in common.
//!
//! | file | holds |
//! |---|---|
//! | `family.rs` | [`Family`] and who registered; [`create`]; what `/proc/net` shows: [`table`] |
//! | `socket.rs` | [`Socket`]: what a family's socket does |
//! | `who.rs` | [`Caller`], [`Address`], [`End`] |
//! | `credentials.rs` | [`Credentials`]: who sent a message |
//! | `base.rs` | [`Base`]: what each socket has: room, timeouts, error, filter |
//! | `options.rs` | `SOL_SOCKET` of setsockopt(2) and getsockopt(2) |
//! | `limits.rs` | [`limits`]: what `/proc/sys/net` sets |
//! | `program.rs` | [`FilterProgram`]: filters as user space gives them |
//! | `message.rs` | [`Outgoing`] and [`Incoming`]: data, address, control messages |
//! | `file.rs` | [`SocketFile`]: a socket as an open file |
//!
//! A family is one crate that registers; a socket answers EOPNOTSUPP to what its family has not. Data moves straight
//! between user memory and where the family keeps it.
//!
//! Called by `syscall` and by the families; calls `vfs`, `cbpf`, `task`, `kmem`, `sync`.
//!
//! Lock order: a socket's filter is a leaf. Specification: socket(2), socket(7), send(2), recv(2), cmsg(3).
#![cfg(target_os = "none")]
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod base;
mod credentials;
mod family;
mod file;
pub mod limits;
mod message;
mod options;
mod program;
mod socket;
mod who;

pub use base::Base;
pub use credentials::Credentials;
pub use family::{Diag, Family, Table, create, diag, register, table};
pub use file::{SocketFile, open};
pub use message::{Control, Incoming, Outgoing, Receiver};
pub use options::{OptionIn, OptionOut};
pub use program::FilterProgram;
pub use socket::{SIOCUNIXFILE, Socket};
pub use who::{Address, Caller, End};
