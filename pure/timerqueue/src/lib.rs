//! Timers ordered by expiry.
#![no_std]
#![forbid(unsafe_code)]
