//! Sending and receiving.
use super::objects::TcpSocket;
use super::piece::Piece;
use super::wire::Wire;
use crate::common::{shut, waited};
use abi::net::{MSG_ERRQUEUE, MSG_OOB, MSG_PEEK, MSG_TRUNC, MSG_WAITALL};
use abi::{Errno, Result};
use socket::{Incoming, Outgoing};
use sync::WaitMode;
use tcp::{Connection, Payload, State};

/// Most bytes of a piece.
const PIECE: usize = 15 << 12;

/// What there is for who wants to receive.
struct Look {
    state: State,
    readable: usize,
}

impl TcpSocket {
    /// Sends all, waiting for room.
    ///
    /// # Errors
    /// `EPIPE`; `EAGAIN`; `EOPNOTSUPP`: `MSG_OOB`; `ERESTARTSYS`, `EINTR`; `EFAULT`; `ENOMEM`; an error that waits. All only if
    /// nothing was sent.
    pub(super) fn send_bytes(&self, message: &mut Outgoing<'_, '_>) -> Result<usize> {
        let nonblock = message.nonblock;
        let mut sent = 0;
        self.wait_to_send(nonblock)?;
        if message.flags & MSG_OOB != 0 {
            return Err(Errno::EOPNOTSUPP);
        }
        while !message.data.is_empty() {
            let part = self.wait_to_send(nonblock).and_then(|()| {
                let most = PIECE.min((self.common.base.send_room() / 2).max(2048));
                let len = message.data.remaining().min(most);
                let piece = Piece::fetch(message.data, len)?;
                self.send_piece(piece).map(|()| len)
            });
            match part {
                Ok(len) => sent += len,
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    fn send_piece(&self, piece: Piece) -> Result<()> {
        let mut wire = Wire::new();
        self.act(&mut wire, |connection| match connection.may_send() {
            true => connection.push(piece).map_err(|_| Errno::ENOMEM),
            false => Err(Errno::EPIPE),
        })??;
        wire.run();
        Ok(())
    }

    /// Whether it can send, once it is connected and has room: `None`: not yet.
    fn may_send(&self) -> Option<Result<()>> {
        let base = &self.common.base;
        if let Some(error) = base.take_error() {
            return Some(Err(error));
        }
        let look = |connection: &Connection<Piece>| {
            (
                connection.state(),
                connection.may_send(),
                connection.unacknowledged(),
            )
        };
        let told = self.look(look);
        match told {
            Some((State::SynSent | State::SynReceived, ..)) => None,
            Some((_, true, charged)) if self.common.shut() & shut::SEND == 0 => {
                (charged < base.send_room()).then_some(Ok(()))
            }
            _ => Some(Err(Errno::EPIPE)),
        }
    }

    fn wait_to_send(&self, nonblock: bool) -> Result<()> {
        if let Some(result) = self.may_send() {
            return result;
        }
        if nonblock {
            return Err(Errno::EAGAIN);
        }
        let until = self.common.base.send_until();
        self.write_wait
            .wait(WaitMode::Interruptible, until, || self.may_send())
            .map_err(|e| waited(e, until))?
    }

    /// Receives what is there, waiting for the first byte, or for all with `MSG_WAITALL`. 0: nothing more comes.
    ///
    /// # Errors
    /// `ENOTCONN`; `EAGAIN`; `EINVAL`: `MSG_OOB`, and nothing is urgent; `ERESTARTSYS`, `EINTR`; `EFAULT`; an error that waits.
    pub(super) fn receive_bytes(&self, message: &mut Incoming<'_, '_>) -> Result<usize> {
        if message.flags & MSG_ERRQUEUE != 0 {
            return Err(Errno::EAGAIN);
        }
        if self.listens() {
            return Err(Errno::ENOTCONN);
        }
        if message.flags & MSG_OOB != 0 {
            return Err(Errno::EINVAL);
        }
        let want = message.data.remaining();
        let least = match message.flags & MSG_WAITALL {
            0 => self.common.base.receive_least(),
            _ => want,
        };
        let enough = least.min(want).max(1);
        let mut done = 0;
        loop {
            match self.take_bytes(message, done) {
                Ok(n) => done += n,
                Err(error) if done == 0 => return Err(error),
                Err(_) => return Ok(done),
            }
            if done >= enough || want == 0 && self.look_now().readable != 0 {
                return Ok(done);
            }
            match self.wait_for_bytes(message, done) {
                Ok(true) => {}
                Ok(false) => return Ok(done),
                Err(_) if done != 0 => return Ok(done),
                Err(error) => return Err(error),
            }
        }
    }

    fn look_now(&self) -> Look {
        let look = |connection: &Connection<Piece>| Look {
            state: connection.state(),
            readable: connection.readable(),
        };
        self.look(look).unwrap_or(Look {
            state: State::Closed,
            readable: 0,
        })
    }

    /// Copies what is there, from `skip` on with `MSG_PEEK`.
    fn take_bytes(&self, message: &mut Incoming<'_, '_>, skip: usize) -> Result<usize> {
        let peek = message.flags & MSG_PEEK != 0;
        let throws_away = message.flags & MSG_TRUNC != 0;
        let _reading = self.reading.lock();
        let mut done = 0;
        while !message.data.is_empty() {
            let at = if peek { skip + done } else { 0 };
            let Some(piece) = self.look(|connection| connection.piece(at)).flatten() else {
                break;
            };
            let n = piece.len().min(message.data.remaining());
            let copied = match throws_away {
                true => {
                    message.data.advance(n);
                    Ok(())
                }
                false => piece.copy(message.data, n),
            };
            match copied {
                Err(error) if done == 0 => return Err(error),
                Err(_) => break,
                Ok(()) => done += n,
            }
            if !peek {
                let mut wire = Wire::new();
                let _ = self.act(&mut wire, |connection| connection.consume(n));
                wire.run();
            }
        }
        Ok(done)
    }

    /// Waits for more than the `done` bytes that were taken. False: there won't be any.
    fn wait_for_bytes(&self, message: &Incoming<'_, '_>, done: usize) -> Result<bool> {
        let seen = if message.flags & MSG_PEEK != 0 {
            done
        } else {
            0
        };
        let base = &self.common.base;
        let look = || {
            let Look { state, readable } = self.look_now();
            if readable > seen {
                return Some(Ok(true));
            }
            if done == 0
                && let Some(error) = base.take_error()
            {
                return Some(Err(error));
            }
            if self.common.shut() & shut::RECEIVE != 0 {
                // What came before the end did is there.
                return Some(Ok(self.look_now().readable > seen));
            }
            match state {
                State::Closed => Some(Err(Errno::ENOTCONN)),
                _ => None,
            }
        };
        if let Some(found) = look() {
            return found;
        }
        if message.nonblock {
            return Err(Errno::EAGAIN);
        }
        let until = base.receive_until();
        self.read_wait
            .wait(WaitMode::Interruptible, until, look)
            .map_err(|e| waited(e, until))?
    }
}
