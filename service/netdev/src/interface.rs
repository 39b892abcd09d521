//! An interface.
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use sync::{LockClass, SpinLock, rank};

static ADDRESS: LockClass = LockClass::new("netdev.address", rank::NONE);

/// Flags of an interface (netdevice(7)).
pub(crate) mod flag {
    pub(crate) const UP: u32 = 1;
    pub(crate) const DEBUG: u32 = 4;
    pub(crate) const LOOPBACK: u32 = 8;
    pub(crate) const NOTRAILERS: u32 = 0x20;
    pub(crate) const RUNNING: u32 = 0x40;
    pub(crate) const NOARP: u32 = 0x80;
    pub(crate) const MULTICAST: u32 = 0x1000;
    pub(crate) const PORTSEL: u32 = 0x2000;
    pub(crate) const AUTOMEDIA: u32 = 0x4000;
    pub(crate) const DYNAMIC: u32 = 0x8000;
    /// Those that are as `SIOCSIFFLAGS` says.
    pub(crate) const SETTABLE: u32 =
        UP | DEBUG | NOTRAILERS | NOARP | MULTICAST | PORTSEL | AUTOMEDIA | DYNAMIC;
}

/// An address of the Internet and how many of its bits name the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    /// In the machine's order.
    pub ip: u32,
    /// Leading ones of the mask.
    pub prefix: u32,
}

impl Address {
    /// The mask, in the machine's order.
    #[must_use]
    pub const fn mask(self) -> u32 {
        !(u32::MAX as u64 >> self.prefix) as u32
    }

    /// Whether an address is in the same network.
    #[must_use]
    pub const fn covers(self, ip: u32) -> bool {
        (self.ip ^ ip) & self.mask() == 0
    }
}

/// An interface.
pub struct Interface {
    /// Its name.
    pub name: &'static str,
    /// Its number; the first is 1.
    pub index: u32,
    /// `ARPHRD_*`.
    pub kind: u16,
    /// Most bytes of a packet, its IP header counted.
    pub mtu: u32,
    /// Most packets that wait to be sent.
    pub queue: u32,
    flags: AtomicU32,
    address: SpinLock<Option<Address>>,
    packets: AtomicU64,
    bytes: AtomicU64,
}

/// `lo`: what is sent to it was received by it.
pub static LO: Interface = Interface {
    name: "lo",
    index: 1,
    kind: 772,
    mtu: 65_536,
    queue: 1000,
    flags: AtomicU32::new(flag::LOOPBACK),
    address: SpinLock::new(&ADDRESS, None),
    packets: AtomicU64::new(0),
    bytes: AtomicU64::new(0),
};

/// What `lo` is called by without anybody having said so: 127.0.0.1/8.
const LOOPBACK: Address = Address {
    ip: 0x7f00_0001,
    prefix: 8,
};

static ALL: [&Interface; 1] = [&LO];

/// All interfaces.
pub(crate) fn all() -> impl Iterator<Item = &'static Interface> {
    ALL.into_iter()
}

/// The interface of that name.
#[must_use]
pub fn find(name: &[u8]) -> Option<&'static Interface> {
    all().find(|interface| interface.name.as_bytes() == name)
}

/// The interface of that number.
#[must_use]
pub fn by_index(index: u32) -> Option<&'static Interface> {
    all().find(|interface| interface.index == index)
}

/// The interface that has this address, up or down. All addresses of the network of a loopback interface are its own.
#[must_use]
pub fn of_address(ip: u32) -> Option<&'static Interface> {
    all().find(|interface| {
        let own = |address: Address| match interface.is_loopback() {
            true => address.covers(ip),
            false => address.ip == ip,
        };
        interface.address().is_some_and(own)
    })
}

impl Interface {
    /// Its flags as netdevice(7) has them.
    #[must_use]
    pub fn flags(&self) -> u32 {
        let flags = self.flags.load(Ordering::Acquire);
        match flags & flag::UP {
            0 => flags,
            _ => flags | flag::RUNNING,
        }
    }

    /// Whether it takes and gives packets.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.flags.load(Ordering::Acquire) & flag::UP != 0
    }

    /// Whether it gives back what is sent.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & flag::LOOPBACK != 0
    }

    /// Sets the flags that can be set. A loopback interface that comes up without an address gets 127.0.0.1/8.
    pub(crate) fn set_flags(&self, wanted: u32) {
        let up = wanted & flag::UP != 0;
        if up && self.is_loopback() {
            self.address.lock().get_or_insert(LOOPBACK);
        }
        let new = |old: u32| Some(old & !flag::SETTABLE | wanted & flag::SETTABLE);
        let _ = self
            .flags
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, new);
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> Option<Address> {
        *self.address.lock()
    }

    /// Counts a packet of so many bytes that it sent and received at once.
    pub fn count(&self, bytes: usize) {
        self.packets.fetch_add(1, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// How many packets and bytes there were, in each direction.
    pub(crate) fn counted(&self) -> (u64, u64) {
        let packets = self.packets.load(Ordering::Relaxed);
        (packets, self.bytes.load(Ordering::Relaxed))
    }
}
