//! Interrupt lines, softirqs, tasklets.
#![no_std]
#![forbid(unsafe_code)]
