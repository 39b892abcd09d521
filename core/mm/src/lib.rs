//! Address spaces: areas, faults, copy on write.
#![no_std]
#![forbid(unsafe_code)]
extern crate alloc;

mod flags;
mod object;
mod space;
mod types;

pub use flags::VmFlags;
pub use object::MapObject;
pub use space::Mm;
pub use types::{
    Access, AreaPages, Backing, Counters, FaultError, FutexKey, Layout, Limits, MmapRequest,
    VmaInfo,
};
