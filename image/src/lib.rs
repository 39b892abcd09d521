//! The kernel image: init order.
#![no_std]
#![forbid(unsafe_code)]
