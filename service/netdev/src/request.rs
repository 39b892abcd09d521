//! ioctl(2) of interfaces (netdevice(7)).
use crate::interface::{Address, Interface, all, by_index, find};
use abi::ioctl::{
    SIOCGIFADDR, SIOCGIFBRDADDR, SIOCGIFCONF, SIOCGIFDSTADDR, SIOCGIFFLAGS, SIOCGIFHWADDR,
    SIOCGIFINDEX, SIOCGIFMETRIC, SIOCGIFMTU, SIOCGIFNAME, SIOCGIFNETMASK, SIOCGIFTXQLEN,
    SIOCSIFFLAGS,
};
use abi::net::AF_INET;
use abi::{Errno, Result};
use cred::{Cred, cap};
use kmem::user::{self, UserAddr};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

const NAME: usize = 16;

/// `struct ifreq`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Request {
    name: [u8; NAME],
    value: [u8; 24],
}

/// `struct ifconf`.
#[derive(Clone, Copy, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Listing {
    len: i32,
    pad: u32,
    at: usize,
}

impl Request {
    fn new(interface: &Interface) -> Self {
        let mut this = Self {
            name: [0; NAME],
            value: [0; 24],
        };
        this.name[..interface.name.len()].copy_from_slice(interface.name.as_bytes());
        this
    }

    /// The interface that it names; what follows a colon was an alias once. ENODEV.
    fn interface(&self) -> Result<&'static Interface> {
        let end = |byte: &u8| *byte == 0 || *byte == b':';
        let len = self.name[..NAME - 1].iter().position(end);
        find(&self.name[..len.unwrap_or(NAME - 1)]).ok_or(Errno::ENODEV)
    }

    fn put(&mut self, bytes: &[u8]) {
        self.value[..bytes.len()].copy_from_slice(bytes);
    }

    /// `struct sockaddr_in` with that address.
    fn put_address(&mut self, ip: u32) {
        self.value[..16].fill(0);
        self.put(&(AF_INET as u16).to_ne_bytes());
        self.value[4..8].copy_from_slice(&ip.to_be_bytes());
    }

    fn number(&self) -> u32 {
        let [a, b, c, d, ..] = self.value;
        u32::from_ne_bytes([a, b, c, d])
    }
}

/// What any socket answers. ENOTTY: it is no such command; ENODEV; EPERM; EFAULT.
pub fn ioctl(cmd: u32, arg: usize, cred: &Cred) -> Result<usize> {
    match cmd {
        SIOCGIFCONF => return list(arg),
        SIOCGIFNAME => return tell_name(arg),
        SIOCGIFFLAGS | SIOCSIFFLAGS | SIOCGIFMETRIC | SIOCGIFMTU | SIOCGIFHWADDR | SIOCGIFINDEX
        | SIOCGIFTXQLEN => {}
        _ => return Err(Errno::ENOTTY),
    }
    let mut request: Request = user::read(UserAddr(arg))?;
    if cmd == SIOCSIFFLAGS && !cred.capable(cap::NET_ADMIN) {
        return Err(Errno::EPERM);
    }
    let interface = request.interface()?;
    match cmd {
        SIOCSIFFLAGS => {
            interface.set_flags(request.number() & 0xffff);
            return Ok(0);
        }
        SIOCGIFFLAGS => request.put(&(interface.flags() as u16).to_ne_bytes()),
        SIOCGIFMETRIC => request.put(&0u32.to_ne_bytes()),
        SIOCGIFMTU => request.put(&interface.mtu.to_ne_bytes()),
        SIOCGIFINDEX => request.put(&interface.index.to_ne_bytes()),
        SIOCGIFTXQLEN => request.put(&interface.queue.to_ne_bytes()),
        // An address of six zeros.
        _ => {
            request.value[..16].fill(0);
            request.put(&interface.kind.to_ne_bytes());
        }
    }
    user::write(UserAddr(arg), &request)?;
    Ok(0)
}

/// What sockets of the Internet answer besides. ENOTTY: it is no such command; ENODEV; EADDRNOTAVAIL: it has no address; EFAULT.
pub fn address_ioctl(cmd: u32, arg: usize) -> Result<usize> {
    let told: fn(Address) -> u32 = match cmd {
        SIOCGIFADDR | SIOCGIFDSTADDR => |address| address.ip,
        SIOCGIFNETMASK => Address::mask,
        // A loopback network has no address that all hear.
        SIOCGIFBRDADDR => |_| 0,
        _ => return Err(Errno::ENOTTY),
    };
    let mut request: Request = user::read(UserAddr(arg))?;
    let address = request.interface()?.address();
    request.put_address(told(address.ok_or(Errno::EADDRNOTAVAIL)?));
    user::write(UserAddr(arg), &request)?;
    Ok(0)
}

fn tell_name(arg: usize) -> Result<usize> {
    let request: Request = user::read(UserAddr(arg))?;
    let interface = by_index(request.number()).ok_or(Errno::ENODEV)?;
    let mut answer = Request::new(interface);
    answer.value = request.value;
    user::write(UserAddr(arg), &answer)?;
    Ok(0)
}

/// Lists the interfaces that have addresses, as many as there is room for; without a place: how much room that takes.
fn list(arg: usize) -> Result<usize> {
    let mut listing: Listing = user::read(UserAddr(arg))?;
    let room = usize::try_from(listing.len).unwrap_or(0);
    let mut used = 0;
    for interface in all() {
        let Some(address) = interface.address() else {
            continue;
        };
        if listing.at != 0 {
            if room - used < size_of::<Request>() {
                break;
            }
            let mut request = Request::new(interface);
            request.put_address(address.ip);
            user::write(UserAddr(listing.at.wrapping_add(used)), &request)?;
        }
        used += size_of::<Request>();
    }
    listing.len = used as i32;
    user::write(UserAddr(arg), &listing)?;
    Ok(0)
}
