//! Options of `IPPROTO_IP` (ip(7)).
use abi::net::{
    IP_BIND_ADDRESS_NO_PORT, IP_FREEBIND, IP_MTU_DISCOVER, IP_PKTINFO, IP_RECVTOS, IP_RECVTTL,
    IP_TOS, IP_TTL,
};
use abi::{Errno, Result};
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};
use kmem::user;
use socket::{OptionIn, OptionOut};

/// The usual `IP_TTL`.
const TTL: i32 = 64;
/// The last way to find a path's MTU (`IP_PMTUDISC_OMIT`).
const LAST_DISCOVERY: i32 = 5;

/// Options that are on or off.
const SWITCHES: [u32; 5] = [
    IP_PKTINFO,
    IP_RECVTTL,
    IP_RECVTOS,
    IP_FREEBIND,
    IP_BIND_ADDRESS_NO_PORT,
];

/// Those of a socket.
pub(crate) struct IpOptions {
    /// 0 and less: the usual one.
    ttl: AtomicI32,
    tos: AtomicI32,
    discovery: AtomicI32,
    switches: AtomicU32,
}

/// A value as these options take it: a number, or one byte. EINVAL: it is empty; EFAULT.
fn number(value: &OptionIn) -> Result<i32> {
    match value.len {
        0 => Err(Errno::EINVAL),
        1..4 => Ok(user::read::<u8>(value.at)?.into()),
        _ => value.read(),
    }
}

impl IpOptions {
    pub(crate) const fn new() -> Self {
        Self {
            ttl: AtomicI32::new(0),
            tos: AtomicI32::new(0),
            discovery: AtomicI32::new(1),
            switches: AtomicU32::new(0),
        }
    }

    /// Takes over what another socket has.
    pub(crate) fn inherit(&self, from: &Self) {
        let copy = |to: &AtomicI32, from: &AtomicI32| {
            to.store(from.load(Ordering::Relaxed), Ordering::Relaxed);
        };
        copy(&self.ttl, &from.ttl);
        copy(&self.tos, &from.tos);
        copy(&self.discovery, &from.discovery);
        let switches = from.switches.load(Ordering::Relaxed);
        self.switches.store(switches, Ordering::Relaxed);
    }

    /// How many hops a packet may make.
    pub(crate) fn ttl(&self) -> u8 {
        match self.ttl.load(Ordering::Relaxed) {
            hops @ 1..=255 => hops as u8,
            _ => TTL as u8,
        }
    }

    pub(crate) fn tos(&self) -> u8 {
        self.tos.load(Ordering::Relaxed) as u8
    }

    pub(crate) fn is_on(&self, option: u32) -> bool {
        self.switches.load(Ordering::Relaxed) & 1 << option != 0
    }

    /// ENOPROTOOPT: there is no such; EINVAL; EFAULT.
    pub(crate) fn set(&self, name: u32, value: &OptionIn) -> Result<()> {
        let known = SWITCHES.contains(&name) || matches!(name, IP_TTL | IP_TOS | IP_MTU_DISCOVER);
        if !known {
            return Err(Errno::ENOPROTOOPT);
        }
        let number = number(value)?;
        match (name, number) {
            (IP_TTL, -1 | 1..=255) => self.ttl.store(number, Ordering::Relaxed),
            (IP_TOS, _) => self.tos.store(number & 0xff, Ordering::Relaxed),
            (IP_MTU_DISCOVER, 0..=LAST_DISCOVERY) => {
                self.discovery.store(number, Ordering::Relaxed);
            }
            (IP_TTL | IP_MTU_DISCOVER, _) => return Err(Errno::EINVAL),
            (_, 0) => drop(self.switches.fetch_and(!(1 << name), Ordering::Relaxed)),
            _ => drop(self.switches.fetch_or(1 << name, Ordering::Relaxed)),
        }
        Ok(())
    }

    /// ENOPROTOOPT, EFAULT.
    pub(crate) fn get(&self, name: u32, out: &mut OptionOut) -> Result<()> {
        let value = match name {
            IP_TTL => i32::from(self.ttl()),
            IP_TOS => i32::from(self.tos()),
            IP_MTU_DISCOVER => self.discovery.load(Ordering::Relaxed),
            name if SWITCHES.contains(&name) => self.is_on(name).into(),
            _ => return Err(Errno::ENOPROTOOPT),
        };
        // Who has room for less than a number gets a byte.
        match out.len {
            1..4 if (0..=255).contains(&value) => out.write(&(value as u8)),
            _ => out.write(&value),
        }
    }
}
