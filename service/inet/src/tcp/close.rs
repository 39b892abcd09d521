//! shutdown(2) and close(2).
use super::objects::{PORTS, TcpSocket};
use super::piece::Piece;
use super::wire::Wire;
use crate::common::shut;
use abi::net::TCP_LINGER2;
use abi::{Errno, Result};
use sync::WaitMode;
use tcp::{Change, Connection, State};

const SECOND: u64 = 1_000_000_000;

impl TcpSocket {
    /// Ends one direction or both. EINVAL: no such direction; ENOTCONN.
    pub(super) fn shut_down(&self, how: u32) -> Result<()> {
        let directions = match how {
            0..=2 => how as u8 + 1,
            _ => return Err(Errno::EINVAL),
        };
        if self.listens() {
            if directions & shut::RECEIVE != 0 {
                self.end_listening();
            }
            return Ok(());
        }
        let state = self.state();
        if state == State::SynSent {
            self.disconnect();
            return Ok(());
        }
        self.common.shut_down(directions);
        if state != State::Closed && directions & shut::SEND != 0 {
            let mut wire = Wire::new();
            self.act(&mut wire, Connection::<Piece>::close)?;
            wire.run();
        }
        self.read_wait.wake_all();
        self.write_wait.wake_all();
        match state {
            State::Closed => Err(Errno::ENOTCONN),
            _ => Ok(()),
        }
    }

    /// Its last descriptor is gone. The connection ends in its own time, but at once if somebody wants it so or sent what
    /// nobody read (RFC 1122, 4.2.2.13).
    pub(super) fn end_it(&self) {
        self.end_listening();
        let linger = self.common.base.linger();
        let known = self.look(|connection| (connection.state(), connection.readable()));
        let (state, unread) = known.unwrap_or((State::Closed, 0));
        if state == State::Closed {
            self.core.lock().closed = true;
            PORTS.release(self);
            return;
        }
        self.common.shut_down(shut::BOTH);
        let mut wire = Wire::new();
        if linger == Some(0) || unread != 0 {
            self.core.lock().closed = true;
            let _ = self.act(&mut wire, |connection| {
                connection.abort();
                connection.discard_readable();
            });
            self.follow(Change::all(), &mut wire);
            wire.run();
            return;
        }
        let _ = self.act(&mut wire, Connection::<Piece>::close);
        wire.run();
        if let Some(seconds) = linger {
            self.linger(seconds);
        }
        let now = hal::clock::now_ns();
        let seconds = self.options.get(TCP_LINGER2).unwrap_or(60);
        let ns = u64::try_from(seconds).unwrap_or(0) * SECOND;
        self.core.lock().closed = true;
        let mut wire = Wire::new();
        let _ = self.act(&mut wire, |connection| connection.abandon(ns, now));
        if self.state() == State::Closed {
            self.follow(Change::all(), &mut wire);
            PORTS.release(self);
        }
        wire.run();
    }

    /// Waits until all that was sent arrived.
    fn linger(&self, seconds: u32) {
        let until = hal::clock::now_ns().saturating_add(u64::from(seconds) * SECOND);
        let done = || {
            let state = self.state();
            let waits = matches!(state, State::FinWait1 | State::Closing | State::LastAck);
            (!waits).then_some(())
        };
        let _ = self
            .write_wait
            .wait(WaitMode::Interruptible, Some(until), done);
    }
}
