//! Fast user-space locks.
#![no_std]
#![forbid(unsafe_code)]
