//! The 8250 serial driver.
#![no_std]
#![forbid(unsafe_code)]
