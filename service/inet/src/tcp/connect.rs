//! connect(2).
use super::links;
use super::objects::{Pair, Phase, TcpSocket};
use super::piece::Piece;
use super::wire::Wire;
use crate::address::Endpoint;
use crate::common::waited;
use crate::route;
use abi::net::TCP_SYNCNT;
use abi::{Errno, Result};
use netdev::Interface;
use sync::WaitMode;
use tcp::{Change, Config, Connection, State};

/// Heads of IP and TCP.
const HEADS: u32 = 40;

impl TcpSocket {
    /// Asks for a connection, and waits for it unless `nonblock`.
    ///
    /// # Errors
    /// `EISCONN`; `EALREADY`; `EINPROGRESS`; `ECONNREFUSED`; `ETIMEDOUT`; `ENETUNREACH`; `EINVAL`, `EAFNOSUPPORT`: the
    /// address makes no sense; `EADDRNOTAVAIL`: no port is left, or there is such a connection; `ECONNABORTED`;
    /// `ERESTARTSYS`, `EINTR`; `ENOMEM`.
    pub(super) fn connect_to(&self, address: &[u8], nonblock: bool) -> Result<()> {
        let phase = self.core.lock().phase;
        match phase {
            Phase::Connected => return Err(Errno::EISCONN),
            Phase::Connecting if nonblock && self.is_asking() => return Err(Errno::EALREADY),
            Phase::Connecting => {}
            Phase::Fresh => {
                if self.listens() {
                    return Err(Errno::EISCONN);
                }
                self.ask(Endpoint::read(address)?)?;
                if nonblock {
                    return Err(Errno::EINPROGRESS);
                }
            }
        }
        self.wait_connected()
    }

    fn is_asking(&self) -> bool {
        matches!(self.state(), State::SynSent | State::SynReceived)
    }

    fn wait_connected(&self) -> Result<()> {
        let until = self.common.base.send_until();
        self.write_wait
            .wait(WaitMode::Interruptible, until, || {
                (!self.is_asking()).then_some(())
            })
            .map_err(|e| match waited(e, until) {
                Errno::EAGAIN => Errno::EINPROGRESS,
                error => error,
            })?;
        if self.state() == State::Closed {
            let error = self.common.base.take_error();
            self.disconnect();
            return Err(error.unwrap_or(Errno::ECONNABORTED));
        }
        self.core.lock().phase = Phase::Connected;
        Ok(())
    }

    /// Sends the SYN.
    fn ask(&self, to: Endpoint) -> Result<()> {
        if route::is_multicast(to.ip) {
            return Err(Errno::ENETUNREACH);
        }
        let mut names = self.common.names();
        let (interface, own, peer) = route::ends(names.own, to)?;
        self.make_timer()?;
        if names.bound == 0 {
            let any = Endpoint {
                ip: own.ip,
                port: 0,
            };
            self.claim(any).map_err(|e| match e {
                Errno::EADDRINUSE => Errno::EADDRNOTAVAIL,
                error => error,
            })?;
            names = self.common.names();
        }
        let pair = Pair {
            own: Endpoint {
                ip: own.ip,
                port: names.bound,
            },
            peer,
        };
        let socket = self.own.upgrade().ok_or(Errno::EINVAL)?;
        {
            let mut core = self.core.lock();
            if core.phase != Phase::Fresh {
                return Err(Errno::EALREADY);
            }
            core.pair = pair;
            core.connection = Some(Connection::connect(self.config(interface, pair)));
            core.phase = Phase::Connecting;
        }
        if let Err(error) = self.enter(pair, &socket) {
            let mut core = self.core.lock();
            core.phase = Phase::Fresh;
            core.connection = None;
            return Err(error);
        }
        self.common.reopen();
        self.common.rename(|names| {
            names.own.ip = own.ip;
            names.peer = Some(peer);
        });
        self.apply_options();
        let mut wire = Wire::new();
        self.act(&mut wire, |_| ())?;
        wire.run();
        Ok(())
    }

    /// Adds the connection to those that are known. An old one of the same names that only waits for what is late makes
    /// room: what is late can't be on the way any more.
    fn enter(&self, pair: Pair, socket: &alloc::sync::Arc<Self>) -> Result<()> {
        if let Some(old) = links::find(pair)
            && old.state() == State::TimeWait
        {
            let mut wire = Wire::new();
            let _ = old.act(&mut wire, Connection::abort);
            old.follow(Change::all(), &mut wire);
        }
        links::add(pair, socket)
    }

    pub(super) fn config(&self, interface: &Interface, pair: Pair) -> Config {
        let longest = interface.mtu.saturating_sub(HEADS).min(65_495) as u16;
        let asked = self.options.get(abi::net::TCP_MAXSEG).unwrap_or(0);
        let mss = match u16::try_from(asked) {
            Ok(asked @ 1..) => asked.min(longest),
            _ => longest,
        };
        Config {
            iss: pair.first_number(),
            mss,
            room: self.common.base.receive_room() / 2,
            syn_tries: self.options.get(TCP_SYNCNT).unwrap_or(6).unsigned_abs(),
        }
    }

    /// Ends the connection at once and forgets it: the socket is as it was.
    pub(super) fn disconnect(&self) {
        self.end_listening();
        let mut wire = Wire::new();
        if self.act(&mut wire, Connection::<Piece>::abort).is_ok() {
            self.follow(Change::all(), &mut wire);
        }
        let old = {
            let mut core = self.core.lock();
            core.phase = Phase::Fresh;
            core.connection.take()
        };
        drop(old);
        wire.run();
        self.common.base.take_error();
        self.common.reopen();
        let names = self.common.rename(|names| {
            names.peer = None;
            if !names.asked_ip {
                names.own.ip = 0;
            }
            *names
        });
        if !names.asked_port {
            super::objects::PORTS.release(self);
        }
        self.read_wait.wake_all();
        self.write_wait.wake_all();
    }
}
