//! The face to `service/socket`.
use super::objects::{LISTENS, TCP, TcpSocket};
use super::piece::Piece;
use crate::address;
use crate::common::shut;
use abi::net::{AF_UNSPEC, SO_KEEPALIVE, TCP_INFO, TCP_MAXSEG};
use abi::{Errno, Result};
use alloc::sync::Arc;
use kmem::user::{self, UserAddr};
use socket::{Address, Base, Caller, End, Incoming, OptionIn, OptionOut, Outgoing, Socket};
use tcp::{Connection, State};
use vfs::{PollEvents, PollTable};

/// `FIONREAD`, `TIOCOUTQ` and `SIOCOUTQNSD`.
const SIOCINQ: u32 = abi::ioctl::FIONREAD;
const SIOCOUTQ: u32 = abi::ioctl::TIOCOUTQ;
const SIOCOUTQNSD: u32 = 0x894b;
/// The longest segment while nothing is known of the path.
const SEGMENT: i32 = 536;
impl TcpSocket {
    fn info(&self) -> [u8; 104] {
        let mut info = [0; 104];
        info[0] = self.state_number();
        let told = self.look(|connection| (connection.retransmits().0, connection.mss()));
        let (retransmits, mss) = told.unwrap_or((0, SEGMENT as usize));
        info[2] = retransmits.min(255) as u8;
        // tcpi_snd_mss and tcpi_rcv_mss.
        info[16..20].copy_from_slice(&(mss as u32).to_ne_bytes());
        info[20..24].copy_from_slice(&(mss as u32).to_ne_bytes());
        info
    }

    /// `TCP_*`.
    pub(super) fn state_number(&self) -> u8 {
        if self.listens() {
            return LISTENS;
        }
        match self.state() {
            State::Established => 1,
            State::SynSent => 2,
            State::SynReceived => 3,
            State::FinWait1 => 4,
            State::FinWait2 => 5,
            State::TimeWait => 6,
            State::Closed => 7,
            State::CloseWait => 8,
            State::LastAck => 9,
            State::Closing => 11,
        }
    }
}

impl Socket for TcpSocket {
    fn base(&self) -> &Base {
        &self.common.base
    }

    fn opened(&self, ino: u64) {
        self.common.opened(ino);
    }

    fn has_sigpipe(&self) -> bool {
        true
    }

    fn ioctl(&self, cmd: u32, arg: usize) -> Result<usize> {
        let count = |count: fn(&Connection<Piece>) -> usize| {
            if self.listens() {
                return Err(Errno::EINVAL);
            }
            Ok(self.look(count).unwrap_or(0))
        };
        let value = match cmd {
            SIOCINQ => count(Connection::readable)?,
            SIOCOUTQ => count(Connection::unacknowledged)?,
            SIOCOUTQNSD => count(Connection::unsent)?,
            _ => return netdev::address_ioctl(cmd, arg),
        };
        user::write(UserAddr(arg), &(value as i32))?;
        Ok(0)
    }

    fn bind(&self, who: &Caller<'_>, address: &[u8]) -> Result<()> {
        let wanted = self.common.wanted(who, address)?;
        if self.state() != State::Closed {
            return Err(Errno::EINVAL);
        }
        self.claim(wanted)?;
        self.common.rename(|names| {
            names.asked_ip = wanted.ip != 0;
            names.asked_port = wanted.port != 0;
        });
        Ok(())
    }

    fn connect(&self, _who: &Caller<'_>, address: &[u8], nonblock: bool) -> Result<()> {
        if address::family(address)? == AF_UNSPEC {
            self.disconnect();
            return Ok(());
        }
        self.connect_to(address, nonblock)
    }

    fn listen(&self, backlog: i32) -> Result<()> {
        self.listen_for(backlog)
    }

    fn accept(&self, nonblock: bool) -> Result<Arc<dyn Socket>> {
        let next = self.accept_next(nonblock)?;
        Ok(next)
    }

    fn name(&self, end: End) -> Result<Address> {
        // Who was accepted is told by name even if it is over by now.
        let known = self.common.ino.load(core::sync::atomic::Ordering::Relaxed) == 0;
        let over = matches!(self.state(), State::Closed | State::SynSent);
        if end == End::Peer && over && !known {
            return Err(Errno::ENOTCONN);
        }
        self.common.name(end)
    }

    fn shutdown(&self, how: u32) -> Result<()> {
        self.shut_down(how)
    }

    fn send(&self, _who: &Caller<'_>, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        self.send_bytes(message)
    }

    fn receive(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        self.receive_bytes(message)
    }

    fn set_option(&self, _who: &Caller<'_>, level: u32, name: u32, value: &OptionIn) -> Result<()> {
        if level != TCP {
            return self.common.set_option(level, name, value);
        }
        self.options.set(name, value)?;
        self.apply_options();
        Ok(())
    }

    fn base_changed(&self) {
        self.apply_options();
    }

    fn option(&self, level: u32, name: u32, out: &mut OptionOut) -> Result<()> {
        if level != TCP {
            return self.common.option(level, name, out);
        }
        if name == TCP_INFO {
            return out.write(&self.info());
        }
        if name == TCP_MAXSEG
            && let Some(mss) = self.look(Connection::mss)
        {
            return out.write(&(mss as i32));
        }
        match (name, self.options.get(name)) {
            (TCP_MAXSEG, Some(0)) => out.write(&SEGMENT),
            (_, Some(value)) => out.write(&value),
            (_, None) => Err(Errno::ENOPROTOOPT),
        }
    }

    fn poll(&self, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(&self.read_wait);
        table.wait(&self.write_wait);
        self.ready()
    }

    fn close(&self) {
        self.end_it();
    }
}

impl TcpSocket {
    /// What poll(2) says.
    fn ready(&self) -> PollEvents {
        if self.listens() {
            let waits = self.backlog.lock().has_ready();
            return if waits {
                PollEvents::READABLE
            } else {
                PollEvents::empty()
            };
        }
        let (state, readable, charged) = self
            .look(|connection| {
                let readable = connection.readable();
                (connection.state(), readable, connection.unacknowledged())
            })
            .unwrap_or((State::Closed, 0, 0));
        let base = &self.common.base;
        let shut = self.common.shut();
        let mut events = PollEvents::empty();
        events.set(PollEvents::ERR, base.has_error());
        events.set(
            PollEvents::HUP,
            shut == shut::BOTH || state == State::Closed,
        );
        if shut & shut::RECEIVE != 0 {
            events |= PollEvents::RDHUP | PollEvents::READABLE;
        }
        if matches!(state, State::SynSent | State::SynReceived) {
            return events;
        }
        if readable >= base.receive_least().min(base.receive_room() / 2).max(1) {
            events |= PollEvents::READABLE;
        }
        if shut & shut::SEND != 0 || charged + charged / 2 <= base.send_room() {
            events |= PollEvents::WRITABLE;
        }
        events
    }

    /// Whether the other side is asked now and then whether it is there.
    pub(super) fn keeps_alive(&self) -> bool {
        self.common.base.is_on(SO_KEEPALIVE)
    }
}
