//! A lockless ring of variable-length log records in arrays of atomics.
//!
//! Called by: `trace` (printk, /dev/kmsg, syslog). Calls: nothing.
//!
//! Any number of writers, from any context (a non-maskable interrupt may interrupt a writer and write itself); any
//! number of readers, who never hinder a writer. A record is found by its sequence number, which counts every record
//! ever written. The ring keeps what fits; a reader who is too late is told so ([`ReadError::Lost`]).
//!
//! # How
//! A *slot* ring (one word of state and one of position per record) and a *data* ring. A writer draws a sequence number
//! and a stretch of data by two `fetch_add`s, writes the record's bytes, then publishes the slot. Every data word
//! carries 7 bytes and, in its top byte, the number of times the ring had gone round: a word that a writer of another
//! lap put there (a later one who overtook, or a stalled one who woke late) is recognised, and the record counts as
//! lost instead of being read torn. The record's own header repeats its sequence number for the same reason.
//!
//! # Lock order
//! None is taken.
#![cfg_attr(not(any(test, loom)), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod record;
mod ring;
mod sync;

pub use record::{Meta, Record, TEXT_MAX};
pub use ring::{ReadError, Ring};

#[cfg(all(test, not(loom)))]
mod tests;

#[cfg(all(test, loom))]
mod model;
