//! The system call table.
#![no_std]
#![forbid(unsafe_code)]
