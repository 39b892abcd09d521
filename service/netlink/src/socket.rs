//! What a program does with its socket.
use crate::address::{NetlinkAddress, group_of, mask_of};
use crate::endpoint::NetlinkSocket;
use crate::queue::{Message, Waiting};
use crate::table::{self, broadcast};
use crate::{diag, uevent};
use abi::net::{
    AF_UNSPEC, MSG_DONTWAIT, MSG_OOB, MSG_PEEK, MSG_TRUNC, SCM_CREDENTIALS, SO_PEERGROUPS,
    SOL_SOCKET,
};
use abi::netlink::{
    NETLINK_ADD_MEMBERSHIP, NETLINK_DROP_MEMBERSHIP, NETLINK_KOBJECT_UEVENT,
    NETLINK_LIST_MEMBERSHIPS, NETLINK_NO_ENOBUFS, NETLINK_PKTINFO, NETLINK_SOCK_DIAG,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use cred::cap;
use kmem::{TryVec, try_arc};
use socket::{
    Address, Base, Caller, Credentials, End, Incoming, OptionIn, OptionOut, Outgoing, Socket,
};
use vfs::{PollEvents, PollTable};
use zerocopy::IntoBytes;

/// `SOL_NETLINK`.
const SOL_NETLINK: u32 = 270;
/// Groups of a protocol.
const GROUPS: u32 = 32;
/// Of a socket's room for sending a message may take all but so much.
const SEND_HEAD: usize = 32;

/// A socket without a port. ENOMEM.
pub(crate) fn create(kind: u32, protocol: i32) -> Result<Arc<NetlinkSocket>> {
    let socket = NetlinkSocket::new(kind, protocol)?;
    table::add(&socket)?;
    Ok(socket)
}

impl NetlinkSocket {
    /// Its port, given to it now if it has none. EADDRINUSE.
    fn bound(&self, who: &Caller<'_>) -> Result<u32> {
        if self.port().is_none() {
            table::bind(self, 0, who.pid())?;
        }
        Ok(self.port().unwrap_or(0))
    }

    fn check_sender(&self, who: &Caller<'_>, said: Option<Credentials>) -> Result<Credentials> {
        let Some(said) = said else {
            return Ok(who.credentials());
        };
        who.check_claim(&said)?;
        Ok(said)
    }

    fn set_membership(&self, group: i32, member: bool) -> Result<()> {
        if !(1..=GROUPS as i32).contains(&group) {
            return Err(Errno::EINVAL);
        }
        let mut state = self.state.lock();
        match member {
            true => state.groups |= mask_of(group as u32),
            false => state.groups &= !mask_of(group as u32),
        }
        Ok(())
    }
}

impl Socket for NetlinkSocket {
    fn base(&self) -> &Base {
        &self.base
    }

    fn bind(&self, who: &Caller<'_>, address: &[u8]) -> Result<()> {
        let address = NetlinkAddress::read(address)?;
        match (self.port(), address.port) {
            (Some(own), wanted) if own != wanted => return Err(Errno::EINVAL),
            (Some(_), _) => {}
            (None, wanted) => table::bind(self, wanted, who.pid())?,
        }
        self.state.lock().groups = address.groups;
        Ok(())
    }

    fn connect(&self, who: &Caller<'_>, address: &[u8], _nonblock: bool) -> Result<()> {
        let family = address.first_chunk::<2>().ok_or(Errno::EINVAL)?;
        if u32::from(u16::from_ne_bytes(*family)) == AF_UNSPEC {
            let mut state = self.state.lock();
            (state.peer, state.connected) = ((0, 0), false);
            return Ok(());
        }
        let address = NetlinkAddress::read(address)?;
        if (address.port != 0 || address.groups != 0) && !who.may(cap::NET_ADMIN) {
            return Err(Errno::EPERM);
        }
        self.bound(who)?;
        let mut state = self.state.lock();
        state.peer = (address.port, group_of(address.groups));
        state.connected = true;
        Ok(())
    }

    fn name(&self, end: End) -> Result<Address> {
        let state = *self.state.lock();
        let (port, groups) = match end {
            End::Own => (state.port.unwrap_or(0), state.groups),
            End::Peer => (state.peer.0, mask_of(state.peer.1)),
        };
        NetlinkAddress::new(port, groups).address()
    }

    fn send(&self, who: &Caller<'_>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        if message.flags & MSG_OOB != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let len = message.data.remaining();
        if len == 0 {
            return Err(Errno::ENODATA);
        }
        let sender = self.check_sender(who, message.credentials()?)?;
        let (port, group) = match message.address {
            Some(address) => {
                let address = NetlinkAddress::read(address)?;
                let group = group_of(address.groups);
                if (address.port != 0 || group != 0) && !who.may(cap::NET_ADMIN) {
                    return Err(Errno::EPERM);
                }
                (address.port, group)
            }
            None => self.state.lock().peer,
        };
        let own = self.bound(who)?;
        if len > self.base.send_room().saturating_sub(SEND_HEAD) {
            return Err(Errno::EMSGSIZE);
        }
        let mut bytes = Vec::try_filled(0, len)?;
        if message.data.copy_from(&mut bytes)? < len {
            return Err(Errno::EFAULT);
        }
        let sent = try_arc(Message {
            bytes,
            port: own,
            group,
            sender,
        })?;
        if group != 0 {
            broadcast(self.protocol(), &sent, &[own, port]);
        }
        let nonblock = message.nonblock || message.flags & MSG_DONTWAIT != 0;
        if port == 0 {
            match self.protocol() as u32 {
                NETLINK_KOBJECT_UEVENT => uevent::told(who, &sent),
                NETLINK_SOCK_DIAG => diag::told(self, &sent.bytes),
                _ => return Err(Errno::ECONNREFUSED),
            }
            return Ok(len);
        }
        let to = table::find(self.protocol(), port)?;
        let peers = {
            let state = to.state.lock();
            !state.connected || state.peer.0 == own
        };
        if !peers {
            return Err(Errno::ECONNREFUSED);
        }
        to.take(&sent, nonblock, self.base.send_until())
    }

    fn receive(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags & MSG_OOB != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let Waiting { message: got, len } = self.first(message)?;
        if message.flags & MSG_PEEK == 0 {
            self.room.wake_all();
            diag::go_on(self);
        }
        let bytes = &got.bytes[..len];
        let mut copied = len.min(message.data.remaining());
        if copied < len {
            message.told |= MSG_TRUNC;
        }
        if message.data.copy_to(&bytes[..copied])? < copied {
            return Err(Errno::EFAULT);
        }
        message.address = NetlinkAddress::new(got.port, mask_of(got.group)).address()?;
        if self.tells_group.load(Ordering::Relaxed) {
            let group = got.group.to_ne_bytes();
            message.control.put(SOL_NETLINK, NETLINK_PKTINFO, &group);
        }
        if message.flags & MSG_TRUNC != 0 {
            copied = len;
        }
        if self.base.passes_credentials() {
            let sender = got.sender.as_bytes();
            message.control.put(SOL_SOCKET, SCM_CREDENTIALS, sender);
        }
        Ok(copied)
    }

    fn set_option(&self, who: &Caller<'_>, level: u32, name: u32, value: &OptionIn) -> Result<()> {
        let _ = who;
        if level != SOL_NETLINK {
            return Err(Errno::ENOPROTOOPT);
        }
        let number = match value.len {
            4.. => value.read::<i32>()?,
            _ => 0,
        };
        match name {
            NETLINK_PKTINFO => self.tells_group.store(number != 0, Ordering::Relaxed),
            NETLINK_NO_ENOBUFS => {
                self.silent.store(number != 0, Ordering::Relaxed);
                if number != 0 {
                    self.queue.lock().congested = false;
                    self.room.wake_all();
                }
            }
            NETLINK_ADD_MEMBERSHIP => self.set_membership(number, true)?,
            NETLINK_DROP_MEMBERSHIP => self.set_membership(number, false)?,
            _ => return Err(Errno::ENOPROTOOPT),
        }
        Ok(())
    }

    fn option(&self, level: u32, name: u32, out: &mut OptionOut) -> Result<()> {
        // It is connected with no process.
        if (level, name) == (SOL_SOCKET, SO_PEERGROUPS) {
            return Err(Errno::ENODATA);
        }
        if level != SOL_NETLINK {
            return Err(Errno::ENOPROTOOPT);
        }
        let flag = match name {
            NETLINK_PKTINFO => &self.tells_group,
            NETLINK_NO_ENOBUFS => &self.silent,
            NETLINK_LIST_MEMBERSHIPS => {
                let groups = self.state.lock().groups;
                if out.len >= size_of::<u32>() {
                    out.write(&groups)?;
                }
                out.len = size_of::<u32>();
                return Ok(());
            }
            _ => return Err(Errno::ENOPROTOOPT),
        };
        if out.len < size_of::<i32>() {
            return Err(Errno::EINVAL);
        }
        out.write(&i32::from(flag.load(Ordering::Relaxed)))
    }

    fn tell(&self, what: Vec<u8>) -> Result<()> {
        let message = try_arc(Message {
            bytes: what,
            port: 0,
            group: 0,
            sender: Credentials::default(),
        })?;
        self.queue(&message).map(drop).map_err(|_| Errno::ENOMEM)
    }

    fn can_be_told(&self) -> bool {
        true
    }

    fn poll(&self, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.wait);
        let mut events = PollEvents::WRITABLE | PollEvents::WRBAND;
        if self.base.has_error() {
            events |= PollEvents::ERR;
        }
        if !self.queue.lock().is_empty() {
            events |= PollEvents::READABLE;
        }
        events
    }

    fn close(&self) {
        table::remove(self);
        let left = self.queue.lock().close();
        drop(left);
        self.room.wake_all();
    }
}
