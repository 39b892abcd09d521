//! Reading cpio newc archives.
#![no_std]
#![forbid(unsafe_code)]
