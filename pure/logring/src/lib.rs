//! A lockless ring of log records.
#![no_std]
#![forbid(unsafe_code)]
