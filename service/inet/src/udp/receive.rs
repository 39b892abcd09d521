//! Receiving datagrams.
use super::queue::Datagram;
use super::socket::UdpSocket;
use crate::common::{LEVEL_IP, shut, waited};
use crate::ports::Bound;
use abi::net::{
    IP_PKTINFO, IP_RECVTOS, IP_RECVTTL, IP_TOS, IP_TTL, MSG_ERRQUEUE, MSG_PEEK, MSG_TRUNC,
};
use abi::{Errno, Result};
use alloc::sync::Arc;
use socket::Incoming;
use sync::WaitMode;
use zerocopy::IntoBytes;

impl UdpSocket {
    /// Receives a datagram: how much of it there was room for, or with `MSG_TRUNC` how long it is.
    ///
    /// # Errors
    /// `EAGAIN`; `ERESTARTSYS`, `EINTR`; `EFAULT`; an error that waits.
    pub(super) fn receive_datagram(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags & MSG_ERRQUEUE != 0 {
            // Errors are told by the next call alone.
            return Err(Errno::EAGAIN);
        }
        let Some(datagram) = self.first(message)? else {
            return Ok(0);
        };
        let len = datagram.data.len();
        let copied = len.min(message.data.remaining());
        if copied < len {
            message.told |= MSG_TRUNC;
        }
        if copied != 0 {
            datagram.data.copy(0, message.data, copied)?;
        }
        message.address = datagram.from.address()?;
        self.tell(message, &datagram);
        match message.flags & MSG_TRUNC {
            0 => Ok(copied),
            _ => Ok(len),
        }
    }

    /// The first datagram, which stays with `MSG_PEEK`. `None`: it is shut down, and none will come.
    fn first(&self, message: &Incoming<'_, '_>) -> Result<Option<Arc<Datagram>>> {
        let peek = message.flags & MSG_PEEK != 0;
        let common = self.common();
        let look = || {
            if let Some(error) = common.base.take_error() {
                return Some(Err(error));
            }
            let mut queue = self.queue.lock();
            let found = if peek { queue.peek() } else { queue.pop() };
            found.map(|datagram| Ok(Some(datagram)))
        };
        if let Some(found) = look() {
            return found;
        }
        if message.nonblock {
            return Err(Errno::EAGAIN);
        }
        let until = common.base.receive_until();
        let found = || {
            let ended = || (common.shut() & shut::RECEIVE != 0).then_some(Ok(None));
            look().or_else(ended)
        };
        self.wait
            .wait(WaitMode::Interruptible, until, found)
            .map_err(|e| waited(e, until))?
    }

    /// Tells what was asked to be told of each datagram.
    fn tell(&self, message: &mut Incoming<'_, '_>, datagram: &Datagram) {
        let options = &self.common().options;
        if options.is_on(IP_PKTINFO) {
            let ip = datagram.to.ip.to_be();
            let interface = netdev::of_address(datagram.to.ip).map_or(0, |found| found.index);
            let body = [interface, ip, ip];
            message.control.put(LEVEL_IP, IP_PKTINFO, body.as_bytes());
        }
        if options.is_on(IP_RECVTTL) {
            let ttl = u32::from(datagram.ttl);
            message.control.put(LEVEL_IP, IP_TTL, &ttl.to_ne_bytes());
        }
        if options.is_on(IP_RECVTOS) {
            message.control.put(LEVEL_IP, IP_TOS, &[datagram.tos]);
        }
    }

    /// How long the first datagram is (`SIOCINQ`).
    pub(super) fn first_len(&self) -> usize {
        self.queue.lock().peek().map_or(0, |first| first.data.len())
    }
}
