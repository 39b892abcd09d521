//! Pipes and FIFOs.
#![no_std]
#![forbid(unsafe_code)]
