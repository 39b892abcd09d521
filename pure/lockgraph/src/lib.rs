//! Which lock classes were held when which others were taken; finds inversions.
#![no_std]
#![forbid(unsafe_code)]
