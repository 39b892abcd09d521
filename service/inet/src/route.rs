//! Which interface leads where. All that is reached is the machine itself.
use crate::address::Endpoint;
use abi::{Errno, Result};
use netdev::{Interface, LO};

const BROADCAST: u32 = u32::MAX;

/// 224.0.0.0/4.
pub(crate) const fn is_multicast(ip: u32) -> bool {
    ip >> 28 == 0xe
}

/// Whether a socket may be bound to this address: one of the machine's, or one for many. Before the machine has any, each
/// will do, as for Linux, which has no table to look into then.
pub(crate) fn may_bind(ip: u32) -> bool {
    let vague = ip >> 24 == 0 || ip == BROADCAST || is_multicast(ip);
    vague || LO.address().is_none() || netdev::of_address(ip).is_some()
}

/// The interface that leads to an address, and the address to come from. Without an address it is the machine itself.
/// ENETUNREACH.
pub(crate) fn find(to: u32) -> Result<(&'static Interface, u32)> {
    let interface = match to {
        0 => Some(&LO),
        to => netdev::of_address(to),
    };
    let interface = interface.ok_or(Errno::ENETUNREACH)?;
    let address = interface.address().ok_or(Errno::ENETUNREACH)?;
    Ok((interface, address.ip))
}

/// Both ends of what goes from `from` to `to`, where neither address is left open. ENETUNREACH.
pub(crate) fn ends(
    from: Endpoint,
    to: Endpoint,
) -> Result<(&'static Interface, Endpoint, Endpoint)> {
    let (interface, source) = find(to.ip)?;
    let own = match from.ip {
        0 => source,
        ip => ip,
    };
    let target = match to.ip {
        0 => source,
        ip => ip,
    };
    let at = |ip, port| Endpoint { ip, port };
    Ok((interface, at(own, from.port), at(target, to.port)))
}
