//! Data on its way through a module's file: its functions that read and write.
use super::Opened;
use crate::enter;
use crate::iter::{self, Way};
use abi::{Errno, Result};
use core::sync::atomic::Ordering;
use kmem::user::UserBuf;
use vfs::{File, Io};

/// Which way data moves.
pub(super) const READ: bool = false;
pub(super) const WRITE: bool = true;

impl Opened {
    /// Moves data by one of the module's functions, a segment of user memory at a time.
    #[inline]
    pub(super) fn transfer<const WAY: bool>(
        &self,
        function: usize,
        file: &File,
        buf: &mut UserBuf<'_>,
        io: &mut Io,
    ) -> Result<usize> {
        if function == 0 {
            return self.transfer_all(WAY, file, buf, io);
        }
        // A module's function knows user memory only: sendfile(2) is told so, and its callers read then.
        if buf.is_kernel() {
            return Err(Errno::EINVAL);
        }
        let _pass = self.pass()?;
        let at_file = self.refreshed(file, io.pos);
        let mut pos = self.begin(io);
        let mut one = |at: usize, len: usize| -> Result<usize> {
            let arguments = [at_file, at as u64, len as u64, &raw mut pos as u64, 0, 0];
            let answer = enter::call_long(&self.module, function, &arguments)?;
            Ok((answer.max(0) as usize).min(len))
        };
        let Some((at, len)) = buf.segment() else {
            return Ok(0);
        };
        let mut done = one(at.0, len)?;
        buf.advance(done);
        if done == len && buf.remaining() != 0 {
            done += rest_of(buf, one);
        }
        self.end(io, pos);
        Ok(done)
    }

    /// Moves data by `read_iter` or `write_iter`, which go through all pieces of user memory themselves.
    #[cold]
    fn transfer_all(
        &self,
        way: bool,
        file: &File,
        buf: &mut UserBuf<'_>,
        io: &mut Io,
    ) -> Result<usize> {
        let (way, function) = match way {
            READ => (Way::Read, self.calls.read_iter),
            WRITE => (Way::Write, self.calls.write_iter),
        };
        if function == 0 {
            return Err(self.calls.cannot);
        }
        if buf.is_kernel() {
            return Err(Errno::EINVAL);
        }
        let _pass = self.pass()?;
        let at_file = self.refreshed(file, io.pos);
        let call = |arguments: &[u64; 6]| enter::call_long(&self.module, function, arguments);
        let pos = self.begin(io);
        let flags = file.flags().bits();
        let (done, pos) = iter::transfer(way, at_file, flags, pos, buf, call)?;
        self.end(io, pos);
        Ok(done)
    }

    /// Where it begins: a file without positions has the module's own.
    #[inline]
    fn begin(&self, io: &Io) -> i64 {
        match self.stream {
            true => self.file.pos.load(Ordering::Relaxed),
            false => io.pos as i64,
        }
    }

    #[inline]
    fn end(&self, io: &mut Io, pos: i64) {
        io.pos = pos as u64;
        if self.stream {
            self.file.pos.store(pos, Ordering::Relaxed);
        }
    }
}

/// Moves what is left, segment by segment, by `one`: how much. An error after data is none.
#[cold]
fn rest_of(buf: &mut UserBuf<'_>, mut one: impl FnMut(usize, usize) -> Result<usize>) -> usize {
    let mut done = 0;
    while let Some((at, len)) = buf.segment() {
        let Ok(some) = one(at.0, len) else { break };
        buf.advance(some);
        done += some;
        if some < len {
            break;
        }
    }
    done
}
