//! `struct sockaddr_nl`.
use abi::net::AF_NETLINK;
use abi::{Errno, Result};
use socket::Address;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// A port and groups.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct NetlinkAddress {
    family: u16,
    pad: u16,
    /// The port; 0 is the kernel.
    pub(crate) port: u32,
    /// One bit a group.
    pub(crate) groups: u32,
}

impl NetlinkAddress {
    pub(crate) fn new(port: u32, groups: u32) -> Self {
        Self {
            family: AF_NETLINK as u16,
            pad: 0,
            port,
            groups,
        }
    }

    /// What user space gave. EINVAL: too short, or of another family.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self> {
        let (this, _) = Self::read_from_prefix(bytes).map_err(|_| Errno::EINVAL)?;
        if u32::from(this.family) == AF_NETLINK {
            Ok(this)
        } else {
            Err(Errno::EINVAL)
        }
    }

    pub(crate) fn address(&self) -> Result<Address> {
        Address::new(self.as_bytes())
    }
}

/// The number of the lowest group of a mask; 0 for none.
pub(crate) const fn group_of(groups: u32) -> u32 {
    match groups {
        0 => 0,
        groups => groups.trailing_zeros() + 1,
    }
}

/// The mask of a group's number.
pub(crate) const fn mask_of(group: u32) -> u32 {
    match group {
        0 => 0,
        group => 1 << (group - 1),
    }
}
