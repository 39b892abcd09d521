//! `read_iter` and `write_iter` of a module's files: one call for all pieces of user memory, which the module goes through by
//! a `struct iov_iter` (`linux/uio.h`).
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use kmem::user::UserBuf;

/// `EIOCBQUEUED`, for calls that end later: there are none.
const QUEUED: i32 = 529;

/// `struct kiocb`.
#[repr(C)]
pub(crate) struct Request {
    pub(crate) file: u64,
    pub(crate) pos: i64,
    complete: usize,
    private: usize,
    flags: u32,
    ioprio: u16,
}

/// `struct iovec`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Piece {
    base: usize,
    len: usize,
}

/// `struct iov_iter`.
#[repr(C)]
struct Cursor {
    kind: u8,
    data_source: bool,
    offset: usize,
    count: usize,
    pieces: *const Piece,
    left: usize,
}

/// `ITER_IOVEC`, `ITER_UBUF`.
const MANY: u8 = 0;
const ONE: u8 = 6;

/// Which way data goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Read,
    Write,
}

/// The flags that are those of the file: `IOCB_APPEND`, `IOCB_DIRECT`.
fn flags_of(file: u32) -> u32 {
    let append = if file & abi::raw::O_APPEND != 0 {
        0x10
    } else {
        0
    };
    let direct = if file & abi::raw::O_DIRECT != 0 {
        1 << 17
    } else {
        0
    };
    append | direct
}

/// Has `call` move what `buf` names, from the position `pos`: how much, and the position after it.
///
/// # Errors
/// What the module answers; `ENOMEM`.
pub(crate) fn transfer(
    way: Way,
    file: u64,
    file_flags: u32,
    pos: i64,
    buf: &mut UserBuf<'_>,
    call: impl FnOnce(&[u64; 6]) -> Result<i64>,
) -> Result<(usize, i64)> {
    let total = buf.remaining();
    let mut pieces = Vec::new();
    while let Some((at, len)) = buf.segment() {
        pieces.try_push(Piece { base: at.0, len })?;
        buf.advance(len);
    }
    let mut request = Request {
        file,
        pos,
        complete: 0,
        private: 0,
        flags: flags_of(file_flags),
        ioprio: 0,
    };
    let mut cursor = Cursor {
        kind: if pieces.len() > 1 { MANY } else { ONE },
        data_source: way == Way::Write,
        offset: 0,
        count: total,
        pieces: pieces.as_ptr(),
        left: pieces.len(),
    };
    let request_at = &raw mut request;
    let answer =
        call(&[request_at as u64, &raw mut cursor as u64, 0, 0, 0, 0]).map_err(|error| {
            if error.code() == QUEUED {
                Errno::EIO
            } else {
                error
            }
        })?;
    let done = (answer.max(0) as usize).min(total);
    // SAFETY: our own, which the module may have written to meanwhile.
    let pos = unsafe { request_at.read_volatile() }.pos;
    Ok((done, pos))
}
