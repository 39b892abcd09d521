//! An ordered map of areas that do not overlap: the shape of an address space, without the machine.
//!
//! Its job: find the area of an address; insert; split at an address; merge neighbours that agree; take a range out;
//! find a gap from below or from above, keeping the guard gap that an area asks for beneath itself. Called by
//! `core/mm` under that crate's lock; calls nobody.
//!
//! **Shape.** A B-tree of height two: a vector of chunks, each a sorted vector of at most [`CHUNK`] areas. The chunk
//! notes its bounds and its largest inner gap, so that a search reads one small array, then one chunk. A process has
//! a dozen areas, that is one chunk: fork copies it by one allocation. With Linux' limit of 65,530 areas there are a few
//! thousand chunks, whose headers a binary search crosses in a dozen steps.
//!
//! **Memory.** Only [`AreaMap::insert`], [`AreaMap::split_at`] and [`AreaMap::try_map`] allocate, and they answer
//! [`MapError::NoMemory`] with the map unchanged. Removing, resizing and merging never allocate.
//!
//! | file | holds |
//! |---|---|
//! | `map.rs` | the map: find, insert, split, remove, resize |
//! | `visit.rs` | iteration, change in place, merging, copying |
//! | `gap.rs` | searches for free room |
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]
extern crate alloc;

mod gap;
mod map;
#[cfg(test)]
mod tests;
mod visit;

pub use map::AreaMap;
pub use visit::Iter;

/// Most areas in one chunk.
pub const CHUNK: usize = 32;

/// `start..end` and what is known of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Area<T> {
    /// First address.
    pub start: usize,
    /// One past the last address.
    pub end: usize,
    /// What the owner keeps for it.
    pub data: T,
}

impl<T> Area<T> {
    /// Bytes (or whatever the unit is).
    #[inline]
    #[expect(clippy::len_without_is_empty, reason = "an area is never empty")]
    pub fn len(&self) -> usize {
        self.end - self.start
    }
    /// Whether `addr` lies in it.
    #[inline]
    pub fn contains(&self, addr: usize) -> bool {
        self.start <= addr && addr < self.end
    }
}

/// What an area's data has to be able to do.
pub trait Payload: Sized {
    /// The data of the upper part when an area is cut `offset` above its start; `self` stays that of the lower part.
    #[must_use]
    fn split(&mut self, offset: usize) -> Self;
    /// Whether an area of this data and `len` may be joined with the one that follows it without a gap.
    fn joins(&self, len: usize, next: &Self) -> bool;
    /// Takes over what the joined `next` held; called after [`Payload::joins`] agreed.
    fn absorb(&mut self, next: Self) {
        drop(next);
    }
    /// How much room must stay free beneath an area with this data.
    fn guard_below(&self) -> usize {
        0
    }
}

/// Why a change could not be made; the map is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// No memory for a chunk.
    NoMemory,
    /// Another area is there, or the range is empty.
    Overlap,
}
