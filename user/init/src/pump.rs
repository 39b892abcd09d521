//! The two directions of bytes between the channel and the job: `Inward` buffers input under the window that was granted,
//! `Outward` reads output as far as the host has granted.

use crate::channel::Channel;
use frames::{GUEST_WINDOW, HOST_WINDOW, Kind};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::Result;

/// Input waiting for the job at most, beside one window.
const BUFFER: usize = 64 * 1024;

/// Makes our end of a pipe or terminal answer EAGAIN instead of waiting.
pub(crate) fn set_nonblocking(fd: &OwnedFd) -> Result<()> {
    Ok(fcntl_setfl(fd, fcntl_getfl(fd)? | OFlags::NONBLOCK)?)
}

/// Bytes from the host on their way into the job's standard input.
#[derive(Default)]
pub(crate) struct Inward {
    buffer: VecDeque<u8>,
    /// Bytes taken off the line and not granted again.
    owed: u32,
    /// The host has sent its end of file.
    ended: bool,
}

impl Inward {
    /// A piece that came in; an empty one is the end of file.
    pub(crate) fn push(&mut self, payload: &[u8]) {
        self.ended |= payload.is_empty();
        self.buffer.extend(payload);
        self.owed += payload.len() as u32;
    }

    /// Bytes wait to be written.
    pub(crate) fn waiting(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Everything the host sent is written and there will be no more.
    pub(crate) fn finished(&self) -> bool {
        self.ended && self.buffer.is_empty()
    }

    /// Nobody reads any more.
    pub(crate) fn discard(&mut self) {
        self.buffer.clear();
    }

    /// Writes as much as the descriptor takes now.
    ///
    /// # Errors
    /// EPIPE or EIO when the reader is gone.
    pub(crate) fn write_to(&mut self, to: &OwnedFd) -> Result<()> {
        while !self.buffer.is_empty() {
            match rustix::io::write(to, self.buffer.as_slices().0) {
                Ok(n) => drop(self.buffer.drain(..n)),
                Err(Errno::AGAIN) => break,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the host new credit once half the window is owed and there is room for a whole one.
    pub(crate) fn regrant(&mut self, channel: &mut Channel) -> Result<()> {
        if self.owed >= HOST_WINDOW / 2 && self.buffer.len() + HOST_WINDOW as usize <= BUFFER {
            channel.grant(self.owed)?;
            self.owed = 0;
        }
        Ok(())
    }
}

/// One output stream of the job.
pub(crate) struct Outward {
    fd: Option<OwnedFd>,
    kind: Kind,
    credit: u32,
}

impl Outward {
    /// The stream that is read from `fd` and sent as `kind`.
    pub(crate) fn new(fd: Option<OwnedFd>, kind: Kind) -> Result<Self> {
        if let Some(fd) = &fd {
            set_nonblocking(fd)?;
        }
        Ok(Self {
            fd,
            kind,
            credit: GUEST_WINDOW,
        })
    }

    /// The descriptor to poll, unless the stream has ended or the host wants no more now.
    pub(crate) fn readable(&self) -> Option<rustix::fd::BorrowedFd<'_>> {
        if self.credit == 0 {
            None
        } else {
            self.fd.as_ref().map(AsFd::as_fd)
        }
    }

    /// Whether the job, or a child it left behind, may still write here.
    pub(crate) fn open(&self) -> bool {
        self.fd.is_some()
    }

    /// Takes the reader away, so that the job's next write gets SIGPIPE.
    pub(crate) fn close(&mut self) {
        self.fd = None;
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    pub(crate) fn add_credit(&mut self, bytes: u32) {
        self.credit = self.credit.saturating_add(bytes);
    }

    /// Sends on one piece. False when there is nothing to read now.
    pub(crate) fn forward(&mut self, channel: &mut Channel) -> Result<bool> {
        let (Some(fd), 1..) = (&self.fd, self.credit) else {
            return Ok(false);
        };
        let mut piece = [0; 8192];
        let most = piece.len().min(self.credit as usize);
        match rustix::io::read(fd, &mut piece[..most]) {
            // EIO: the terminal's last user has closed it.
            Ok(0) | Err(Errno::IO) => {
                self.fd = None;
                channel.send(self.kind, &[])?;
                Ok(false)
            }
            Ok(n) => {
                self.credit -= n as u32;
                channel.send(self.kind, &piece[..n])?;
                Ok(true)
            }
            Err(Errno::AGAIN | Errno::INTR) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
