//! /dev/kmsg: the kernel's records to read, a record per write.
use abi::{Errno, Result, raw};
use alloc::vec::Vec;
use kmem::user::UserBuf;
use kmem::{TryVec, try_arc};
use sync::{LockClass, Mutex, WaitMode, rank};
use trace::kmsg::{Cursor, LINE_MAX, Next, readers};
use vfs::{File, FileOps, FileOpsRef, Io, OpenArgs, PollEvents, PollTable};

static READER: LockClass = LockClass::new("kmsg.reader", rank::INODE);

/// Longest record that is taken (`PRINTKRB_RECORD_MAX`).
const WRITE_MAX: usize = 1024;

/// An open /dev/kmsg.
struct Kmsg {
    reader: Mutex<Reader>,
}

struct Reader {
    cursor: Cursor,
    line: Vec<u8>,
}

/// Opens it at the oldest record.
pub(crate) fn open(args: &OpenArgs<'_>) -> Result<FileOpsRef> {
    let line = if args.flags.reads() {
        Vec::try_filled(0, LINE_MAX)?
    } else {
        Vec::new()
    };
    let reader = Mutex::new(
        &READER,
        Reader {
            cursor: Cursor::oldest(),
            line,
        },
    );
    Ok(FileOpsRef::own(try_arc(Kmsg { reader })?))
}

impl FileOps for Kmsg {
    /// One record. EPIPE: some were lost; EAGAIN, ERESTARTSYS; EINVAL: the buffer is too short.
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mut reader = self.reader.lock_interruptible()?;
        let Reader { cursor, line } = &mut *reader;
        if !cursor.has_more() {
            if io.nonblock {
                return Err(Errno::EAGAIN);
            }
            readers().wait(WaitMode::Interruptible, None, || {
                cursor.has_more().then_some(())
            })?;
        }
        let before = *cursor;
        match cursor.next_kmsg(line) {
            Next::Line(len) if len <= buf.remaining() => {
                let n = buf
                    .copy_to(&line[..len])
                    .inspect_err(|_| *cursor = before)?;
                if n < len {
                    return Err(Errno::EFAULT);
                }
                Ok(len)
            }
            Next::Line(_) | Next::TooShort => {
                *cursor = before;
                Err(Errno::EINVAL)
            }
            Next::Overrun => Err(Errno::EPIPE),
            Next::Nothing => Err(Errno::EAGAIN),
        }
    }

    /// A record with an optional priority `<N>` before it; what user space says is never the kernel's.
    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        const USER: u16 = 1 << 3;
        const WARNING: u16 = 4;
        let len = buf.remaining();
        if len > WRITE_MAX {
            return Err(Errno::EINVAL);
        }
        let mut bytes = [0; WRITE_MAX];
        let n = buf.copy_from(&mut bytes[..len])?;
        if n < len {
            return Err(Errno::EFAULT);
        }
        let (told, text) = priority(&bytes[..len]).unwrap_or((WARNING, &bytes[..len]));
        let priority = if told >> 3 == 0 { USER | told } else { told };
        trace::record(priority, trace::Line::Whole, text);
        Ok(len)
    }

    fn seek(&self, _file: &File, offset: i64, whence: u32) -> Result<u64> {
        if offset != 0 {
            return Err(Errno::ESPIPE);
        }
        self.reader.lock().cursor = match whence {
            raw::SEEK_SET => Cursor::oldest(),
            raw::SEEK_DATA => Cursor::after_clear(),
            raw::SEEK_END => Cursor::end(),
            _ => return Err(Errno::EINVAL),
        };
        Ok(0)
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(readers());
        if self.reader.lock().cursor.has_more() {
            PollEvents::READABLE
        } else {
            PollEvents::empty()
        }
    }

    fn can_poll(&self) -> bool {
        true
    }
}

/// The priority and the text of `<N>text`.
fn priority(text: &[u8]) -> Option<(u16, &[u8])> {
    let rest = text.strip_prefix(b"<")?;
    let end = rest.iter().position(|b| *b == b'>')?;
    let number = core::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    Some((number, &rest[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::priority;

    #[test]
    fn priorities() {
        assert_eq!(priority(b"<12>x"), Some((12, &b"x"[..])));
        for text in [&b"x"[..], b"<", b"<>x", b"<a>x", b"<99999>x", b"<1x"] {
            assert_eq!(priority(text), None);
        }
    }
}
