//! A radix tree from page index to entry.
#![no_std]
#![forbid(unsafe_code)]
