//! Unpacks the initramfs.
#![no_std]
#![forbid(unsafe_code)]
