//! What follows from a change of a connection's state; its timer.
use super::links;
use super::objects::{Core, PORTS, Pair, SEND, TcpSocket};
use super::piece::Piece;
use super::wire::{Wire, begins_anew};
use crate::common::shut;
use abi::net::{TCP_CORK, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY, TCP_USER_TIMEOUT};
use abi::{Errno, Result, raw};
use alloc::sync::Weak;
use core::sync::atomic::Ordering;
use tcp::{Change, Connection, Ending, KeepAlive, Segment, State};
use workqueue::{DelayedWork, system_wq};

const SECOND: u64 = 1_000_000_000;
/// The room of an established connection for what is sent (tcp(7), `tcp_wmem`), if nobody asked for another.
const ESTABLISHED_SEND: usize = 2_626_560;
/// Poll events of "something to receive" and of "room to send".
const IN: u32 = raw::POLLIN | raw::POLLRDNORM | raw::POLLRDHUP;
const OUT: u32 = raw::POLLOUT | raw::POLLWRNORM | raw::POLLWRBAND;

impl TcpSocket {
    /// Makes its timer. ENOMEM.
    pub(super) fn make_timer(&self) -> Result<()> {
        if self.timer.get().is_none() {
            let own: Weak<Self> = self.own.clone();
            let fire = move || {
                if let Some(socket) = own.upgrade() {
                    socket.fire();
                }
            };
            let _ = self.timer.set(DelayedWork::new(system_wq(), fire)?);
        }
        Ok(())
    }

    /// Sees to it that the timer fires when the connection wants it. The core is locked.
    pub(super) fn arm(&self, core: &Core) {
        let deadline = core.connection.as_ref().and_then(Connection::deadline);
        let (Some(at), Some(timer)) = (deadline, self.timer.get()) else {
            return;
        };
        // One that fires too early looks again.
        if at < self.armed.load(Ordering::Relaxed) {
            self.armed.store(at, Ordering::Relaxed);
            let wait = at.saturating_sub(hal::clock::now_ns());
            timer.modify(wait.max(1));
        }
    }

    fn fire(&self) {
        let mut wire = Wire::new();
        let change = {
            let mut core = self.core.lock();
            self.armed.store(u64::MAX, Ordering::Relaxed);
            let pair = core.pair;
            let Some(connection) = &mut core.connection else {
                return;
            };
            let change = connection.tick(hal::clock::now_ns());
            wire.pull(connection, pair);
            self.arm(&core);
            change
        };
        self.follow(change, &mut wire);
        wire.run();
    }

    /// Does something with the connection and takes what it then sends. ENOTCONN: there is none.
    pub(super) fn act<R>(
        &self,
        wire: &mut Wire,
        act: impl FnOnce(&mut Connection<Piece>) -> R,
    ) -> Result<R> {
        let mut core = self.core.lock();
        let pair = core.pair;
        let connection = core.connection.as_mut().ok_or(Errno::ENOTCONN)?;
        let result = act(connection);
        wire.pull(connection, pair);
        self.arm(&core);
        Ok(result)
    }

    /// A segment for its connection arrived. False: it is for who listens.
    pub(super) fn arrive(&self, pair: Pair, segment: &Segment<Piece>, wire: &mut Wire) -> bool {
        let (change, mine) = {
            let mut core = self.core.lock();
            if core.pair != pair {
                return false;
            }
            let Some(connection) = &mut core.connection else {
                return false;
            };
            if connection.state() == State::Closed {
                return false;
            }
            if begins_anew(connection, segment) {
                connection.abort();
                (Change::all(), false)
            } else {
                let change = connection.arrive(segment, hal::clock::now_ns());
                wire.pull(connection, pair);
                self.arm(&core);
                (change, true)
            }
        };
        self.follow(change, wire);
        mine
    }

    /// Tells everybody of a change. No lock is held.
    pub(super) fn follow(&self, change: Change, wire: &mut Wire) {
        let (state, heard_all, parent) = {
            let mut core = self.core.lock();
            let Some(connection) = &core.connection else {
                return;
            };
            let (state, heard_all) = (connection.state(), connection.has_heard_all());
            let parent = match state {
                State::SynSent | State::SynReceived => Weak::new(),
                _ => core::mem::take(&mut core.parent),
            };
            (state, heard_all, parent)
        };
        if heard_all {
            self.common.shut_down(shut::RECEIVE);
        }
        if change.contains(Change::STATE) {
            match state {
                State::Established => self.established(),
                State::Closed => self.over(),
                _ => {}
            }
        }
        if let Some(parent) = parent.upgrade() {
            parent.child_came(self, state, wire);
        }
        if change.contains(Change::STATE) {
            self.read_wait.wake_all();
            self.write_wait.wake_all();
            return;
        }
        if change.contains(Change::READ) {
            self.read_wait.wake_some(usize::MAX, IN, true);
        }
        if change.contains(Change::WRITE) {
            self.write_wait.wake_some(usize::MAX, OUT, true);
        }
    }

    fn established(&self) {
        let base = &self.common.base;
        if base.send_room() == SEND {
            base.set_room(base.receive_room(), ESTABLISHED_SEND);
        }
        self.apply_options();
    }

    /// The connection is over: its names are free, and who uses it hears why.
    fn over(&self) {
        let (pair, ending, closed) = {
            let core = self.core.lock();
            let ending = core.connection.as_ref().and_then(Connection::ending);
            (core.pair, ending, core.closed)
        };
        links::remove(pair, self);
        let error = ending.map(|ending| match ending {
            Ending::Refused => Errno::ECONNREFUSED,
            Ending::Reset => Errno::ECONNRESET,
            Ending::Broken => Errno::EPIPE,
            Ending::TimedOut => Errno::ETIMEDOUT,
        });
        if let Some(error) = error
            && !closed
        {
            self.common.base.set_error(error);
        }
        self.common.shut_down(shut::BOTH);
        if closed || !self.common.names().asked_port {
            PORTS.release(self);
        }
    }

    /// Has the connection do as the options say; what was kept back may have to go.
    pub(super) fn apply_options(&self) {
        let number = |name| self.options.get(name).unwrap_or(0);
        let seconds = |name| u64::from(number(name).unsigned_abs()) * SECOND;
        let keep = self.keeps_alive().then(|| KeepAlive {
            idle: seconds(TCP_KEEPIDLE),
            interval: seconds(TCP_KEEPINTVL),
            count: number(TCP_KEEPCNT).unsigned_abs(),
        });
        let patience = match number(TCP_USER_TIMEOUT) {
            0 => None,
            ms => Some(u64::from(ms.unsigned_abs()) * 1_000_000),
        };
        let room = self.common.base.receive_room() / 2;
        let mut wire = Wire::new();
        let _ = self.act(&mut wire, |connection| {
            connection.set_manner(number(TCP_NODELAY) != 0, number(TCP_CORK) != 0);
            connection.set_keep_alive(keep);
            connection.set_patience(patience);
            connection.set_room(room);
        });
        wire.run();
    }
}
