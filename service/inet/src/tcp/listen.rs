//! listen(2), accept(2), and what waits in between.
use super::links;
use super::objects::{PORTS, Pair, Phase, TcpSocket};
use super::piece::Piece;
use super::wire::Wire;
use crate::address::Endpoint;
use crate::common::{Names, waited};
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use kmem::ReservedQueue;
use netdev::LO;
use socket::limits::SOMAXCONN;
use sync::WaitMode;
use tcp::{Change, Connection, Flags, Segment, State};

impl TcpSocket {
    /// Lets others connect. EINVAL: it is connected; EADDRINUSE; ENOMEM.
    pub(super) fn listen_for(&self, backlog: i32) -> Result<()> {
        let most = (backlog as u32).min(SOMAXCONN.get()) as usize;
        let fresh = self.core.lock().phase == Phase::Fresh;
        if !fresh || self.state() != State::Closed {
            return Err(Errno::EINVAL);
        }
        if self.listens() {
            self.backlog.lock().most = most;
            return Ok(());
        }
        let names = self.common.names();
        if names.bound == 0 {
            self.claim(Endpoint {
                ip: names.own.ip,
                port: 0,
            })?;
        }
        PORTS.alone(self, || {
            self.common.reopen();
            let mut backlog = self.backlog.lock();
            (backlog.most, backlog.open) = (most, true);
            self.common.base.set_listens();
        })
    }

    /// It listens no more: who waited to be accepted is refused. A port that bind(2) did not name is free again.
    pub(super) fn end_listening(&self) {
        let waiting = {
            let mut backlog = self.backlog.lock();
            if !core::mem::take(&mut backlog.open) {
                return;
            }
            self.common.base.end_listening();
            core::mem::take(&mut backlog.ready)
        };
        let mut wire = Wire::new();
        for child in waiting {
            child.give_up(&mut wire);
        }
        wire.run();
        self.read_wait.wake_all();
        if !self.common.names().asked_port {
            PORTS.release(self);
        }
    }

    /// Ends a connection that nobody has a descriptor of.
    fn give_up(&self, wire: &mut Wire) {
        self.core.lock().closed = true;
        let _ = self.act(wire, Connection::<Piece>::abort);
        self.follow(Change::all(), wire);
    }

    /// Somebody asks for a connection, or says what is for none. False: he is refused.
    pub(super) fn greet(&self, pair: Pair, segment: &Segment<Piece>, wire: &mut Wire) -> bool {
        if segment.flags.contains(Flags::RST) {
            return true;
        }
        if segment.flags.contains(Flags::ACK) {
            return false;
        }
        if !segment.flags.contains(Flags::SYN) {
            return true;
        }
        {
            let mut backlog = self.backlog.lock();
            if !backlog.open {
                return false;
            }
            // He asks again in a while.
            if backlog.ready.len() + backlog.coming > backlog.most {
                return true;
            }
            backlog.coming += 1;
        }
        if self.embryo(pair, segment, wire).is_err() {
            self.backlog.lock().coming -= 1;
        }
        true
    }

    /// Makes the socket of a connection that is asked for. ENOMEM; EADDRNOTAVAIL: there is one.
    fn embryo(&self, pair: Pair, syn: &Segment<Piece>, wire: &mut Wire) -> Result<()> {
        let child = Self::new()?;
        child.common.base.inherit(&self.common.base);
        child.common.options.inherit(&self.common.options);
        child.options.inherit(&self.options);
        child.make_timer()?;
        let config = child.config(&LO, pair);
        let connection = Connection::answer(config, syn).ok_or(Errno::EINVAL)?;
        {
            let mut core = child.core.lock();
            core.phase = Phase::Connected;
            core.pair = pair;
            core.connection = Some(connection);
            core.parent = self.own.clone();
        }
        let names = Names {
            own: pair.own,
            bound: pair.own.port,
            asked_ip: true,
            asked_port: false,
            peer: Some(pair.peer),
        };
        PORTS.join(&child, names)?;
        if let Err(error) = links::add(pair, &child) {
            PORTS.release(&child);
            return Err(error);
        }
        child.act(wire, |_| ())
    }

    /// A connection that it was asked for is established, or over before that.
    pub(super) fn child_came(&self, child: &Self, state: State, wire: &mut Wire) {
        let queued = {
            let mut backlog = self.backlog.lock();
            backlog.coming = backlog.coming.saturating_sub(1);
            let room = backlog.open && backlog.ready.try_reserve(1).is_ok();
            match child
                .own
                .upgrade()
                .filter(|_| room && state != State::Closed)
            {
                Some(own) => {
                    backlog.ready.push_back_reserved(own);
                    true
                }
                None => false,
            }
        };
        if queued {
            self.read_wait
                .wake_some(1, raw::POLLIN | raw::POLLRDNORM, true);
        } else if state != State::Closed {
            child.give_up(wire);
        }
    }

    /// The next that connected. EINVAL: it does not listen; EAGAIN, ERESTARTSYS, EINTR.
    pub(super) fn accept_next(&self, nonblock: bool) -> Result<Arc<Self>> {
        let next = || self.backlog.lock().ready.pop_front();
        if !self.listens() {
            return Err(Errno::EINVAL);
        }
        if let Some(child) = next() {
            return Ok(child);
        }
        if nonblock {
            return Err(Errno::EAGAIN);
        }
        let until = self.common.base.receive_until();
        let came = || match next() {
            Some(child) => Some(Ok(child)),
            None => (!self.listens()).then_some(Err(Errno::EINVAL)),
        };
        self.read_wait
            .wait(WaitMode::Interruptible, until, came)
            .map_err(|e| waited(e, until))?
    }
}
