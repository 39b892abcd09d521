//! Sending datagrams.
use super::deliver::deliver;
use super::queue::Datagram;
use super::socket::UdpSocket;
use crate::address::Endpoint;
use crate::common::{LEVEL_IP, shut};
use crate::data::Data;
use crate::ports::Bound;
use crate::route;
use abi::net::{IP_TOS, IP_TTL, MSG_OOB, SCM_CREDENTIALS, SCM_RIGHTS, SOL_SOCKET};
use abi::{Errno, Result};
use kmem::try_arc;
use socket::Outgoing;

/// Most bytes of a datagram, and most that are worth to be asked for.
const MOST: usize = 65_507;

/// How one datagram goes.
struct Manner {
    ttl: u8,
    tos: u8,
}

impl UdpSocket {
    /// Sends a datagram: all of it.
    ///
    /// # Errors
    /// `EMSGSIZE`; `EOPNOTSUPP`: `MSG_OOB`; `EDESTADDRREQ`: it is not connected; `EINVAL`, `EAFNOSUPPORT`: the address or a
    /// control message makes no sense; `ENETUNREACH`; `EPIPE`: shut down; `EAGAIN`: no port is left; `EFAULT`; `ENOMEM`; an
    /// error that waits.
    pub(super) fn send_datagram(&self, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        self.bind_any().map_err(|_| Errno::EAGAIN)?;
        let len = message.data.remaining();
        if len > usize::from(u16::MAX) {
            return Err(Errno::EMSGSIZE);
        }
        if message.flags & MSG_OOB != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        let names = self.common().names();
        let to = match message.address {
            Some(address) => Endpoint::read_target(address)?,
            None => names.peer.ok_or(Errno::EDESTADDRREQ)?,
        };
        let manner = self.manner(message)?;
        let (interface, from, to) = route::ends(names.own, to)?;
        if len > MOST {
            return Err(Errno::EMSGSIZE);
        }
        self.common().base.check_error()?;
        if self.common().shut() & shut::SEND != 0 {
            return Err(Errno::EPIPE);
        }
        let datagram = try_arc(Datagram {
            from,
            to,
            ttl: manner.ttl,
            tos: manner.tos,
            data: Data::fetch(message.data, len)?,
        })?;
        deliver(interface, &datagram);
        Ok(len)
    }

    /// What the options and the control messages say. EINVAL.
    fn manner(&self, message: &Outgoing<'_, '_>) -> Result<Manner> {
        let options = &self.common().options;
        let mut manner = Manner {
            ttl: options.ttl(),
            tos: options.tos(),
        };
        let number = |body: &[u8]| -> Result<i32> {
            let bytes = body.first_chunk::<4>().ok_or(Errno::EINVAL)?;
            Ok(i32::from_ne_bytes(*bytes))
        };
        message.each_control(|level, kind, body| {
            match (level, kind) {
                (LEVEL_IP, IP_TTL) => match number(body)? {
                    hops @ 1..=255 => manner.ttl = hops as u8,
                    _ => return Err(Errno::EINVAL),
                },
                (LEVEL_IP, IP_TOS) => match body {
                    [tos] => manner.tos = *tos,
                    _ => match number(body)? {
                        tos @ 0..=255 => manner.tos = tos as u8,
                        _ => return Err(Errno::EINVAL),
                    },
                },
                // Those are for sockets between processes and mean nothing here.
                (SOL_SOCKET, SCM_RIGHTS | SCM_CREDENTIALS) => {}
                (LEVEL_IP | SOL_SOCKET, _) => return Err(Errno::EINVAL),
                _ => {}
            }
            Ok(())
        })?;
        Ok(manner)
    }
}
