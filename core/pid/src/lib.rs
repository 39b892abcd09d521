//! Process ids and what a signal can be sent to.
#![no_std]
#![forbid(unsafe_code)]
