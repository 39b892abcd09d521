//! Processes, threads, signals, namespaces.
#![no_std]
#![forbid(unsafe_code)]
