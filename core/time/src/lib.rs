//! Clocks and high-resolution timers.
#![no_std]
#![forbid(unsafe_code)]
