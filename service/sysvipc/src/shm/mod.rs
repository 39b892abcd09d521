//! Segments of shared memory, and the areas that map them.
mod area;
mod segment;

pub(crate) use area::hold;
pub(crate) use segment::{Home, Memory, SHM_LOCKED, Segment};
