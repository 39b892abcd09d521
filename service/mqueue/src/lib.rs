//! POSIX message queues (mq_overview(7)) and the file system that they are files of.
//!
//! | file | holds |
//! |---|---|
//! | `order.rs` | [`Ordered`](order::Ordered): by rank, and first in first out within one |
//! | `queue.rs` | [`Queue`]: messages, who waits for one or for room, hand-over |
//! | `attr.rs` | which attributes a queue may have, and what it counts for its user |
//! | `limits.rs` | [`Limits`]: `/proc/sys/fs/mqueue` |
//! | `file.rs` | [`MqFile`]: a queue as an inode and as an open file |
//! | `notify.rs` | whom mq_notify(2) registered, and how it is told |
//! | `fs.rs` | superblock and root directory |
//! | `mount.rs` | the type of file system that mount(2) finds |
//! | `ns.rs` | [`MqNs`]: a set of queues with its limits; every IPC namespace has one |
//! | `open.rs` | mq_open(2), mq_unlink(2) |
//!
//! A message is copied once from its sender and once to its receiver. A receiver that waits is given the message by the
//! sender, and a receiver that makes room puts the message of the sender that waits into the queue, so nobody who comes
//! later can be faster. Of those who wait the most urgent by sched(7) comes first, then who came first.
//!
//! Called by `syscall`, `procfs` (limits) and the image; calls `vfs`, `task` (signals, users), `socket` (the cookie of
//! `SIGEV_THREAD`), `kmem`, `sync`.
//!
//! Lock order: the directory's lock (vfs) → its index; a queue's lock → what a waiter is given → wait queues. Signals are
//! sent without a queue's lock.
//!
//! Specification: mq_overview(7), mq_open(2), mq_send(3), mq_receive(3), mq_notify(2), mq_getattr(3), mq_unlink(3).
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

/// All that needs the machine; the rest is tested on the host.
macro_rules! machine {
    ($($item:item)*) => { $(#[cfg(target_os = "none")] $item)* };
}

mod attr;
mod limits;
mod order;
mod queue;

pub use attr::{Attr, PRIORITIES};
pub use limits::{Knob, Limits};
pub use queue::{Blocking, Message, Queue};

machine! {
    mod file;
    mod fs;
    mod mount;
    mod notify;
    mod ns;
    mod open;

    pub use file::{MqFile, receive, send, touch_settings};
    pub use notify::{COOKIE, How, Notification};
    pub use mount::init;
    pub use ns::{MqNs, of};
    pub use open::{open, unlink};
}
