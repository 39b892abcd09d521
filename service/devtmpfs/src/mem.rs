//! The devices of major number 1.
use crate::kmsg;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use device::Node;
use kmem::user::UserBuf;
use pagecache::{Frame, MapAccess, MapObject, PageCache, PageSource};
use vfs::{
    CharDev, File, FileMode, FileOps, FileOpsRef, FileType, Inode, Io, OpenArgs, PollEvents,
    PollTable, makedev, minor,
};

const MAJOR: u32 = 1;

/// Minor number, name, permissions, operations.
static TABLE: [(u32, &str, u32, &'static dyn FileOps); 5] = [
    (3, "null", 0o666, &Null),
    (5, "zero", 0o666, &Zero),
    (7, "full", 0o666, &Full),
    (8, "random", 0o666, &Random),
    (9, "urandom", 0o666, &Random),
];
const KMSG: u32 = 11;

struct MemDevices;

impl CharDev for MemDevices {
    fn open(&self, rdev: u64, _inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        if minor(rdev) == KMSG {
            return kmsg::open(args);
        }
        let found = TABLE.iter().find(|entry| entry.0 == minor(rdev));
        found
            .map(|entry| FileOpsRef::shared(entry.3))
            .ok_or(Errno::ENXIO)
    }
}

/// Registers the numbers and names the nodes. EBUSY, ENOMEM.
pub(crate) fn init() -> Result<()> {
    vfs::register_chrdev(MAJOR, 0, 256, "mem", kmem::try_arc(MemDevices)?)?;
    let node = |minor, name, mode| Node {
        name,
        kind: FileType::CharDevice,
        rdev: makedev(MAJOR, minor),
        mode,
    };
    for (minor, name, mode, _) in TABLE {
        device::add_device("mem", node(minor, name, mode))?;
    }
    device::add_device("mem", node(KMSG, "kmsg", 0o644))
}

/// Positions mean nothing and are always 0.
fn seek_nowhere(whence: u32) -> Result<u64> {
    match whence {
        whence if whence <= raw::SEEK_HOLE => Ok(0),
        _ => Err(Errno::EINVAL),
    }
}

fn take_all(buf: &mut UserBuf<'_>) -> usize {
    let len = buf.remaining();
    buf.advance(len);
    len
}

/// The end of all files, and the well of all writes.
struct Null;

impl FileOps for Null {
    fn splices(&self) -> (bool, bool) {
        (false, true)
    }

    fn read(&self, _file: &File, _buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Ok(0)
    }

    #[inline]
    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Ok(take_all(buf))
    }

    fn seek(&self, _file: &File, _offset: i64, whence: u32) -> Result<u64> {
        seek_nowhere(whence)
    }
}

/// Zeros without end.
struct Zero;

impl FileOps for Zero {
    #[inline]
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        let len = buf.remaining();
        if len <= abi::PAGE_SIZE {
            buf.zero(len)
        } else {
            read_zeros(buf)
        }
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Ok(take_all(buf))
    }

    fn seek(&self, _file: &File, _offset: i64, whence: u32) -> Result<u64> {
        seek_nowhere(whence)
    }

    fn mmap(&self, file: &Arc<File>) -> Result<Arc<dyn MapObject>> {
        let source = kmem::try_arc(ZeroPages)?;
        Ok(kmem::try_arc(ZeroMap {
            cache: PageCache::new(source),
            may_write: file.mode().contains(FileMode::WRITE),
        })?)
    }
}

/// A long read, a piece at a time so that a signal can end it.
fn read_zeros(buf: &mut UserBuf<'_>) -> Result<usize> {
    const PIECE: usize = 64 * abi::PAGE_SIZE;
    let mut done = 0;
    while !buf.is_empty() {
        let want = buf.remaining().min(PIECE);
        match buf.zero(want) {
            Ok(n) if n == want => done += n,
            Ok(n) => return Ok(done + n),
            Err(e) if done == 0 => return Err(e),
            Err(_) => break,
        }
        if signal_pending() {
            break;
        }
    }
    Ok(done)
}

/// Whether the running thread has a signal to see to.
fn signal_pending() -> bool {
    sync::thread::current().is_some_and(|t| t.signal_pending(sync::WaitMode::Interruptible))
}

/// The pages of one mapping of /dev/zero: anonymous memory by another name.
struct ZeroMap {
    cache: PageCache,
    /// The device was opened for writing.
    may_write: bool,
}

struct ZeroPages;

impl PageSource for ZeroPages {
    fn is_memory(&self) -> bool {
        true
    }
}

impl MapObject for ZeroMap {
    fn page(&self, index: u64, _access: MapAccess) -> Result<Frame> {
        self.cache.get_page(index)
    }

    fn identity(&self) -> u64 {
        self.cache.identity()
    }

    fn size(&self) -> u64 {
        i64::MAX as u64
    }

    fn dev_ino(&self) -> (u64, u64) {
        (0, 0)
    }

    fn write_path(&self, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        out.write_str("/dev/zero (deleted)")
    }

    fn may_write(&self) -> bool {
        self.may_write
    }
}

/// Zeros to read, no room to write.
struct Full;

impl FileOps for Full {
    fn read(&self, file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        Zero.read(file, buf, io)
    }

    fn write(&self, _file: &File, _buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Err(Errno::ENOSPC)
    }

    fn seek(&self, _file: &File, _offset: i64, whence: u32) -> Result<u64> {
        seek_nowhere(whence)
    }
}

/// /dev/random and /dev/urandom, which are one since Linux 5.18: the generator is seeded before anybody can read.
struct Random;

impl FileOps for Random {
    fn splices(&self) -> (bool, bool) {
        (true, true)
    }

    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        let mut stream = random::Stream::new();
        let mut piece = [0; 256];
        let mut done: usize = 0;
        while !buf.is_empty() {
            if done > 0 && done.is_multiple_of(abi::PAGE_SIZE) && signal_pending() {
                break;
            }
            let want = buf.remaining().min(piece.len());
            stream.fill(&mut piece[..want]);
            match buf.copy_to(&piece[..want]) {
                Ok(n) if n == want => done += n,
                Ok(n) => return Ok(done + n),
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        let mut done = 0;
        let mut piece = [0; 64];
        while !buf.is_empty() {
            if done > 0 && signal_pending() {
                break;
            }
            match buf.copy_from(&mut piece) {
                Ok(n) => {
                    random::mix(&piece[..n]);
                    done += n;
                }
                Err(e) if done == 0 => return Err(e),
                Err(_) => break,
            }
        }
        Ok(done)
    }

    fn seek(&self, _file: &File, _offset: i64, whence: u32) -> Result<u64> {
        seek_nowhere(whence)
    }

    fn ioctl(&self, _file: &File, cmd: u32, arg: usize) -> Result<usize> {
        /// `RNDGETENTCNT`
        const GET_COUNT: u32 = 0x8004_5200;
        if cmd != GET_COUNT {
            return Err(Errno::EINVAL);
        }
        kmem::user::write(kmem::user::UserAddr(arg), &random::POOL_BITS)?;
        Ok(0)
    }

    fn poll(&self, _file: &File, _table: &mut PollTable<'_>) -> PollEvents {
        PollEvents::ALWAYS
    }

    fn can_poll(&self) -> bool {
        true
    }
}
