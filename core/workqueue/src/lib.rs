//! Deferred work in kernel threads.
#![no_std]
#![forbid(unsafe_code)]
