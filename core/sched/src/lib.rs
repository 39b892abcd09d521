//! Threads and scheduling.
#![no_std]
#![forbid(unsafe_code)]
