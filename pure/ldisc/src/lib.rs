//! The terminal line discipline: cooked input, echo, output processing.
#![no_std]
#![forbid(unsafe_code)]
