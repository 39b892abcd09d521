//! What files, inodes, dentries, mounts and superblocks are made of, and what file systems do for them. Each holds or names
//! the others, so all definitions stand here; what the kernel does with each stands in the module of its name.
use crate::cost::CostCounters;
use crate::locklist::LockList;
use crate::name::Name;
use crate::owner::FileOwner;
use crate::poll::{PollEvents, PollTable};
use crate::readdir::DirSink;
use crate::types::{
    Access, Caching, FileMode, FileType, Io, Kstat, NewNode, OpenFlags, RenameFlags, SetAttr,
    StatFs, Times,
};
use crate::xattrs::Xattrs;
use abi::{Errno, Result, raw};
use alloc::boxed::Box;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::any::Any;
use core::ops::Deref;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, AtomicU32, AtomicU64, AtomicUsize};
use cred::{Charge, Cred, UserNamespace};
use hashbrown::HashTable;
use kmem::user::UserBuf;
use kmem::{Lasting, try_arc};
use pagecache::{MapObject, PageCache};
use sync::{Mutex, Once, SeqLock, SpinLock, WaitQueue};

/// Where a symbolic link leads.
pub enum Link {
    /// To this path.
    Body(Arc<Vec<u8>>),
    /// Straight to a place (the magic links of /proc).
    Jump(Path),
}

/// What a file system does for an inode. `inode` or `dir` is always the inode that the operations belong to; the caller
/// holds the lock of every directory that changes. What is not implemented answers as Linux does.
pub trait InodeOps: Any + Send + Sync {
    /// Finds `name` in a directory; `None` if it is not there. Not called for [`Caching::Complete`].
    fn lookup(&self, _dir: &Arc<Inode>, _name: &[u8]) -> Result<Option<Arc<Inode>>> {
        Ok(None)
    }

    /// How the entries of this directory are cached.
    fn caching(&self) -> Caching {
        Caching::Normal
    }

    /// Makes a node of any kind under the name of `dentry`. EPERM where nodes cannot be made.
    fn create(&self, _dir: &Arc<Inode>, _dentry: &Dentry, new: &NewNode<'_>) -> Result<Arc<Inode>> {
        Err(if new.kind == FileType::Regular {
            Errno::EACCES
        } else {
            Errno::EPERM
        })
    }

    /// Makes a regular file without a name (`O_TMPFILE`).
    fn tmpfile(&self, _dir: &Arc<Inode>, _new: &NewNode<'_>) -> Result<Arc<Inode>> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Gives `inode` the name of `dentry` as well; link count and times are the file system's to change.
    fn link(&self, _dir: &Arc<Inode>, _dentry: &Dentry, _inode: &Arc<Inode>) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Takes the name of `dentry` away.
    fn unlink(&self, _dir: &Arc<Inode>, _dentry: &Dentry) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Removes the directory `dentry`. ENOTEMPTY.
    fn rmdir(&self, _dir: &Arc<Inode>, _dentry: &Dentry) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Moves `old` to the name of `new` in `to`, replacing what `new` is, or exchanging both.
    fn rename(&self, _from: &Arc<Inode>, _old: &Dentry, _to: &RenameTarget<'_>) -> Result<()> {
        Err(Errno::EPERM)
    }

    /// Where this symbolic link leads, for the caller with `cred`.
    fn get_link(&self, _inode: &Inode, _cred: &Cred) -> Result<Link> {
        Err(Errno::EINVAL)
    }

    /// What readlink(2) says, where that differs from where [`get_link`](Self::get_link) leads.
    fn read_link(&self, inode: &Inode, cred: &Cred) -> Result<Arc<Vec<u8>>> {
        match self.get_link(inode, cred)? {
            Link::Body(body) => Ok(body),
            Link::Jump(path) => try_arc(path.to_bytes()?),
        }
    }

    /// The operations of a file that is opened; `None`: by the kind of the inode (devices and FIFOs as registered,
    /// regular files through the page cache).
    fn open(&self, _inode: &Arc<Inode>, _args: &OpenArgs<'_>) -> Result<Option<FileOpsRef>> {
        Ok(None)
    }

    /// Changes what `stat` says before it is told.
    fn getattr(&self, _inode: &Inode, _stat: &mut Kstat) {}

    /// Changes attributes; permission was checked. Default: changes the inode in memory.
    fn setattr(&self, inode: &Inode, attr: &SetAttr) -> Result<()> {
        if let Some(size) = attr.size {
            self.set_size(inode, size)?;
        }
        inode.apply(attr);
        Ok(())
    }

    /// Makes the file `size` bytes long. The inode is locked. EINVAL where that makes no sense, ENOSPC, EPERM: it is sealed.
    fn set_size(&self, inode: &Inode, size: u64) -> Result<()> {
        let cache = inode.cache().ok_or(Errno::EINVAL)?;
        inode.may_resize(size)?;
        let old = inode.size();
        inode.set_size(size);
        if size < old {
            cache.truncate(size);
        }
        Ok(())
    }

    /// Whether somebody shares its pages by a mapping that may be written.
    fn is_shared(&self, inode: &Inode) -> bool {
        inode.cache().is_some_and(PageCache::is_shared)
    }

    /// Whether [`permission`](Self::permission) differs from the usual rule. Asked once per inode.
    fn has_permission(&self) -> bool {
        false
    }

    /// Checks access where [`has_permission`](Self::has_permission).
    fn permission(&self, inode: &Inode, cred: &Cred, access: Access) -> Result<()> {
        inode.generic_permission(cred, access)
    }

    /// Whether `dentry`, found in the cache, still holds. Asked only if the superblock says so.
    fn revalidate(&self, _dentry: &Dentry) -> bool {
        true
    }

    /// What is mounted in which namespace, if this is the file of such a one: bound inside of it, it would keep it for ever.
    fn mount_ns(&self) -> Option<&MountNs> {
        None
    }

    /// The inode is going away: nobody uses it any more.
    fn evict(&self, _inode: &Inode) {}
}

/// Makes the inode of a directory's entry and enters it into the file system's own index, as [`InodeOps::create`] does.
pub type MakeEntry<'a> =
    &'a mut dyn FnMut(&Arc<Inode>, &Dentry, &NewNode<'_>) -> Result<Arc<Inode>>;

/// The second half of a rename.
pub struct RenameTarget<'a> {
    pub dir: &'a Arc<Inode>,
    /// The entry to take; negative if there is nothing to replace.
    pub dentry: &'a Dentry,
    pub flags: RenameFlags,
}

/// Of an inode's checks: the file system asks itself.
pub(crate) const CUSTOM: u8 = 1;
/// Of an inode's checks: it has an access list.
pub(crate) const LISTED: u8 = 2;

/// A file, apart from its names. See [`InodeOps`] for what file systems add.
pub struct Inode {
    pub(crate) ino: u64,
    pub(crate) kind: FileType,
    /// [`CUSTOM`] and [`LISTED`]: why the bits of the mode are not all there is to ask. Most often neither.
    pub(crate) checks: AtomicU8,
    pub(crate) caching: Caching,
    pub(crate) mode: AtomicU32,
    pub(crate) uid: AtomicU32,
    pub(crate) gid: AtomicU32,
    pub(crate) nlink: AtomicU32,
    pub(crate) rdev: u64,
    pub(crate) size: AtomicU64,
    /// Above 0: how many files have it open for writing; below: how many execute it.
    pub(crate) writers: AtomicI32,
    pub(crate) times: SeqLock<Times>,
    pub(crate) lock: Mutex<()>,
    pub(crate) locks: Once<Box<LockList>>,
    pub(crate) extra: Once<InodeExtra>,
    /// It never had a name and may get one.
    pub(crate) linkable: AtomicBool,
    /// Extended attributes and access lists, once it has had any.
    pub(crate) xattrs: Once<Box<Xattrs>>,
    /// See `seals.rs`.
    pub(crate) seals: AtomicU32,
    /// Somebody watches it; changes under the lock of the watches.
    pub(crate) watched: AtomicBool,
    pub(crate) cache: Option<PageCache>,
    pub(crate) sb: Arc<SuperBlock>,
    pub(crate) ops: Box<dyn InodeOps>,
}

/// A name in a directory. See the head of the module.
pub struct Dentry {
    pub(crate) place: SpinLock<Place>,
    pub(crate) inode: Once<Arc<Inode>>,
    pub(crate) children: Once<Box<SpinLock<Children>>>,
    pub(crate) hash: AtomicU64,
    /// For the file system: where in the directory's own index the entry stands.
    pub(crate) cookie: AtomicU64,
    pub(crate) flags: AtomicU32,
    /// How many mounts stand on it.
    pub(crate) mounted: AtomicU32,
}

/// With the two counts of its `Arc` a dentry fills a slab object of 128 bytes.
const _: () = assert!(size_of::<Dentry>() <= 112);

pub(crate) struct Place {
    pub(crate) name: Name,
    /// `None` for the root of a file system.
    pub(crate) parent: Option<Arc<Dentry>>,
}

#[derive(Default)]
pub(crate) struct Children {
    pub(crate) table: HashTable<Arc<Dentry>>,
    /// How many of them are negative.
    pub(crate) negative: usize,
}

/// What a file system does as a whole.
pub trait SuperOps: Any + Send + Sync {
    /// What statfs(2) tells.
    fn statfs(&self, sb: &SuperBlock) -> Result<StatFs> {
        Ok(StatFs {
            magic: sb.magic(),
            block_size: 4096,
            name_max: 255,
            ..StatFs::default()
        })
    }

    /// Writes everything to where it is kept.
    fn sync(&self, _sb: &SuperBlock) -> Result<()> {
        Ok(())
    }

    /// Takes new options (`mount -o remount`).
    fn remount(&self, _sb: &SuperBlock, _data: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Writes the options that `/proc/mounts` shows, each with a comma before it.
    fn show_options(&self, _out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        Ok(())
    }

    /// Whether an entry found in the cache has to be confirmed by [`crate::InodeOps::revalidate`].
    fn revalidates(&self) -> bool {
        false
    }

    /// Whether its inodes can have extended attributes, in memory: `security.*`, `trusted.*` and access lists.
    fn has_xattrs(&self) -> bool {
        false
    }

    /// Whether its files can be named by handles (name_to_handle_at(2)): they are all in the dentry cache.
    fn has_handles(&self) -> bool {
        false
    }

    /// The last mount is gone and the tree is empty.
    fn shutdown(&self) {}
}

/// A file system that is mounted at least once, or kept by the kernel.
pub struct SuperBlock {
    pub(crate) dev: u64,
    pub(crate) magic: u64,
    pub(crate) kind: &'static str,
    pub(crate) max_size: u64,
    pub(crate) flags: AtomicU32,
    pub(crate) revalidates: bool,
    pub(crate) dirty: AtomicU32,
    pub(crate) mounts: AtomicUsize,
    /// Files open for writing.
    pub(crate) writers: AtomicUsize,
    pub(crate) next_ino: AtomicU64,
    /// Somebody watches all of it, or did.
    pub(crate) watched: AtomicBool,
    pub(crate) root: SpinLock<Option<Arc<Dentry>>>,
    pub(crate) owner: Once<Arc<UserNamespace>>,
    pub(crate) rename: Mutex<()>,
    pub(crate) ops: Box<dyn SuperOps>,
}

/// A tree in its place. See the head of the module.
pub struct Mount {
    pub(crate) id: u32,
    pub(crate) sb: Arc<SuperBlock>,
    pub(crate) root: Arc<Dentry>,
    pub(crate) flags: AtomicU32,
    /// What was mounted, for `/proc/mounts`.
    pub(crate) source: Vec<u8>,
    pub(crate) place: SpinLock<Option<Path>>,
    pub(crate) children: SpinLock<Vec<Child>>,
    pub(crate) ns: Once<Weak<MountNs>>,
    /// When it came to its namespace: a later one has a higher number.
    pub(crate) arrival: AtomicU64,
    /// Somebody watches what goes through it, or did.
    pub(crate) watched: AtomicBool,
    /// What of what is mounted on it reaches others, and the other way round.
    pub(crate) kind: SpinLock<Kind>,
    /// See `mounttree`.
    pub(crate) mark: AtomicU32,
    /// What of its flags may not be taken away, and [`LOCKED`](crate::mount::LOCKED): it came from a mightier namespace.
    pub(crate) locked: AtomicU32,
}

/// Whom mounts on a mount reach; see `propagation`.
#[derive(Clone, Default)]
pub(crate) enum Kind {
    /// Nobody.
    #[default]
    Private,
    /// Nobody, and it is not copied.
    Unbindable,
    /// The other members of this group.
    Shared(Arc<PeerGroup>),
    /// Nobody; those on members of this group reach it.
    Slave(Arc<PeerGroup>),
}

/// Mounts of which what happens on one happens on all.
pub(crate) struct PeerGroup {
    /// The group whose slaves all members are.
    pub(crate) master: Option<Arc<PeerGroup>>,
    pub(crate) below: SpinLock<Below>,
}

/// What is directly below a group, and its number.
pub(crate) struct Below {
    /// 0: nobody is in it any more.
    pub(crate) number: u32,
    pub(crate) members: Vec<Weak<Mount>>,
    /// Mounts that are its slaves and nobody's peers.
    pub(crate) slaves: Vec<Weak<Mount>>,
    pub(crate) groups: Vec<Weak<PeerGroup>>,
}

pub(crate) struct Child {
    pub(crate) on: Arc<Dentry>,
    pub(crate) mount: Arc<Mount>,
}

/// What a process sees mounted (mount_namespaces(7)).
pub struct MountNs {
    /// The number of its file.
    pub(crate) number: u32,
    /// Whose capabilities count for what is mounted here.
    pub(crate) owner: Arc<UserNamespace>,
    /// What it counts as among them.
    pub(crate) _counted: Option<Charge>,
    pub(crate) root: Once<Arc<Mount>>,
    /// How many mounts are in it.
    pub(crate) count: AtomicU32,
    /// How many are to come, while it is found out whether they may.
    pub(crate) pending: AtomicU32,
    /// Counts changes, for pollers of `/proc/mounts`.
    pub(crate) event: AtomicU64,
    pub changed: WaitQueue,
}

/// A dentry as seen through a mount.
#[derive(Clone)]
pub struct Path {
    pub mnt: Arc<Mount>,
    pub dentry: Arc<Dentry>,
}

/// What opening hands to the file system.
pub struct OpenArgs<'a> {
    /// The place that is opened.
    pub path: &'a Path,
    /// `O_*`.
    pub flags: OpenFlags,
    /// Who opens.
    pub cred: &'a Cred,
}

/// What an open file does. `file` is always the file that the operations belong to. What is not implemented answers as
/// Linux does.
///
/// An operation that waits does so interruptibly and answers ERESTARTSYS; with `io.nonblock` it answers EAGAIN.
pub trait FileOps: Any + Send + Sync {
    /// Moves bytes from the file at `io.pos` to `buf`; 0 is the end.
    fn read(&self, _file: &File, _buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// Moves bytes from `buf` to the file at `io.pos`.
    fn write(&self, _file: &File, _buf: &mut UserBuf<'_>, _io: &mut Io) -> Result<usize> {
        Err(Errno::EINVAL)
    }

    /// The position that lseek(2) leads to; `file.pos()` is the present one. Default: as a file of the inode's size.
    fn seek(&self, file: &File, offset: i64, whence: u32) -> Result<u64> {
        file.generic_seek(offset, whence)
    }

    /// Positions mean nothing: lseek, pread and pwrite answer ESPIPE.
    fn is_stream(&self) -> bool {
        false
    }

    /// Whether pwrite(2) has a place to write to; without, it answers ESPIPE.
    fn can_write_at(&self) -> bool {
        true
    }

    /// Whether splice(2) may read from it and write to it; EINVAL without.
    fn splices(&self) -> (bool, bool) {
        (false, false)
    }

    /// Device control. ENOTTY: no such command here.
    fn ioctl(&self, _file: &File, _cmd: u32, _arg: usize) -> Result<usize> {
        Err(Errno::ENOTTY)
    }

    /// Device control that opens another file for a descriptor of the caller's, who has `cred` (`TIOCGPTPEER`,
    /// `NS_GET_PARENT`). ENOTTY: no such command here.
    fn ioctl_open(
        &self,
        _file: &File,
        _cmd: u32,
        _arg: usize,
        _cred: &Arc<Cred>,
    ) -> Result<Arc<File>> {
        Err(Errno::ENOTTY)
    }

    /// What it is ready for; first `table.wait` on every queue that announces a change. Asked only if
    /// [`can_poll`](Self::can_poll).
    fn poll(&self, _file: &File, _table: &mut PollTable<'_>) -> PollEvents {
        PollEvents::ALWAYS
    }

    /// Whether poll means something: files without are always ready, and epoll_ctl(2) answers EPERM for them. Asked once
    /// per file.
    fn can_poll(&self) -> bool {
        false
    }

    /// What a memory mapping of it shows. ENODEV: it cannot be mapped.
    fn mmap(&self, _file: &Arc<File>) -> Result<Arc<dyn MapObject>> {
        Err(Errno::ENODEV)
    }

    /// Hands entries from `*pos` on to `sink` until it is full, and moves `*pos`. The directory is locked.
    fn readdir(&self, _file: &File, _pos: &mut u64, _sink: &mut dyn DirSink) -> Result<()> {
        Err(Errno::ENOTDIR)
    }

    /// Writes what the file holds to where it is kept. EINVAL: it is not kept anywhere.
    fn fsync(&self, _file: &File, _data_only: bool) -> Result<()> {
        Err(Errno::EINVAL)
    }

    /// fallocate(2).
    fn fallocate(&self, _file: &File, _mode: u32, _offset: u64, _len: u64) -> Result<()> {
        Err(Errno::EOPNOTSUPP)
    }

    /// Commands of fcntl(2) beyond the general ones (`F_SETPIPE_SZ` and so on).
    ///
    /// # Errors
    /// EBADF: a pipe's command, and it is none; EINVAL.
    fn fcntl(&self, _file: &File, cmd: u32, _arg: usize) -> Result<usize> {
        match cmd {
            raw::F_GETPIPE_SZ | raw::F_SETPIPE_SZ => Err(Errno::EBADF),
            _ => Err(Errno::EINVAL),
        }
    }

    /// A descriptor of it is closed (each close(2), also of a duplicate).
    fn flush(&self, _file: &File) -> Result<()> {
        Ok(())
    }

    /// The last descriptor is gone.
    fn release(&self, _file: &File) {}

    /// Flags were changed by fcntl(2) (`O_ASYNC`, `O_NONBLOCK`, …), by the descriptor `fd`.
    fn flags_changed(&self, _file: &File, _old: OpenFlags, _fd: i32) -> Result<()> {
        Ok(())
    }

    /// It has somebody to tell now, for operations that tell him (SIGURG).
    fn owned(&self, _file: &File, _owner: &Arc<FileOwner>) {}

    /// What `/proc/PID/fdinfo/N` says beyond position and flags.
    fn show_fdinfo(&self, _file: &File, _out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        Ok(())
    }
}

/// The operations of a file.
#[derive(Clone)]
pub struct FileOpsRef(Lasting<dyn FileOps>);

impl FileOpsRef {
    /// Shared by all files of a kind.
    pub fn shared(ops: &'static dyn FileOps) -> Self {
        Self(Lasting::forever(ops))
    }

    /// The file's own.
    pub fn own(ops: Arc<dyn FileOps>) -> Self {
        Self(Lasting::counted(ops))
    }

    /// One more reference to the file's own.
    pub(crate) fn arc(&self) -> Option<Arc<dyn FileOps>> {
        self.0.arc()
    }
}

impl Deref for FileOpsRef {
    type Target = dyn FileOps;

    #[inline]
    fn deref(&self) -> &dyn FileOps {
        &*self.0
    }
}

/// An open file: what descriptors share that came from one open(2).
pub struct File {
    pub(crate) ops: FileOpsRef,
    pub(crate) mode: FileMode,
    pub(crate) flags: AtomicU32,
    pub(crate) pos: AtomicU64,
    pub(crate) pos_lock: Mutex<()>,
    pub(crate) inode: Arc<Inode>,
    pub(crate) path: Path,
    /// Locks were taken through it at some time, or a directory watched by it.
    pub(crate) has_locks: AtomicBool,
    pub(crate) owner: Once<Arc<FileOwner>>,
    pub(crate) cred: Arc<Cred>,
    /// What calls by it have cost, once that was counted.
    pub(crate) cost: Once<Box<CostCounters>>,
}

/// What a service keeps at an inode (the pipe of a FIFO, the socket of a name): set once per inode.
pub type InodeExtra = Arc<dyn Any + Send + Sync>;
