//! The host tool.
#![no_std]
#![forbid(unsafe_code)]
