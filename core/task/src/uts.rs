//! Host and domain name (uname(2), sethostname(2)). One namespace today.
use abi::{Errno, Result};
use sync::{LockClass, SpinLock, rank};

static NAMES: LockClass = LockClass::new("uts", rank::TASK_LEAF);

/// `version` of uname(2).
pub const VERSION: &str = concat!("#1 SMP PREEMPT Gaon ", env!("CARGO_PKG_VERSION"));

/// A name of up to 64 bytes, NUL-padded.
pub type Name = [u8; 65];

/// The two names that can be set.
#[derive(Clone, Copy)]
pub struct Uts {
    /// `nodename`.
    pub host: Name,
    /// `domainname`.
    pub domain: Name,
}

static UTS: SpinLock<Uts> = SpinLock::new(
    &NAMES,
    Uts {
        host: pad(b"(none)"),
        domain: pad(b"(none)"),
    },
);

const fn pad(text: &[u8]) -> Name {
    let mut name = [0; 65];
    let mut i = 0;
    while i < text.len() {
        name[i] = text[i];
        i += 1;
    }
    name
}

/// Both names.
pub fn get() -> Uts {
    *UTS.lock_irq()
}

/// Sets the host name. `EINVAL`: longer than 64 bytes.
pub fn set_host(name: &[u8]) -> Result<()> {
    set(name, |uts| &mut uts.host)
}

/// Sets the domain name. `EINVAL`: longer than 64 bytes.
pub fn set_domain(name: &[u8]) -> Result<()> {
    set(name, |uts| &mut uts.domain)
}

fn set(name: &[u8], field: impl FnOnce(&mut Uts) -> &mut Name) -> Result<()> {
    if name.len() > 64 {
        return Err(Errno::EINVAL);
    }
    *field(&mut UTS.lock_irq()) = pad(name);
    Ok(())
}
