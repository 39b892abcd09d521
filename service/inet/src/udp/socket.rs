//! The face to `service/socket`.
use super::queue::Queue;
use crate::address::{self, Endpoint};
use crate::common::{Common, shut};
use crate::ports::{Bound, Ports};
use crate::route;
use crate::table::{self, Layout, Row};
use abi::net::{AF_UNSPEC, SOCK_DGRAM};
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use core::fmt::Write;
use kmem::try_arc_cyclic;
use kmem::user::{self, UserAddr};
use socket::{Address, Base, Caller, End, Incoming, OptionIn, OptionOut, Outgoing, Socket};
use sync::{LockClass, SpinLock, WaitQueue, rank};
use vfs::{PollEvents, PollTable, SeqBuf};

static QUEUE: LockClass = LockClass::new("inet.udp", rank::NONE);

/// `FIONREAD` and `TIOCOUTQ`.
const SIOCINQ: u32 = abi::ioctl::FIONREAD;
const SIOCOUTQ: u32 = abi::ioctl::TIOCOUTQ;
/// `IPPROTO_UDP`.
const UDP: i32 = 17;

/// All ports of UDP.
pub(super) static PORTS: Ports<UdpSocket> = Ports::new();

/// A socket of datagrams.
pub(crate) struct UdpSocket {
    common: Common,
    /// Itself, for the table of ports.
    own: Weak<Self>,
    pub(super) queue: SpinLock<Queue>,
    pub(super) wait: WaitQueue,
}

impl Bound for UdpSocket {
    fn common(&self) -> &Common {
        &self.common
    }
}

impl UdpSocket {
    /// A socket without a port. ENOMEM.
    pub(crate) fn new() -> Result<Arc<Self>> {
        try_arc_cyclic(|own| Self {
            common: Common::new(SOCK_DGRAM, UDP),
            own: own.clone(),
            queue: SpinLock::new(&QUEUE, Queue::new()),
            wait: WaitQueue::new(),
        })
    }

    fn claim(&self, wanted: Endpoint) -> Result<()> {
        let own = self.own.upgrade().ok_or(Errno::EINVAL)?;
        PORTS.claim(&own, wanted).map(drop)
    }

    /// Sees to it that it has a port. EADDRINUSE: none is left; ENOMEM.
    pub(super) fn bind_any(&self) -> Result<()> {
        let names = self.common.names();
        if names.bound != 0 {
            return Ok(());
        }
        let at = Endpoint {
            ip: names.own.ip,
            port: 0,
        };
        match self.claim(at) {
            // Another call was faster.
            Err(Errno::EINVAL) => Ok(()),
            result => result,
        }
    }

    /// It talks to nobody any more; what it was not asked to be called it is called no more.
    fn disconnect(&self) {
        let names = self.common.rename(|names| {
            names.peer = None;
            if !names.asked_ip {
                names.own.ip = 0;
            }
            *names
        });
        if !names.asked_port {
            PORTS.release(self);
            self.common.rename(|names| names.own.port = 0);
        }
    }
}

impl Socket for UdpSocket {
    fn base(&self) -> &Base {
        &self.common.base
    }

    fn opened(&self, ino: u64) {
        self.common.opened(ino);
    }

    fn ioctl(&self, cmd: u32, arg: usize) -> Result<usize> {
        let value = match cmd {
            SIOCINQ => self.first_len() as i32,
            // What is sent is in its receiver's queue.
            SIOCOUTQ => 0,
            _ => return netdev::address_ioctl(cmd, arg),
        };
        user::write(UserAddr(arg), &value)?;
        Ok(0)
    }

    fn bind(&self, who: &Caller<'_>, address: &[u8]) -> Result<()> {
        let wanted = self.common.wanted(who, address)?;
        self.claim(wanted)?;
        self.common.rename(|names| {
            names.asked_ip = wanted.ip != 0;
            names.asked_port = wanted.port != 0;
        });
        Ok(())
    }

    fn connect(&self, _who: &Caller<'_>, address: &[u8], _nonblock: bool) -> Result<()> {
        if address::family(address)? == AF_UNSPEC {
            self.disconnect();
            return Ok(());
        }
        self.bind_any().map_err(|_| Errno::EAGAIN)?;
        let peer = Endpoint::read(address)?;
        let (_, from, to) = route::ends(self.common.names().own, peer)?;
        self.common.rename(|names| {
            names.own.ip = from.ip;
            names.peer = Some(to);
        });
        Ok(())
    }

    fn name(&self, end: End) -> Result<Address> {
        self.common.name(end)
    }

    fn shutdown(&self, how: u32) -> Result<()> {
        let directions = match how {
            0..=2 => how as u8 + 1,
            _ => return Err(Errno::EINVAL),
        };
        let connected = self.common.names().peer.is_some();
        self.common.shut_down(directions);
        self.wait.wake_all();
        if connected {
            Ok(())
        } else {
            Err(Errno::ENOTCONN)
        }
    }

    fn send(&self, _who: &Caller<'_>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        self.send_datagram(message)
    }

    fn receive(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        self.receive_datagram(message)
    }

    fn set_option(&self, _who: &Caller<'_>, level: u32, name: u32, value: &OptionIn) -> Result<()> {
        self.common.set_option(level, name, value)
    }

    fn option(&self, level: u32, name: u32, out: &mut OptionOut) -> Result<()> {
        self.common.option(level, name, out)
    }

    fn poll(&self, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.wait);
        let shut = self.common.shut();
        let mut events = PollEvents::WRITABLE | PollEvents::WRBAND;
        events.set(PollEvents::ERR, self.common.base.has_error());
        events.set(PollEvents::HUP, shut == shut::BOTH);
        if shut & shut::RECEIVE != 0 {
            events |= PollEvents::RDHUP | PollEvents::READABLE;
        }
        if !self.queue.lock().is_empty() {
            events |= PollEvents::READABLE;
        }
        events
    }

    fn close(&self) {
        PORTS.release(self);
        let left = self.queue.lock().close();
        drop(left);
    }
}

/// /proc/net/udp.
pub(crate) fn show(out: &mut SeqBuf) -> Result<()> {
    const LAYOUT: Layout = Layout {
        head: "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops",
        number: 5,
        whole: 127,
    };
    let row = |socket: &Arc<UdpSocket>| {
        let peer = socket.common.names().peer;
        Row {
            peer,
            state: if peer.is_some() { 1 } else { 7 },
            send: 0,
            receive: socket.queue.lock().cost(),
            references: 2,
            timer: (0, 0),
            retransmits: 0,
        }
    };
    let rest = |out: &mut SeqBuf, socket: &Arc<UdpSocket>| {
        let _ = write!(out, " {}", socket.queue.lock().lost);
    };
    table::write(out, LAYOUT, &PORTS, row, rest);
    Ok(())
}
