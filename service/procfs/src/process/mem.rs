//! /proc/PID/mem: the memory itself. Positions are addresses; protections are passed by where that hurts nobody else.
use super::Who;
use abi::{Errno, Result, raw};
use alloc::sync::{Arc, Weak};
use cred::Cred;
use kmem::user::{UserAddr, UserBuf};
use mm::Mm;
use vfs::{File, FileOps, FileOpsRef, Io};

/// EACCES: the caller may not look into the process.
pub(super) fn open(who: &Who, by: &Cred) -> Result<FileOpsRef> {
    Ok(FileOpsRef::own(kmem::try_arc(Memory(space(who, by)?))?))
}

/// The address space of a process, for a file on it. EACCES: the caller may not look into the process.
pub(super) fn space(who: &Who, by: &Cred) -> Result<Weak<Mm>> {
    who.may_look(by)?;
    // What is open keeps no memory alive: once the process has left this space, there is nothing in it.
    Ok(who
        .task
        .mm()
        .as_ref()
        .map_or_else(Weak::new, Arc::downgrade))
}

/// lseek(2) in a file whose every position means something. EINVAL: from the end.
pub(super) fn seek(file: &File, offset: i64, whence: u32) -> Result<u64> {
    match whence {
        raw::SEEK_SET => Ok(offset as u64),
        raw::SEEK_CUR => Ok(file.pos().wrapping_add_signed(offset)),
        _ => Err(Errno::EINVAL),
    }
}

struct Memory(Weak<Mm>);

/// Bytes moved at a time.
const CHUNK: usize = 512;

impl Memory {
    /// Calls `part(space, address, bytes)` for piece after piece. A piece that is not moved as a whole is the last.
    fn each_piece(
        &self,
        buf: &mut UserBuf<'_>,
        io: &mut Io,
        mut part: impl FnMut(&Mm, UserAddr, &mut UserBuf<'_>, &mut [u8]) -> Result<usize>,
    ) -> Result<usize> {
        let Some(space) = self.0.upgrade() else {
            return Ok(0);
        };
        let mut bytes = [0; CHUNK];
        let mut done = 0;
        while buf.remaining() != 0 {
            let len = buf.remaining().min(CHUNK);
            let moved = part(&space, UserAddr(io.pos as usize), buf, &mut bytes[..len])?;
            io.pos = io.pos.wrapping_add(moved as u64);
            done += moved;
            if moved < len {
                break;
            }
        }
        match done {
            0 if buf.remaining() != 0 => Err(Errno::EIO),
            _ => Ok(done),
        }
    }
}

impl FileOps for Memory {
    /// EIO: nothing is mapped there; EFAULT: nor where it is to go.
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.each_piece(buf, io, |space, at, buf, bytes| {
            let got = space.read_remote(at, bytes).unwrap_or(0);
            match buf.copy_to(&bytes[..got])? {
                n if n == got => Ok(got),
                _ => Err(Errno::EFAULT),
            }
        })
    }

    /// EIO: nothing is mapped there, or it is shared and read-only; EFAULT: nor where it comes from.
    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        self.each_piece(buf, io, |space, at, buf, bytes| {
            if buf.peek(bytes)? != bytes.len() {
                return Err(Errno::EFAULT);
            }
            let moved = space.write_remote(at, bytes, true).unwrap_or(0);
            buf.advance(moved);
            Ok(moved)
        })
    }

    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        seek(file, offset, whence)
    }
}
