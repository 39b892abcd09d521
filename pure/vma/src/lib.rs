//! Virtual memory areas: find, split, merge, gaps.
#![no_std]
#![forbid(unsafe_code)]
