//! /proc/kmsg: kernel messages as syslog(2) gives them, each to one reader.
use abi::{Errno, Result};
use kmem::user::UserBuf;
use sync::{LockClass, Mutex, SpinLock, WaitMode, rank};
use trace::kmsg::{Cursor, Next, readers};
use vfs::{File, FileOps, FileOpsRef, Io, PollEvents, PollTable};

static READER: LockClass = LockClass::new("proc.kmsg", rank::SYSLOG);
static PLACE_CLASS: LockClass = LockClass::new("proc.kmsg.place", rank::TASK_LEAF);
/// Held by the one who reads.
static READING: Mutex<()> = Mutex::new(&READER, ());
/// Where reading goes on: one place for all readers.
static PLACE: SpinLock<Option<Cursor>> = SpinLock::new(&PLACE_CLASS, None);

fn place() -> Cursor {
    PLACE.lock().unwrap_or_else(Cursor::oldest)
}

/// Longest line with its prefix.
const LINE_MAX: usize = 1024;

struct Kmsg;
static KMSG: Kmsg = Kmsg;

/// Opens it. EPERM without `CAP_SYSLOG`.
pub(crate) fn open() -> Result<FileOpsRef> {
    let cred = task::task::current().ok_or(Errno::EPERM)?.cred()?;
    cred.require(cred::cap::SYSLOG)?;
    Ok(FileOpsRef::shared(&KMSG))
}

/// Copies whole lines that fit.
fn copy(cursor: &mut Cursor, buf: &mut UserBuf<'_>) -> Result<usize> {
    let mut line = [0; LINE_MAX];
    let mut done = 0;
    loop {
        let mut next = *cursor;
        match next.next_syslog(&mut line) {
            Next::Line(len) if len <= buf.remaining() => done += buf.copy_to(&line[..len])?,
            Next::Overrun => {}
            Next::Line(_) | Next::TooShort | Next::Nothing => return Ok(done),
        }
        *cursor = next;
    }
}

impl FileOps for Kmsg {
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        loop {
            let reading = READING.lock();
            let mut cursor = place();
            let done = copy(&mut cursor, buf);
            *PLACE.lock() = Some(cursor);
            drop(reading);
            if done != Ok(0) || cursor.has_more() || buf.is_empty() {
                return done;
            }
            if io.nonblock {
                return Err(Errno::EAGAIN);
            }
            let more = || cursor.has_more().then_some(());
            readers().wait(WaitMode::Interruptible, None, more)?;
        }
    }

    fn poll(&self, _file: &File, table: &mut PollTable<'_>) -> PollEvents {
        table.wait(readers());
        if place().has_more() {
            PollEvents::READABLE
        } else {
            PollEvents::empty()
        }
    }

    fn can_poll(&self) -> bool {
        true
    }
}
