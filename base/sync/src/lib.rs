//! Locks, RCU, wait queues, per-CPU data, context tokens, lock ranks and lockdep, static keys.
#![no_std]
#![forbid(unsafe_code)]
