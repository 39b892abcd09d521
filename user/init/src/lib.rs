//! The guest's init.
#![no_std]
#![forbid(unsafe_code)]
