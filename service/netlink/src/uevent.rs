//! The kernel's end of NETLINK_KOBJECT_UEVENT: events of devices go to group 1; who may can have one sent himself.
use crate::queue::Message;
use crate::table::{self, broadcast};
use abi::netlink::NETLINK_KOBJECT_UEVENT;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::cap;
use device::EventSink;
use kmem::{TryVec, try_arc};
use socket::{Caller, Credentials};

/// The group that the kernel's events go to.
const KERNEL: u32 = 1;
/// Bytes of `struct nlmsghdr`, and its flag for a request.
const HEAD: usize = 16;
const REQUEST: u16 = 1;
/// The first type that is no message of netlink's own.
const FIRST_TYPE: u16 = 16;
/// Longest event.
const LONGEST: usize = 2048;

/// Sends what the kernel tells of devices.
pub(crate) struct Broadcast;

impl EventSink for Broadcast {
    fn is_wanted(&self) -> bool {
        table::has_members(NETLINK_KOBJECT_UEVENT as i32, KERNEL)
    }

    fn tell(&self, event: Vec<u8>) -> Result<()> {
        let message = try_arc(Message {
            bytes: event,
            port: 0,
            group: KERNEL,
            sender: Credentials::default(),
        })?;
        broadcast(NETLINK_KOBJECT_UEVENT as i32, &message, &[]);
        Ok(())
    }
}

/// A program sent the kernel something: events that it wants to be told to all, each a netlink message. What is none has
/// no meaning.
pub(crate) fn told(who: &Caller<'_>, message: &Arc<Message>) {
    let mut rest = &message.bytes[..];
    while rest.len() >= HEAD {
        let word = |at: usize| u16::from_ne_bytes([rest[at], rest[at + 1]]);
        let len = u32::from_ne_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        if len < HEAD || len > rest.len() {
            return;
        }
        if word(6) & REQUEST != 0 && word(4) >= FIRST_TYPE {
            let _ = relay(who, &rest[HEAD..len]);
        }
        rest = rest.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
}

/// Tells all of an event that a program made up. EPERM; EINVAL: it is too long; ENOMEM.
fn relay(who: &Caller<'_>, event: &[u8]) -> Result<()> {
    if !who.may(cap::SYS_ADMIN) {
        return Err(Errno::EPERM);
    }
    let number = kmem::try_format!("SEQNUM={}\0", device::next_event())?;
    if event.len() + number.len() > LONGEST {
        return Err(Errno::EINVAL);
    }
    let mut bytes = Vec::try_with_capacity(event.len() + number.len())?;
    bytes.try_extend(event)?;
    bytes.try_extend(number.as_bytes())?;
    Broadcast.tell(bytes)
}
