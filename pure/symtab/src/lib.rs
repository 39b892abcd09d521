//! The kernel's own symbols and lines.
#![no_std]
#![forbid(unsafe_code)]
