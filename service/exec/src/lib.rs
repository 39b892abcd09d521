//! Program loading: ELF, scripts.
#![no_std]
#![forbid(unsafe_code)]
