//! The kernel's own mappings: pages at addresses of vmalloc's window and of the modules' region.
#[cfg(target_os = "none")]
mod bare;
#[cfg(not(target_os = "none"))]
mod hosted;

#[cfg(target_os = "none")]
pub(crate) use bare::*;
#[cfg(not(target_os = "none"))]
pub(crate) use hosted::*;
