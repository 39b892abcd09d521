//! Address spaces: areas, faults, copy on write.
#![no_std]
#![forbid(unsafe_code)]
