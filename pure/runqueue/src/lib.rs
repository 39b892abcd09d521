//! Fair and real-time run queues: picking, vruntime, weights.
#![no_std]
#![forbid(unsafe_code)]
