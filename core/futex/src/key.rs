//! How a futex is named.
use abi::{Errno, Result};
use hal::addr::UserAddr;
use mm::{FutexKey, Mm};

/// Which processes a futex is for: `FUTEX_PRIVATE_FLAG` or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Threads of one address space.
    Private,
    /// Whoever maps the same memory.
    Shared,
}

/// The name of a word. `EINVAL`: misaligned; `EFAULT`.
pub(crate) fn key_of(mm: &Mm, addr: UserAddr, scope: Scope) -> Result<FutexKey> {
    if !addr.0.is_multiple_of(4) {
        return Err(Errno::EINVAL);
    }
    mm.futex_key(addr, scope == Scope::Shared)
}
