//! Reading ELF64 executables and objects.
#![no_std]
#![forbid(unsafe_code)]
