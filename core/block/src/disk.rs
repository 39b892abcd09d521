//! Disks: what a driver does for one, how large it is, who has it open.
use crate::SECTOR;
use crate::stats::{Kind, Stats};
use abi::{Errno, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use device::Device;
use kmem::user::UserBuf;
use kmem::{TryString, try_arc};
use sync::{LockClass, Mutex, Once, WaitMode, rank};
use vfs::File;

static OPENERS: LockClass = LockClass::new("block.openers", rank::DISK);

/// Zeros, to be written where a disk cannot make them itself.
static ZEROS: [u8; PAGE_SIZE] = [0; PAGE_SIZE];

/// Counts disks and changes of what is in them.
static SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// Pages that a disk of no particular wishes is read ahead.
const READ_AHEAD_PAGES: u32 = 32;

/// How a file of the disk was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// It may write.
    pub writes: bool,
    /// With `O_EXCL`: the disk is its own.
    pub alone: bool,
}

/// What a driver does for a disk. Positions are in bytes, and every range lies within [`Disk::size`] as it was when the call
/// began; the driver sees to it that one which does not any more does no harm.
pub trait DiskOps: Any + Send + Sync {
    /// Moves bytes from `pos` on to all of `buf`, or as much as a fault allows. EIO, EFAULT.
    fn read(&self, pos: u64, buf: &mut UserBuf<'_>) -> Result<usize>;

    /// Moves all of `buf` to `pos` on, or as much as a fault allows. EIO, EFAULT.
    fn write(&self, pos: u64, buf: &mut UserBuf<'_>) -> Result<usize>;

    /// Brings what was written to where it lasts. EIO.
    fn flush(&self) -> Result<()>;

    /// Gives up what stands from `from` to `to`, which reads as zeros from then on. EOPNOTSUPP, EIO.
    fn discard(&self, _from: u64, _to: u64) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Device control of its own; the general commands are seen to. EINVAL: no such command.
    fn ioctl(&self, _disk: &Arc<Disk>, _how: Opened, _cmd: u32, _arg: usize) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// The last file of the disk was closed. A file that goes with it is handed back, to be dropped without a lock.
    fn last_close(&self, _disk: &Disk) -> Option<Arc<File>> {
        None
    }
}

#[derive(Default)]
struct Openers {
    /// It is taken away: nobody opens it any more.
    gone: bool,
    /// Somebody has it to himself.
    claimed: bool,
}

/// A disk. See the crate's front page.
pub struct Disk {
    name: String,
    rdev: u64,
    size: AtomicU64,
    read_only: AtomicBool,
    block_size: AtomicU32,
    /// What BLKBSZGET tells: the unit of a file system on it.
    soft_block_size: AtomicU32,
    read_ahead_pages: AtomicU32,
    discards: AtomicBool,
    caches_writes: AtomicBool,
    sequence: AtomicU64,
    openers: Mutex<Openers>,
    open_count: AtomicU32,
    device: Once<Arc<Device>>,
    link: Once<Arc<kernfs::Node>>,
    stats: Stats,
    ops: Box<dyn DiskOps>,
}

/// A disk that somebody has to himself, for as long as this lives.
pub struct Claim<'a>(&'a Disk);

impl Drop for Claim<'_> {
    fn drop(&mut self) {
        self.0.openers.lock().claimed = false;
    }
}

impl Disk {
    /// A disk that is empty and shown nowhere. ENOMEM.
    pub fn new(name: &str, rdev: u64, ops: Box<dyn DiskOps>) -> Result<Arc<Self>> {
        try_arc(Self {
            name: String::try_from_str(name)?,
            rdev,
            size: AtomicU64::new(0),
            read_only: AtomicBool::new(false),
            block_size: AtomicU32::new(SECTOR as u32),
            soft_block_size: AtomicU32::new(PAGE_SIZE as u32),
            read_ahead_pages: AtomicU32::new(READ_AHEAD_PAGES),
            discards: AtomicBool::new(false),
            caches_writes: AtomicBool::new(false),
            sequence: AtomicU64::new(SEQUENCE.fetch_add(1, Ordering::Relaxed) + 1),
            openers: Mutex::new(&OPENERS, Openers::default()),
            open_count: AtomicU32::new(0),
            device: Once::new(),
            link: Once::new(),
            stats: Stats::new(),
            ops,
        })
    }

    /// Nobody opens it from now on, unless `allowed` forbids. EBUSY: it is open.
    pub(crate) fn retire(&self, allowed: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut openers = self.openers.lock();
        if self.open_count() > 0 || openers.gone {
            return Err(Errno::EBUSY);
        }
        allowed()?;
        openers.gone = true;
        Ok(())
    }

    /// "loop0".
    pub fn name(&self) -> &str {
        &self.name
    }
    /// Its number.
    pub const fn rdev(&self) -> u64 {
        self.rdev
    }
    /// Bytes, a multiple of [`SECTOR`].
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }
    /// Sets its size and tells it, as `RESIZE=1` where it was not empty and is not. Whether that was told.
    pub fn set_size(&self, size: u64) -> bool {
        let size = size / SECTOR * SECTOR;
        let old = self.size.swap(size, Ordering::AcqRel);
        let told = old != size && old != 0 && size != 0;
        if told {
            self.announce_change("RESIZE=1\n");
        }
        told
    }
    /// Whether nothing may be written.
    pub fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Relaxed)
    }
    /// Forbids or allows writing.
    pub fn set_read_only(&self, read_only: bool) {
        self.read_only.store(read_only, Ordering::Relaxed);
    }
    /// The bytes that it moves at least.
    pub fn block_size(&self) -> u32 {
        self.block_size.load(Ordering::Relaxed)
    }
    /// Sets them: a power of 2 from [`SECTOR`] to a page.
    pub fn set_block_size(&self, size: u32) {
        self.block_size.store(size, Ordering::Relaxed);
    }
    /// Whether [`DiskOps::discard`] works.
    pub fn discards(&self) -> bool {
        self.discards.load(Ordering::Relaxed)
    }
    /// Says whether it does.
    pub fn set_discards(&self, discards: bool) {
        self.discards.store(discards, Ordering::Relaxed);
    }
    /// Whether [`DiskOps::flush`] has something to do.
    pub fn caches_writes(&self) -> bool {
        self.caches_writes.load(Ordering::Relaxed)
    }
    /// Says whether it has.
    pub fn set_caches_writes(&self, caches: bool) {
        self.caches_writes.store(caches, Ordering::Relaxed);
    }
    pub(crate) fn soft_block_size(&self) -> u32 {
        self.soft_block_size.load(Ordering::Relaxed)
    }
    pub(crate) fn set_soft_block_size(&self, size: u32) {
        self.soft_block_size.store(size, Ordering::Relaxed);
    }
    pub(crate) fn read_ahead_pages(&self) -> u32 {
        self.read_ahead_pages.load(Ordering::Relaxed)
    }
    pub(crate) fn set_read_ahead_pages(&self, pages: u32) {
        self.read_ahead_pages.store(pages, Ordering::Relaxed);
    }
    /// The number of what is in it: no two disks and no two contents have the same.
    pub fn sequence(&self) -> u64 {
        self.sequence.load(Ordering::Relaxed)
    }
    /// Something else is in it.
    pub fn new_content(&self) {
        let next = SEQUENCE.fetch_add(1, Ordering::Relaxed) + 1;
        self.sequence.store(next, Ordering::Relaxed);
    }
    /// How many files of it are open.
    pub fn open_count(&self) -> u32 {
        self.open_count.load(Ordering::Acquire)
    }
    /// The driver's part as the type it is, if it is of that type.
    pub fn ops_as<T: DiskOps>(&self) -> Option<&T> {
        (&*self.ops as &dyn Any).downcast_ref()
    }
    pub(crate) fn ops(&self) -> &dyn DiskOps {
        &*self.ops
    }
    /// Its directory of sysfs, once it is shown.
    pub fn dir(&self) -> Option<&Arc<kernfs::Node>> {
        self.device.get().map(|device| device.dir())
    }
    pub(crate) const fn device(&self) -> &Once<Arc<Device>> {
        &self.device
    }
    pub(crate) const fn link(&self) -> &Once<Arc<kernfs::Node>> {
        &self.link
    }
    /// What it did, as the numbers of a line of `/proc/diskstats`.
    pub fn stats(&self) -> [u64; 17] {
        self.stats.numbers()
    }

    /// Tells user space that it is another one, with `lines` more, a newline after each.
    pub fn announce_change(&self, lines: &str) {
        if let Some(device) = self.device.get() {
            // Who listens and has no memory has lost an event, as with any other.
            let _ = device.announce_with(device::Action::Change, lines);
        }
    }

    /// One file more. ENXIO: it was taken away; EBUSY: it is to be for this file alone, and is for another.
    pub(crate) fn open(&self, how: Opened) -> Result<()> {
        let mut openers = self.openers.lock();
        if openers.gone {
            return Err(Errno::ENXIO);
        }
        if how.alone && core::mem::replace(&mut openers.claimed, true) {
            return Err(Errno::EBUSY);
        }
        if self.open_count.fetch_add(1, Ordering::AcqRel) == 0 {
            self.set_soft_block_size(largest_block(self.block_size(), self.size()));
        }
        Ok(())
    }

    /// One file less.
    pub(crate) fn close(&self, how: Opened) {
        let goes = {
            let mut openers = self.openers.lock();
            if how.alone {
                openers.claimed = false;
            }
            if self.open_count.fetch_sub(1, Ordering::AcqRel) == 1 {
                self.ops.last_close(self)
            } else {
                None
            }
        };
        drop(goes);
    }

    /// Has it for oneself for a while. EBUSY: somebody else has.
    pub fn claim(&self) -> Result<Claim<'_>> {
        let mut openers = self.openers.lock();
        if core::mem::replace(&mut openers.claimed, true) {
            return Err(Errno::EBUSY);
        }
        drop(openers);
        Ok(Claim(self))
    }

    pub(crate) fn read(&self, pos: u64, buf: &mut UserBuf<'_>) -> Result<usize> {
        self.stats.counted(Kind::Read, || self.ops.read(pos, buf))
    }

    pub(crate) fn write(&self, pos: u64, buf: &mut UserBuf<'_>) -> Result<usize> {
        self.stats.counted(Kind::Write, || self.ops.write(pos, buf))
    }

    pub(crate) fn flush(&self) -> Result<()> {
        if !self.caches_writes() {
            return Ok(());
        }
        let flush = || self.ops.flush().map(|()| 0);
        self.stats.counted(Kind::Flush, flush).map(drop)
    }

    pub(crate) fn discard(&self, from: u64, to: u64) -> Result<()> {
        let discard = || self.ops.discard(from, to).map(|()| (to - from) as usize);
        self.stats.counted(Kind::Discard, discard).map(drop)
    }

    /// Writes zeros from `from` to `to`. EPERM: it is read-only; EIO; EINTR: by a signal that kills.
    pub(crate) fn write_zeros(&self, mut from: u64, to: u64) -> Result<()> {
        if self.is_read_only() {
            return Err(Errno::EPERM);
        }
        while from < to {
            let len = (to - from).min(PAGE_SIZE as u64 - from % PAGE_SIZE as u64) as usize;
            let n = self.write(from, &mut UserBuf::kernel_src(&ZEROS[..len]))?;
            if n == 0 {
                return Err(Errno::EIO);
            }
            from += n as u64;
            if sync::thread::current().is_some_and(|t| t.signal_pending(WaitMode::Killable)) {
                return Err(Errno::EINTR);
            }
        }
        Ok(())
    }
}

/// The largest unit, up to a page, that a disk of `size` bytes is a multiple of.
fn largest_block(least: u32, size: u64) -> u32 {
    let mut block = least;
    while (block as usize) < PAGE_SIZE && size & u64::from(block) == 0 {
        block <<= 1;
    }
    block
}
