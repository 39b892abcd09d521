//! procfs: live state in Linux' formats.
#![no_std]
#![forbid(unsafe_code)]
