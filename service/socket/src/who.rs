//! Who calls, and who is called: [`Caller`], [`Address`].
use abi::{Errno, Result};
use cred::Cred;

/// Longest address (`struct sockaddr_storage`).
const LONGEST: usize = 128;

/// Who calls.
#[derive(Clone, Copy)]
pub struct Caller<'a> {
    /// What he may.
    pub cred: &'a Cred,
    /// Number of his process.
    pub pid: i32,
}

impl Caller<'_> {
    /// Whether he has a capability over the network.
    #[must_use]
    pub fn may(&self, capability: u32) -> bool {
        self.cred.capable(capability)
    }
}

/// Which side's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Its own (getsockname(2)).
    Own,
    /// The other side's (getpeername(2)).
    Peer,
}

/// An address, whatever its family.
#[derive(Clone, Copy, Debug)]
pub struct Address {
    bytes: [u8; LONGEST],
    len: usize,
}

impl Address {
    /// No address.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            bytes: [0; LONGEST],
            len: 0,
        }
    }

    /// A copy of these bytes. EINVAL: too long for any address.
    pub fn new(bytes: &[u8]) -> Result<Self> {
        let mut this = Self::none();
        let room = this.bytes.get_mut(..bytes.len()).ok_or(Errno::EINVAL)?;
        room.copy_from_slice(bytes);
        this.len = bytes.len();
        Ok(this)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}
