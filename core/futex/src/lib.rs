//! Fast user-space locks: futex(2).
//!
//! A futex is a word of user memory; the kernel keeps who waits for it in hashed buckets. The word is named by
//! [`mm::FutexKey`]: address space and address, or mapped object and offset, so that processes meet on shared memory.
//!
//! A waiter puts itself into the bucket, then looks at the word, then sleeps: user memory is never touched under the
//! bucket's lock. A wake-up that finds a waiter which then sees a changed word is passed on to the next.
//!
//! | module | what it has |
//! |---|---|
//! | `key` | how a futex is named |
//! | [`wait`] | waiters, waiting, waking |
//! | [`requeue`] | moving waiters to another word |
//! | [`many`] | waiting for one of several words |
//! | [`pi`] | locks with priority inheritance |
//! | [`lock`] | taking one, unless somebody waits there as for any word |
//! | [`op`] | the little operations of `FUTEX_WAKE_OP` |
//! | [`robust`] | what a thread that ends does with the locks it holds |
//!
//! Called by: task (exit), syscall. Calls: sched (inherited levels), mm (keys), kmem (user memory), sync.
//!
//! Lock order: bucket locks (two of them in the order of their index), then the graph of those who wait for locks, then wait
//! queues and run queues.
//!
//! Specification: futex(2), set_robust_list(2), Documentation/locking/robust-futex-ABI.rst, Documentation/locking/pi-futex.rst,
//! Documentation/userspace-api/futex2.rst.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod key;
mod lock;
pub mod many;
pub mod op;
pub mod pi;
pub mod requeue;
pub mod robust;
pub mod wait;

pub use key::Scope;
pub use lock::lock;
pub use many::{Wanted, wait_many};
pub use requeue::{Requeue, requeue, requeue_to_lock, wait_for_lock};
pub use robust::exit_robust_list;
pub use wait::{MATCH_ANY, wait, wake, wake_op};
