//! The devpts file system (mount type "devpts"): a node for every pseudo-terminal, and `ptmx`.
//!
//! There is one, however often it is mounted. The node of a slave is made when its master is opened, belongs to who
//! opened it, and keeps its owner and mode until the master closes. Options, as Linux takes them: `uid=`, `gid=`,
//! `mode=`, `ptmxmode=`, `max=`, `newinstance` (which changes nothing).
use crate::file::{MasterFile, TtyFile};
use crate::ioctl::Side;
use crate::pty::{self, SLAVE_MAJOR};
use abi::{Errno, Result, raw};
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use cred::{Cred, Kgid, Kuid};
use kmem::try_box;
use sync::Once;
use vfs::{
    AFTER_DOTS, Caching, Dentry, DirEntry, DirSink, File, FileOps, FileOpsRef, FileSystemType,
    FileType, Inode, InodeOps, NewInode, OpenArgs, Sink, SuperBlock, SuperOps, emit_dots, makedev,
};

const MAGIC: u64 = 0x1cd1;
const ROOT_INO: u64 = 1;
const PTMX_INO: u64 = 2;
/// Inode number of the first slave.
const FIRST_INO: u64 = 3;

/// `mode=` and `ptmxmode=`.
static MODE: AtomicU32 = AtomicU32::new(0o600);
static PTMX_MODE: AtomicU32 = AtomicU32::new(0o000);
/// `uid=` and `gid=`; negative: those of whoever opens the master.
static UID: AtomicI64 = AtomicI64::new(-1);
static GID: AtomicI64 = AtomicI64::new(-1);
/// `max=`.
static MAX: AtomicU32 = AtomicU32::new(pty::MAX as u32);

/// The kind of file system to register.
pub(crate) struct DevPts;

/// The one to register.
pub(crate) static DEVPTS: DevPts = DevPts;

struct Instance {
    sb: Arc<SuperBlock>,
    ptmx: Arc<Inode>,
}

static INSTANCE: Once<Instance> = Once::new();

fn instance() -> Result<&'static Instance> {
    if INSTANCE.get().is_none() {
        let sb = SuperBlock::new("devpts", MAGIC, 0, try_box(Super)?)?;
        let ptmx = new_node(&sb, PTMX_INO, &ROOT_OWNER, makedev(5, 2), 0)?;
        // Another caller may have been first; both are alike.
        let _ = INSTANCE.set(Instance { sb, ptmx });
    }
    INSTANCE.get().ok_or(Errno::ENOMEM)
}

/// Owner and permissions of a node.
struct Owner(Kuid, Kgid);

static ROOT_OWNER: Owner = Owner(Kuid(0), Kgid(0));

fn new_node(
    sb: &Arc<SuperBlock>,
    ino: u64,
    owner: &Owner,
    rdev: u64,
    mode: u32,
) -> Result<Arc<Inode>> {
    let new = NewInode {
        ino,
        mode: FileType::CharDevice.mode_bits() | mode,
        uid: owner.0,
        gid: owner.1,
        nlink: 1,
        rdev,
        cache: None,
    };
    let ops: Box<dyn InodeOps> = try_box(Node)?;
    Inode::new(sb, new, ops)
}

/// The node of a slave, for the opener of its master.
pub(crate) fn slave_node(index: u32, cred: &Cred) -> Result<Arc<Inode>> {
    let set = |option: &AtomicI64| u32::try_from(option.load(Ordering::Relaxed)).ok();
    let owner = Owner(
        set(&UID).map_or(cred.fsuid, Kuid),
        set(&GID).map_or(cred.fsgid, Kgid),
    );
    let mode = MODE.load(Ordering::Relaxed);
    let ino = FIRST_INO + u64::from(index);
    let sb = &instance()?.sb;
    new_node(sb, ino, &owner, makedev(SLAVE_MAJOR, index), mode)
}

impl FileSystemType for DevPts {
    fn name(&self) -> &'static str {
        "devpts"
    }

    fn mount(&self, _source: &[u8], data: &[u8]) -> Result<Arc<SuperBlock>> {
        parse_options(data)?;
        let instance = instance()?;
        let mode = FileType::CharDevice.mode_bits() | PTMX_MODE.load(Ordering::Relaxed);
        instance.ptmx.apply(&vfs::SetAttr {
            mode: Some(mode & vfs::PERM_MASK),
            ..vfs::SetAttr::default()
        });
        if instance.sb.root().is_none() {
            let new = NewInode {
                ino: ROOT_INO,
                mode: raw::S_IFDIR | 0o755,
                uid: Kuid(0),
                gid: Kgid(0),
                nlink: 2,
                rdev: 0,
                cache: None,
            };
            let root = Inode::new(&instance.sb, new, try_box(Root)?)?;
            instance.sb.set_root(Dentry::new_root(root)?);
        }
        Ok(instance.sb.clone())
    }
}

/// Takes mount options. EINVAL.
fn parse_options(data: &[u8]) -> Result<()> {
    let text = core::str::from_utf8(data).map_err(|_| Errno::EINVAL)?;
    for option in text.split(',').filter(|option| !option.is_empty()) {
        let (key, value) = option.split_once('=').unwrap_or((option, ""));
        let decimal = || value.parse::<u32>().map_err(|_| Errno::EINVAL);
        let octal = || match u32::from_str_radix(value, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(mode),
            _ => Err(Errno::EINVAL),
        };
        match key {
            "uid" => UID.store(i64::from(decimal()?), Ordering::Relaxed),
            "gid" => GID.store(i64::from(decimal()?), Ordering::Relaxed),
            "mode" => MODE.store(octal()?, Ordering::Relaxed),
            "ptmxmode" => PTMX_MODE.store(octal()?, Ordering::Relaxed),
            "max" => MAX.store(decimal()?, Ordering::Relaxed),
            "newinstance" => {}
            _ => return Err(Errno::EINVAL),
        }
    }
    Ok(())
}

/// Most pseudo-terminals that may be open (`max=`).
fn max() -> usize {
    (MAX.load(Ordering::Relaxed) as usize).min(pty::MAX)
}

struct Super;

impl SuperOps for Super {
    fn show_options(&self, out: &mut dyn fmt::Write) -> fmt::Result {
        for (name, option) in [("uid", &UID), ("gid", &GID)] {
            let id = option.load(Ordering::Relaxed);
            if id >= 0 {
                write!(out, ",{name}={id}")?;
            }
        }
        let (mode, ptmx) = (
            MODE.load(Ordering::Relaxed),
            PTMX_MODE.load(Ordering::Relaxed),
        );
        write!(out, ",mode={mode:03o},ptmxmode={ptmx:03o}")?;
        match MAX.load(Ordering::Relaxed) as usize {
            pty::MAX => Ok(()),
            max => write!(out, ",max={max}"),
        }
    }

    fn remount(&self, _sb: &SuperBlock, data: &[u8]) -> Result<()> {
        parse_options(data)
    }
}

/// The root directory.
struct Root;

impl InodeOps for Root {
    fn lookup(&self, _dir: &Arc<Inode>, name: &[u8]) -> Result<Option<Arc<Inode>>> {
        if name == b"ptmx" {
            return Ok(Some(instance()?.ptmx.clone()));
        }
        let index = core::str::from_utf8(name)
            .ok()
            .filter(|text| *text == "0" || !text.starts_with(['0', '+']))
            .and_then(|text| text.parse().ok());
        Ok(index
            .and_then(pty::find)
            .and_then(|pty| pty.node().cloned()))
    }

    fn caching(&self) -> Caching {
        Caching::Never
    }

    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(Some(FileOpsRef::shared(&ROOT_DIR)))
    }
}

struct RootDir;
static ROOT_DIR: RootDir = RootDir;

impl FileOps for RootDir {
    fn readdir(&self, file: &File, pos: &mut u64, sink: &mut dyn DirSink) -> Result<()> {
        if emit_dots(file, pos, sink)? == Sink::Full {
            return Ok(());
        }
        let kind = FileType::CharDevice;
        if *pos == AFTER_DOTS {
            let entry = DirEntry {
                name: b"ptmx",
                ino: PTMX_INO,
                kind,
                next: AFTER_DOTS + 1,
            };
            if sink.entry(&entry)? == Sink::Full {
                return Ok(());
            }
            *pos += 1;
        }
        // The sink may touch user memory, so one look at the table per entry.
        while let Some(index) = pty::first_from((*pos - AFTER_DOTS - 1) as u32) {
            let mut text = [0; 10];
            let entry = DirEntry {
                name: decimal(index, &mut text),
                ino: FIRST_INO + u64::from(index),
                kind,
                next: AFTER_DOTS + 2 + u64::from(index),
            };
            if sink.entry(&entry)? == Sink::Full {
                return Ok(());
            }
            *pos = entry.next;
        }
        Ok(())
    }
}

/// A number in decimal.
fn decimal(mut n: u32, text: &mut [u8; 10]) -> &[u8] {
    let mut at = text.len();
    loop {
        at -= 1;
        text[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            return &text[at..];
        }
    }
}

/// A device node.
struct Node;

impl InodeOps for Node {
    fn open(&self, inode: &Arc<Inode>, args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        open_device(inode.rdev(), args).map(Some)
    }
}

/// Opens a slave, or a new master, by device number. ENXIO, EIO.
pub(crate) fn open_device(rdev: u64, args: &OpenArgs<'_>) -> Result<FileOpsRef> {
    if rdev == makedev(5, 2) {
        return MasterFile::open(max(), |index| slave_node(index, args.cred));
    }
    let pty = pty::find(vfs::minor(rdev)).ok_or(Errno::ENXIO)?;
    TtyFile::open(pty.slave()?, Side::Terminal, args.flags)
}
