//! Small types: kinds of files, flags, attributes.
use abi::pod::Timespec;
use abi::raw;
use bitflags::bitflags;
use cred::{Kgid, Kuid};
use pagecache::PageCache;

/// What a file is; the numbers are those of `d_type` (getdents(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FileType {
    /// Of no type: what eventfd(2) and its kin give.
    Anonymous = 0,
    Fifo = 1,
    CharDevice = 2,
    Directory = 4,
    BlockDevice = 6,
    Regular = 8,
    Symlink = 10,
    Socket = 12,
}

impl FileType {
    /// The type bits of `st_mode`.
    #[inline]
    pub const fn mode_bits(self) -> u32 {
        (self as u32) << 12
    }

    /// The type that `st_mode` says; `None` for bits that mean nothing.
    #[inline]
    pub const fn from_mode(mode: u32) -> Option<Self> {
        Some(match mode & raw::S_IFMT {
            raw::S_IFIFO => Self::Fifo,
            raw::S_IFCHR => Self::CharDevice,
            raw::S_IFDIR => Self::Directory,
            raw::S_IFBLK => Self::BlockDevice,
            raw::S_IFREG => Self::Regular,
            raw::S_IFLNK => Self::Symlink,
            raw::S_IFSOCK => Self::Socket,
            0 => Self::Anonymous,
            _ => return None,
        })
    }
}

/// The permission bits of a mode, with set-id and sticky bits.
pub const PERM_MASK: u32 = 0o7777;

/// A device number as user space writes it (makedev(3)).
pub const fn makedev(major: u32, minor: u32) -> u64 {
    let (major, minor) = (major as u64, minor as u64);
    (minor & 0xff) | (major & 0xfff) << 8 | (minor & !0xff) << 12 | (major & !0xfff) << 32
}

/// Major number of a device number.
pub const fn major(dev: u64) -> u32 {
    ((dev >> 8 & 0xfff) | (dev >> 32 & !0xfff)) as u32
}

/// Minor number of a device number.
pub const fn minor(dev: u64) -> u32 {
    ((dev & 0xff) | (dev >> 12 & !0xff)) as u32
}

bitflags! {
    /// Flags of open(2) and of an open file.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct OpenFlags: u32 {
        const WRONLY = raw::O_WRONLY;
        const RDWR = raw::O_RDWR;
        const CREAT = raw::O_CREAT;
        const EXCL = raw::O_EXCL;
        const NOCTTY = raw::O_NOCTTY;
        const TRUNC = raw::O_TRUNC;
        const APPEND = raw::O_APPEND;
        const NONBLOCK = raw::O_NONBLOCK;
        const DSYNC = raw::O_DSYNC;
        const ASYNC = raw::FASYNC;
        const DIRECT = raw::O_DIRECT;
        const LARGEFILE = raw::O_LARGEFILE;
        const DIRECTORY = raw::O_DIRECTORY;
        const NOFOLLOW = raw::O_NOFOLLOW;
        const NOATIME = raw::O_NOATIME;
        const CLOEXEC = raw::O_CLOEXEC;
        /// `O_SYNC` without the bit that it shares with `O_DSYNC`.
        const SYNC_BIT = 0o4_000_000;
        const PATH = raw::O_PATH;
        /// `O_TMPFILE` without the bit that it shares with `O_DIRECTORY`.
        const TMPFILE_BIT = 0o20_000_000;
        /// Nobody is told what is done with it, nor asked.
        const QUIET = 1 << 29;
        /// The kernel opens it to execute it.
        const EXEC = 1 << 30;
        /// What the kernel alone asks for.
        const KERNEL = Self::QUIET.bits() | Self::EXEC.bits();
    }

    /// What an open file allows.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct FileMode: u32 {
        const READ = 1;
        const WRITE = 2;
        /// Positions mean something: lseek, pread and pwrite work.
        const SEEK = 4;
        /// Reads and writes at the file position exclude each other.
        const ATOMIC_POS = 8;
        /// Opened with `O_PATH`: names a place, nothing else.
        const PATH = 16;
        /// Opened to execute: the file must not be written meanwhile.
        const EXEC = 32;
        /// It can be polled; without, it is always ready.
        const POLL = 64;
        /// Nobody is told what is done with it, nor asked.
        const QUIET = 128;
    }

    /// What a permission check asks for.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct Access: u32 {
        const EXEC = 1;
        const WRITE = 2;
        const READ = 4;
    }

    /// How a path is walked.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct LookupFlags: u32 {
        /// Follow a symbolic link in the last place.
        const FOLLOW = 1;
        /// The result must be a directory.
        const DIRECTORY = 2;
        /// An empty path names the base itself (`AT_EMPTY_PATH`).
        const EMPTY = 4;
        /// openat2(2): no symbolic link at all.
        const NO_SYMLINKS = 8;
        /// openat2(2): no mount point is crossed.
        const NO_XDEV = 16;
        /// openat2(2): never above the base.
        const BENEATH = 32;
        /// openat2(2): the base is the root.
        const IN_ROOT = 64;
        /// openat2(2): no magic link of /proc.
        const NO_MAGICLINKS = 128;
        /// What is mounted on the result is meant (umount(2)).
        const COVER = 256;
    }

    /// Flags of renameat2(2).
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub struct RenameFlags: u32 {
        const NOREPLACE = raw::RENAME_NOREPLACE;
        const EXCHANGE = raw::RENAME_EXCHANGE;
        const WHITEOUT = raw::RENAME_WHITEOUT;
    }
}

impl OpenFlags {
    /// Whether it asks to read.
    pub const fn reads(self) -> bool {
        self.bits() & raw::O_ACCMODE != raw::O_WRONLY
    }

    /// Whether it asks to write.
    pub const fn writes(self) -> bool {
        self.bits() & raw::O_ACCMODE != raw::O_RDONLY
    }
}

/// What stat(2) and statx(2) tell.
#[derive(Clone, Copy, Debug)]
pub struct Kstat {
    pub dev: u64,
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    pub nlink: u32,
    pub uid: Kuid,
    pub gid: Kgid,
    pub rdev: u64,
    pub size: u64,
    pub blksize: u32,
    /// In units of 512 bytes.
    pub blocks: u64,
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
    /// Time of birth, where the file system knows it.
    pub btime: Option<Timespec>,
}

/// The three times of an inode.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    pub atime: Timespec,
    pub mtime: Timespec,
    pub ctime: Timespec,
}

/// A time that utimensat(2) sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetTime {
    /// The present.
    Now,
    /// A given time.
    To(Timespec),
}

/// What to change of an inode; `None` stays.
#[derive(Clone, Copy, Debug, Default)]
pub struct SetAttr {
    /// Permission bits, without the type.
    pub mode: Option<u32>,
    pub uid: Option<Kuid>,
    pub gid: Option<Kgid>,
    pub size: Option<u64>,
    pub atime: Option<SetTime>,
    pub mtime: Option<SetTime>,
}

/// What statfs(2) tells.
#[derive(Clone, Copy, Debug, Default)]
pub struct StatFs {
    pub magic: u64,
    pub block_size: u64,
    pub blocks: u64,
    pub blocks_free: u64,
    pub blocks_available: u64,
    pub files: u64,
    pub files_free: u64,
    pub name_max: u64,
}

/// The node to create in a directory; owner and mode are final (umask and set-group-ID were seen to).
#[derive(Clone, Copy, Debug)]
pub struct NewNode<'a> {
    pub kind: FileType,
    /// Permission bits.
    pub mode: u32,
    pub uid: Kuid,
    pub gid: Kgid,
    /// Of a device node.
    pub rdev: u64,
    /// Of a symbolic link.
    pub target: &'a [u8],
}

/// The present, as file times take it.
pub fn now() -> Timespec {
    let ns = crate::clock::realtime_ns();
    Timespec {
        tv_sec: (ns / 1_000_000_000) as i64,
        tv_nsec: (ns % 1_000_000_000) as i64,
    }
}

/// The order of two times.
pub(crate) fn earlier_or_same(a: Timespec, b: Timespec) -> bool {
    (a.tv_sec, a.tv_nsec) <= (b.tv_sec, b.tv_nsec)
}

/// Whether the entries of a directory may be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caching {
    /// Every entry is in the dentry cache: a name that is not there does not exist (tmpfs).
    Complete,
    /// What was looked up is kept, absence as well.
    Normal,
    /// Nothing is kept: each walk asks again (directories of processes).
    Never,
}

/// What an inode starts as.
pub struct NewInode {
    pub ino: u64,
    /// Type and permissions.
    pub mode: u32,
    pub uid: Kuid,
    pub gid: Kgid,
    pub nlink: u32,
    pub rdev: u64,
    pub cache: Option<PageCache>,
}

/// One read or write: where, how, and under which limit.
#[derive(Clone, Copy, Debug)]
pub struct Io {
    /// Position in the file; the operation moves it.
    pub pos: u64,
    /// Answer EAGAIN instead of waiting: `O_NONBLOCK` or `RWF_NOWAIT`.
    pub nonblock: bool,
    /// Write at the end whatever `pos` says: `O_APPEND` or `RWF_APPEND`.
    pub append: bool,
    /// Data is where it is kept when the call returns: `O_DSYNC` and its kin.
    pub sync: bool,
    /// `RLIMIT_FSIZE` of the writer.
    pub fsize_limit: u64,
    /// Set when a write failed with EFBIG because of `fsize_limit`: the caller sends SIGXFSZ.
    pub over_limit: bool,
    /// Set when EPIPE brings no SIGPIPE.
    pub silent: bool,
}
