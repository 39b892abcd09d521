//! The serial line in raw mode, frame by frame.

use frames::{Kind, MAX_PAYLOAD, Reader};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{self, OptionalActions, SpecialCodeIndex};
use std::io::{Error, ErrorKind, Result};

/// Our end of the line. Writing blocks until the line has taken the bytes; the host always reads, so it ends.
pub(crate) struct Channel {
    line: OwnedFd,
    reader: Reader,
    input: Vec<u8>,
    used: usize,
}

impl Channel {
    /// Opens the line and puts it in raw mode, so that from here on bytes pass unchanged.
    pub(crate) fn open(path: &str) -> Result<Self> {
        let line = rustix::fs::open(
            path,
            OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        match termios::tcgetattr(&line) {
            Ok(mut mode) => {
                mode.make_raw();
                // The emulated port's only use of the speed: how long it holds back less than a FIFO's trigger of bytes.
                mode.set_speed(115_200)?;
                mode.special_codes[SpecialCodeIndex::VMIN] = 1;
                mode.special_codes[SpecialCodeIndex::VTIME] = 0;
                termios::tcsetattr(&line, OptionalActions::Now, &mode)?;
            }
            // A channel that is no terminal needs no raw mode.
            Err(Errno::NOTTY) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(Self {
            line,
            reader: Reader::new(),
            input: Vec::new(),
            used: 0,
        })
    }

    /// For poll.
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.line.as_fd()
    }

    /// Sends one frame (several when `payload` is longer than a frame holds; one when it is empty).
    pub(crate) fn send(&mut self, kind: Kind, payload: &[u8]) -> Result<()> {
        let mut wire = [0; frames::HEADER + MAX_PAYLOAD];
        let pieces = payload.chunks(MAX_PAYLOAD);
        let only = if payload.is_empty() {
            Some(payload)
        } else {
            None
        };
        for piece in only.into_iter().chain(pieces) {
            wire[..frames::HEADER].copy_from_slice(&frames::header(kind, piece.len()));
            let end = frames::HEADER + piece.len();
            wire[frames::HEADER..end].copy_from_slice(piece);
            self.write_all(&wire[..end])?;
        }
        Ok(())
    }

    /// Grants the host `bytes` more of the stdin window.
    pub(crate) fn grant(&mut self, bytes: u32) -> Result<()> {
        self.send(Kind::Credit, &frames::credit(Kind::Stdin, bytes))
    }

    /// Reads what the line holds now; waits when it holds nothing. Take all frames first.
    pub(crate) fn read_some(&mut self) -> Result<()> {
        debug_assert_eq!(
            self.used,
            self.input.len(),
            "frames of the last read are left"
        );
        self.input.resize(4096, 0);
        self.used = 0;
        let read = rustix::io::read(&self.line, &mut self.input[..]);
        self.input.truncate(read.unwrap_or(0));
        match read {
            Ok(0) => Err(Error::new(ErrorKind::UnexpectedEof, "the line was hung up")),
            Ok(_) | Err(Errno::INTR | Errno::AGAIN) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The next frame among the bytes read so far.
    pub(crate) fn next_frame(&mut self) -> Result<Option<(Kind, &[u8])>> {
        let mut rest = &self.input[self.used..];
        let fed = self.reader.feed(&mut rest);
        self.used = self.input.len() - rest.len();
        fed.and_then(|()| self.reader.take()).map_err(|stray| {
            Error::new(
                ErrorKind::InvalidData,
                format!("bytes were lost: no header: {:02x?}", stray.0),
            )
        })
    }

    /// Waits until everything sent is out of the machine.
    pub(crate) fn drain(&mut self) -> Result<()> {
        match termios::tcdrain(&self.line) {
            Ok(()) | Err(Errno::NOTTY) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn write_all(&mut self, mut bytes: &[u8]) -> Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.line, bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
