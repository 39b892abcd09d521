//! The seam to the machine: what differs between bare metal and the hosted build, and nothing else.
#[cfg(not(target_os = "none"))]
mod hosted;
#[cfg(not(target_os = "none"))]
pub(crate) use hosted::*;

#[cfg(target_os = "none")]
mod bare;
#[cfg(target_os = "none")]
mod global;
#[cfg(target_os = "none")]
pub(crate) use bare::*;
