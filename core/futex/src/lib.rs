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
//! | [`wait`] | waiters, waiting, waking, requeueing |
//! | [`op`] | the little operations of `FUTEX_WAKE_OP` |
//! | [`robust`] | what a thread that ends does with the locks it holds |
//!
//! Called by: task (exit), syscall. Calls: mm (keys), kmem (user memory), sync.
//!
//! Lock order: bucket locks (two of them in the order of their index), then wait queues.
//!
//! Specification: futex(2), set_robust_list(2), Documentation/locking/robust-futex-ABI.rst. Priority inheritance is not
//! there: its operations are `ENOSYS`.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

pub mod op;
pub mod robust;
pub mod wait;

pub use robust::exit_robust_list;
pub use wait::{Requeue, requeue, wait, wake, wake_op};

/// Which processes a futex is for: `FUTEX_PRIVATE_FLAG` or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Threads of one address space.
    Private,
    /// Whoever maps the same memory.
    Shared,
}

/// Any bit: what plain waiting and waking use.
pub const MATCH_ANY: u32 = u32::MAX;
