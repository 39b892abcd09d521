//! Taking a lock with priority inheritance: its word is no place to wait as for any other.
use crate::key::{Scope, key_of};
use crate::pi::{self, Caller, TID};
use crate::wait::is_slept_on;
use abi::{Errno, Result};
use hal::addr::UserAddr;
use kmem::user;

/// `FUTEX_LOCK_PI`, `FUTEX_LOCK_PI2`; without waiting `FUTEX_TRYLOCK_PI`.
///
/// # Errors
/// `EINVAL`: somebody waits there by `FUTEX_WAIT`. `EDEADLK`: it is the caller's, or its owner waits for the caller. `EAGAIN`: it
/// is taken (without waiting). `ETIMEDOUT`. `ERESTARTNOINTR`: a signal came. `ESRCH`: its owner is no more. `EPERM`: no thread can
/// be its owner. `EINVAL`: misaligned, or word and kernel do not agree. `EFAULT`, `ENOMEM`.
pub fn lock(
    who: &Caller<'_>,
    addr: UserAddr,
    scope: Scope,
    deadline_ns: Option<u64>,
    waits: bool,
) -> Result<()> {
    let key = key_of(who.mm, addr, scope)?;
    let word: u32 = user::read(addr)?;
    if word & TID != who.tid && is_slept_on(&key) {
        return Err(Errno::EINVAL);
    }
    pi::lock(who, addr, &key, deadline_ns, waits)
}
