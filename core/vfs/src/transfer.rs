//! Reads and writes of an open file: at its position, at one that is given, and what inotify hears of them.
use crate::notify;
use crate::objects::File;
use crate::types::{FileMode, Io, OpenFlags};
use abi::{Errno, Result, raw};
use kmem::user::UserBuf;

impl File {
    #[inline]
    fn io(&self, pos: u64) -> Io {
        let flags = self.flags();
        Io {
            pos,
            nonblock: flags.contains(OpenFlags::NONBLOCK),
            append: flags.contains(OpenFlags::APPEND),
            sync: flags.intersects(OpenFlags::DSYNC),
            fsize_limit: u64::MAX,
            over_limit: false,
            silent: false,
        }
    }

    /// Reads at the file position. EBADF: not open for reading; EISDIR; what the file says.
    #[inline]
    pub fn read(&self, buf: &mut UserBuf<'_>) -> Result<usize> {
        if !self.mode.contains(FileMode::READ) {
            return Err(Errno::EBADF);
        }
        notify::may_read(self)?;
        let _pos = self.lock_pos();
        // What only writes look at is not asked.
        let mut io = Io {
            pos: self.pos(),
            nonblock: self.flags().contains(OpenFlags::NONBLOCK),
            append: false,
            sync: false,
            fsize_limit: u64::MAX,
            over_limit: false,
            silent: false,
        };
        let result = self.ops.read(self, buf, &mut io);
        if self.mode.contains(FileMode::SEEK) && result.is_ok() {
            self.set_pos(io.pos);
        }
        notify::moved(self, raw::IN_ACCESS, result);
        result
    }

    /// Writes at the file position, or at the end with `O_APPEND`. EBADF: not open for writing; what the file says.
    /// `limit` is `RLIMIT_FSIZE`; with [`WriteError::over_limit`] the caller sends SIGXFSZ.
    #[inline]
    pub fn write(&self, buf: &mut UserBuf<'_>, limit: u64) -> Result<usize, WriteError> {
        if !self.mode.contains(FileMode::WRITE) {
            return Err(Errno::EBADF.into());
        }
        let _pos = self.lock_pos();
        let mut io = self.io(self.pos());
        io.fsize_limit = limit;
        let result = self.ops.write(self, buf, &mut io);
        notify::moved(self, raw::IN_MODIFY, result);
        match result {
            Ok(n) => {
                if self.mode.contains(FileMode::SEEK) {
                    self.set_pos(io.pos);
                }
                Ok(n)
            }
            Err(errno) => Err(WriteError {
                errno,
                over_limit: io.over_limit,
                silent: io.silent,
            }),
        }
    }

    /// Reads at `pos`. EBADF, ESPIPE, what the file says.
    pub fn read_at(&self, buf: &mut UserBuf<'_>, pos: u64) -> Result<usize> {
        self.read_with(buf, &mut self.io(pos))
    }

    /// Writes at `pos`. EBADF, ESPIPE, what the file says.
    pub fn write_at(
        &self,
        buf: &mut UserBuf<'_>,
        pos: u64,
        limit: u64,
    ) -> Result<usize, WriteError> {
        let mut io = self.io(pos);
        io.fsize_limit = limit;
        let result = self.write_with(buf, &mut io);
        result.map_err(|errno| WriteError {
            errno,
            over_limit: io.over_limit,
            silent: io.silent,
        })
    }

    /// The [`Io`] of a call at `pos` that changes some of the usual (preadv2(2)).
    pub fn io_at(&self, pos: u64) -> Io {
        self.io(pos)
    }

    /// Whether it can be read or written at `io.pos`. ESPIPE: it has no positions; EBADF: it is not open so; EINVAL: beyond
    /// the largest position.
    fn require_positions(&self, mode: FileMode, buf: &UserBuf<'_>, io: &Io) -> Result<()> {
        if self.mode.contains(FileMode::PATH) {
            return Err(Errno::EBADF);
        }
        self.require_seek()?;
        if !self.mode.contains(mode) {
            return Err(Errno::EBADF);
        }
        let end = io.pos.checked_add(buf.remaining() as u64);
        match end.is_some_and(|end| end <= i64::MAX as u64) {
            true => Ok(()),
            false => Err(Errno::EINVAL),
        }
    }

    /// Reads as `io` says, at `io.pos`.
    pub fn read_with(&self, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.require_positions(FileMode::READ, buf, io)?;
        self.read_told(buf, io)
    }

    /// Writes as `io` says, at `io.pos`.
    pub fn write_with(&self, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if !self.ops.can_write_at() {
            return Err(Errno::ESPIPE);
        }
        self.require_positions(FileMode::WRITE, buf, io)?;
        self.write_told(buf, io)
    }

    /// Reads as `io` says, for a caller inside [`at_position`](Self::at_position).
    pub fn read_io(&self, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if !self.mode.contains(FileMode::READ) {
            return Err(Errno::EBADF);
        }
        self.read_told(buf, io)
    }

    /// Writes as `io` says, for a caller inside [`at_position`](Self::at_position).
    pub fn write_io(&self, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        if !self.mode.contains(FileMode::WRITE) {
            return Err(Errno::EBADF);
        }
        self.write_told(buf, io)
    }

    #[inline]
    fn read_told(&self, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        notify::may_read(self)?;
        let result = self.ops.read(self, buf, io);
        notify::moved(self, raw::IN_ACCESS, result);
        result
    }

    #[inline]
    fn write_told(&self, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let result = self.ops.write(self, buf, io);
        notify::moved(self, raw::IN_MODIFY, result);
        result
    }

    /// Reads or writes at the file position as `op` says with the usual [`Io`], for preadv2(2) with offset -1.
    pub fn at_position(&self, op: impl FnOnce(&mut Io) -> Result<usize>) -> Result<usize> {
        let _pos = self.lock_pos();
        let mut io = self.io(self.pos());
        let n = op(&mut io)?;
        if self.mode.contains(FileMode::SEEK) {
            self.set_pos(io.pos);
        }
        Ok(n)
    }
}

/// The error of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteError {
    pub errno: Errno,
    /// The limit on file sizes is why: SIGXFSZ.
    pub over_limit: bool,
    /// EPIPE, but without SIGPIPE.
    pub silent: bool,
}

impl From<Errno> for WriteError {
    fn from(errno: Errno) -> Self {
        Self {
            errno,
            over_limit: false,
            silent: false,
        }
    }
}

impl From<WriteError> for Errno {
    fn from(error: WriteError) -> Self {
        error.errno
    }
}
