//! printk, oops reports, tracepoints.
#![no_std]
#![forbid(unsafe_code)]
