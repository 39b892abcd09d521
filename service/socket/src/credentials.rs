//! Who sent a message: [`Credentials`].
use abi::{Errno, Result};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// `struct ucred`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Credentials {
    /// Number of the sender's process, as whoever reads it calls that; 0 is the kernel.
    pub pid: i32,
    /// His user.
    pub uid: u32,
    /// His group.
    pub gid: u32,
}

impl Credentials {
    /// What a control message holds. EINVAL: of another length.
    pub fn read(body: &[u8]) -> Result<Self> {
        Self::read_from_bytes(body).map_err(|_| Errno::EINVAL)
    }
}
