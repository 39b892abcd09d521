//! devtmpfs and the memory devices.
#![no_std]
#![forbid(unsafe_code)]
