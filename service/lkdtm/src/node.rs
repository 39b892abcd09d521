//! The device.
use crate::crashes::CRASHES;
use abi::{Errno, Result, raw};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use kmem::user::UserBuf;
use vfs::{CharDev, File, FileOps, FileOpsRef, FileType, Inode, Io, OpenArgs, makedev};

/// Miscellaneous devices; the minor is one that Linux gives to nobody.
const MAJOR: u32 = 10;
const MINOR: u32 = 212;

static WANTED: AtomicBool = AtomicBool::new(false);

/// Takes `gaon.provoke-crash` of the command line.
pub fn boot_option(key: &str, value: Option<&str>) -> bool {
    let ours = key == "gaon.provoke-crash" && value.is_none();
    if ours {
        WANTED.store(true, Ordering::Relaxed);
    }
    ours
}

/// Makes the device if the command line asked for it. EBUSY, ENOMEM.
pub fn init() -> Result<()> {
    if !WANTED.load(Ordering::Relaxed) {
        return Ok(());
    }
    vfs::add_chrdev(makedev(MAJOR, MINOR), 1, kmem::try_arc(Device)?)?;
    let node = device::Node {
        name: "provoke-crash",
        kind: FileType::CharDevice,
        rdev: makedev(MAJOR, MINOR),
        mode: 0o600,
    };
    device::add_device("misc", node)
}

struct Device;

impl CharDev for Device {
    fn open(&self, _rdev: u64, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        Ok(FileOpsRef::shared(&Self))
    }
}

impl FileOps for Device {
    /// The names, one a line.
    fn read(&self, _file: &File, buf: &mut UserBuf<'_>, io: &mut Io) -> Result<usize> {
        let mut skip = io.pos as usize;
        let mut done = 0;
        let lines = CRASHES.iter().flat_map(|crash| [crash.name, "\n"]);
        for piece in lines {
            let rest = piece.as_bytes().get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(piece.len());
            done += buf.copy_to(rest)?;
        }
        io.pos += done as u64;
        Ok(done)
    }

    /// Crashes. EINVAL: no such name; what the crash itself gives, if it comes back.
    fn write(&self, _file: &File, buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        let len = buf.remaining();
        let mut name = [0; 32];
        let n = buf.copy_from(&mut name[..len.min(32)])?;
        let name = name[..n].trim_ascii();
        let crash = CRASHES
            .iter()
            .find(|crash| crash.name.as_bytes() == name)
            .ok_or(Errno::EINVAL)?;
        trace::pr_info!("provoke-crash: {}", crash.name);
        (crash.cause)()?;
        Ok(len)
    }

    fn seek(&self, _file: &File, _offset: i64, whence: u32) -> Result<u64> {
        if whence == raw::SEEK_SET {
            Ok(0)
        } else {
            Err(Errno::EINVAL)
        }
    }
}
