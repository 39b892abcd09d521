//! The device numbers of terminals: `/dev/tty`, `/dev/console`, `/dev/ptmx`, lines (`ttyS*`), slaves.
use crate::control;
use crate::devpts;
use crate::file::TtyFile;
use crate::ioctl::Side;
use crate::pty::{self, SLAVE_MAJOR};
use crate::tty::Tty;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, RwSpinLock, WaitMode, WaitQueue, rank};
use vfs::{CharDev, FileOpsRef, Inode, OpenArgs, makedev, register_chrdev};

static LINES_CLASS: LockClass = LockClass::new("tty.lines", rank::NONE);

struct Lines {
    list: Vec<Arc<Tty>>,
    /// The line that is `/dev/console`.
    console: Option<Arc<Tty>>,
}

static LINES: RwSpinLock<Lines> = RwSpinLock::new(
    &LINES_CLASS,
    Lines {
        list: Vec::new(),
        console: None,
    },
);

/// Adds a line (a serial port) under its device number; `/dev/console` too if `console`. ENOMEM.
pub fn add_line(tty: Arc<Tty>, console: bool) -> Result<()> {
    let mut lines = LINES.write();
    if console {
        lines.console = Some(tty.clone());
    }
    lines.list.try_push(tty)
}

/// The terminal behind `/dev/console`.
pub fn console() -> Option<Arc<Tty>> {
    LINES.read().console.clone()
}

/// Waits, at most `limit_ns`, until the lines have sent what was written to them: the machine is about to end. Sleeps.
pub fn flush_lines(limit_ns: u64) {
    const STEP_NS: u64 = 100_000;
    let unsent = || {
        LINES
            .read()
            .list
            .iter()
            .any(|tty| tty.output_len() + tty.driver().in_flight() > 0)
    };
    let end = hal::clock::now_ns() + limit_ns;
    let nobody = WaitQueue::new();
    while unsent() && hal::clock::now_ns() < end {
        let soon = hal::clock::now_ns() + STEP_NS;
        let _ = nobody.wait(WaitMode::Uninterruptible, Some(soon), || None::<()>);
    }
}

/// `/dev/tty`, `/dev/console`, `/dev/ptmx`.
struct Special;
/// `/dev/ttyS*`.
struct LineDevices;
/// `/dev/pts/*` by number.
struct Slaves;

impl CharDev for Special {
    fn open(&self, rdev: u64, _inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        match vfs::minor(rdev) {
            0 => {
                let tty = control::controlling_tty().ok_or(Errno::ENXIO)?;
                TtyFile::open(&tty, Side::Terminal, args.flags)
            }
            1 => {
                let tty = console().ok_or(Errno::ENODEV)?;
                TtyFile::open(&tty, Side::Console, args.flags)
            }
            _ => devpts::open_device(rdev, args),
        }
    }
}

impl CharDev for LineDevices {
    fn open(&self, rdev: u64, _inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        let tty = {
            let lines = LINES.read();
            let found = lines.list.iter().find(|tty| tty.device_number() == rdev);
            found.cloned().ok_or(Errno::ENXIO)?
        };
        TtyFile::open(&tty, Side::Terminal, args.flags)
    }
}

impl CharDev for Slaves {
    fn open(&self, rdev: u64, _inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
        devpts::open_device(rdev, args)
    }
}

/// First minor number of serial lines; their major is 4.
const SERIAL_MINOR: u32 = 64;

/// Device number of serial line `index`.
pub fn serial_device(index: u32) -> u64 {
    makedev(4, SERIAL_MINOR + index)
}

/// Registers device numbers and the devpts file system. To be called once, when vfs stands. ENOMEM.
pub fn init() -> Result<()> {
    let lines = kmem::try_arc(LineDevices)?;
    let slaves = kmem::try_arc(Slaves)?;
    register_chrdev(5, 0, 3, "/dev/tty", kmem::try_arc(Special)?)?;
    register_chrdev(4, SERIAL_MINOR, 32, "ttyS", lines)?;
    register_chrdev(SLAVE_MAJOR, 0, pty::MAX as u32, "pts", slaves)?;
    for (name, minor, mode) in [("tty", 0, 0o666), ("console", 1, 0o600), ("ptmx", 2, 0o666)] {
        let node = device::Node {
            name,
            kind: vfs::FileType::CharDevice,
            rdev: makedev(5, minor),
            mode,
        };
        device::add_device("tty", node)?;
    }
    vfs::register_filesystem(&devpts::DEVPTS)
}

/// vhangup(2): hangs up the caller's controlling terminal, if there is one. The caller has checked
/// `CAP_SYS_TTY_CONFIG`. May sleep.
pub fn vhangup() {
    if let Some(tty) = control::controlling_tty() {
        tty.hangup(false);
    }
}
