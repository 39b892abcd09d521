//! poll, select, epoll, eventfd.
#![no_std]
#![forbid(unsafe_code)]
