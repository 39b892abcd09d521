//! Addresses: [`Endpoint`].
use abi::net::{AF_INET, AF_UNSPEC};
use abi::{Errno, Result};
use socket::Address;

/// Bytes of `struct sockaddr_in`, and of its first field.
const WHOLE: usize = 16;
const FAMILY: usize = 2;

/// An address and a port, in the machine's order. 0 is any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    pub(crate) ip: u32,
    pub(crate) port: u16,
}

/// The family of an address. EINVAL: it has not even that.
pub(crate) fn family(address: &[u8]) -> Result<u32> {
    let family = address.first_chunk::<FAMILY>().ok_or(Errno::EINVAL)?;
    Ok(u16::from_ne_bytes(*family).into())
}

impl Endpoint {
    fn parse(address: &[u8]) -> Result<(u32, Self)> {
        let whole = address.first_chunk::<WHOLE>().ok_or(Errno::EINVAL)?;
        let this = Self {
            ip: u32::from_be_bytes([whole[4], whole[5], whole[6], whole[7]]),
            port: u16::from_be_bytes([whole[2], whole[3]]),
        };
        Ok((family(address)?, this))
    }

    /// What connect(2) names. EINVAL: too short; EAFNOSUPPORT: another family.
    pub(crate) fn read(address: &[u8]) -> Result<Self> {
        match Self::parse(address)? {
            (AF_INET, this) => Ok(this),
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// What bind(2) names: without a family it may be any address alone.
    pub(crate) fn read_own(address: &[u8]) -> Result<Self> {
        match Self::parse(address)? {
            (AF_INET, this) | (AF_UNSPEC, this @ Self { ip: 0, .. }) => Ok(this),
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// Where a datagram goes. EINVAL: too short, or no port; EAFNOSUPPORT.
    pub(crate) fn read_target(address: &[u8]) -> Result<Self> {
        match Self::parse(address)? {
            (AF_INET | AF_UNSPEC, Self { port: 0, .. }) => Err(Errno::EINVAL),
            (AF_INET | AF_UNSPEC, this) => Ok(this),
            _ => Err(Errno::EAFNOSUPPORT),
        }
    }

    /// As user space sees it.
    pub(crate) fn address(self) -> Result<Address> {
        let mut bytes = [0; WHOLE];
        bytes[..2].copy_from_slice(&(AF_INET as u16).to_ne_bytes());
        bytes[2..4].copy_from_slice(&self.port.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.ip.to_be_bytes());
        Address::new(&bytes)
    }
}
