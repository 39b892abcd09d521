//! Devices, their numbers and drivers.
#![no_std]
#![forbid(unsafe_code)]
