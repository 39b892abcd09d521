//! Terminals: line discipline, pseudo-terminals, controlling terminal.
#![no_std]
#![forbid(unsafe_code)]
