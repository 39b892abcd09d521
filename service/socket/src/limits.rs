//! What `/proc/sys/net` sets.
use abi::{Errno, Result};
use core::sync::atomic::{AtomicU32, Ordering};

/// A number that root may change.
pub struct Limit {
    value: AtomicU32,
    least: u32,
}

/// `/proc/sys/net/core/somaxconn`: most connections that may wait to be accepted.
pub static SOMAXCONN: Limit = Limit::new(4096, 0);
/// `/proc/sys/net/unix/max_dgram_qlen`: most datagrams of strangers that wait in an `AF_UNIX` socket made from now on.
pub static MAX_DGRAM_QLEN: Limit = Limit::new(10, 0);
/// `/proc/sys/net/core/rmem_default` and `wmem_default`: the room of a socket made from now on.
pub static RMEM_DEFAULT: Limit = Limit::new(212_992, 2304);
pub static WMEM_DEFAULT: Limit = Limit::new(212_992, 4608);
/// `/proc/sys/net/core/rmem_max` and `wmem_max`: the most room that anybody gets for the asking.
pub static RMEM_MAX: Limit = Limit::new(212_992, 2304);
pub static WMEM_MAX: Limit = Limit::new(212_992, 4608);

impl Limit {
    const fn new(value: u32, least: u32) -> Self {
        Self {
            value: AtomicU32::new(value),
            least,
        }
    }

    /// What it is.
    #[must_use]
    pub fn get(&self) -> u32 {
        self.value.load(Ordering::Relaxed)
    }

    /// Changes it. EINVAL: too little, or no number that fits.
    pub fn set(&self, value: i64) -> Result<()> {
        match u32::try_from(value) {
            Ok(value) if value >= self.least && value <= i32::MAX as u32 => {
                self.value.store(value, Ordering::Relaxed);
                Ok(())
            }
            _ => Err(Errno::EINVAL),
        }
    }
}
