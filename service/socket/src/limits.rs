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

/// `/proc/sys/net/ipv4/ip_unprivileged_port_start`: ports below are for who may (`CAP_NET_BIND_SERVICE`).
pub static UNPRIVILEGED_PORTS: Limit = Limit::new(1024, 0);
/// `/proc/sys/net/ipv4/ip_local_port_range`: the first and the last port that the kernel chooses.
pub static LOCAL_PORTS: Ports = Ports(AtomicU32::new(32_768 << 16 | 60_999));

/// A range of ports that root may change.
pub struct Ports(AtomicU32);

impl Ports {
    /// Its first and last.
    #[must_use]
    pub fn get(&self) -> (u16, u16) {
        let both = self.0.load(Ordering::Relaxed);
        ((both >> 16) as u16, both as u16)
    }

    /// Changes it. EINVAL: its end is before its start, or that is 0 or for who may.
    pub fn set(&self, first: u16, last: u16) -> Result<()> {
        if first > last || first == 0 || u32::from(first) < UNPRIVILEGED_PORTS.get() {
            return Err(Errno::EINVAL);
        }
        let both = u32::from(first) << 16 | u32::from(last);
        self.0.store(both, Ordering::Relaxed);
        Ok(())
    }
}

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
