//! tmpfs: a file system whose only home is memory; rootfs is one, and devtmpfs is made of one.
//!
//! Data lives in the inodes' page caches, names in the dentry cache, which is complete ([`Caching::Complete`]): a name
//! that is not there does not exist. Only reading a directory needs more: an index from a stable position to the entry,
//! so that a reader neither misses nor repeats entries while others come and go.
//!
//! Called by `vfs` through its traits; by the image ([`init`], [`new_superblock`]) and `devtmpfs`. Calls `vfs`,
//! `pagecache`, `kmem`.
//!
//! Lock order: the directories' inode locks (vfs) → one directory index.
//!
//! hugetlbfs is here too (`huge`): another kind of regular file in the same tree.
//!
//! Specification: tmpfs(5); Documentation/filesystems/tmpfs.rst.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod dir;
mod huge;
mod limits;
mod memfd;
mod options;
mod said;
#[cfg(test)]
mod tests;

use abi::{Errno, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::Cred;
use dir::Directory;
pub use huge::init_huge;
use huge::{Huge, HugeFile};
use kmem::{TryVec, try_arc, try_box};
use limits::Limits;
pub use memfd::{Pages, memfd};
use options::Options;
use pagecache::PageCache;
use vfs::{
    Dentry, FileSystemType, FileType, Inode, InodeOps, Link, NewInode, NewNode, StatFs, SuperBlock,
    SuperOps,
};

/// What statfs(2) says.
const TMPFS_MAGIC: u64 = 0x0102_1994;

/// The type that mount(2) finds.
struct Tmpfs;

impl FileSystemType for Tmpfs {
    fn name(&self) -> &'static str {
        "tmpfs"
    }

    fn mount(&self, _source: &[u8], data: &[u8]) -> Result<Arc<SuperBlock>> {
        new_superblock("tmpfs", data)
    }

    fn mount_for(&self, _source: &[u8], data: &[u8], cred: &Cred) -> Result<Arc<SuperBlock>> {
        let sb = superblock("tmpfs", Options::parse(data, Some(cred))?)?;
        sb.set_owner(cred.user_ns.clone());
        Ok(sb)
    }
}

/// Makes tmpfs known to mount(2). ENOMEM.
pub fn init() -> Result<()> {
    vfs::register_filesystem(&Tmpfs)
}

/// A new file system; `kind` is its name in `/proc/mounts`. EINVAL: bad options; ENOMEM.
pub fn new_superblock(kind: &'static str, options: &[u8]) -> Result<Arc<SuperBlock>> {
    superblock(kind, Options::parse(options, None)?)
}

fn superblock(kind: &'static str, options: Options) -> Result<Arc<SuperBlock>> {
    let limits = try_arc(Limits::new(&options))?;
    make_superblock((kind, TMPFS_MAGIC), options, &limits, None)
}

fn make_superblock(
    (kind, magic): (&'static str, u64),
    options: Options,
    limits: &Arc<Limits>,
    huge: Option<Huge>,
) -> Result<Arc<SuperBlock>> {
    let ops = try_box(TmpfsSuper {
        limits: limits.clone(),
        options,
        huge,
    })?;
    let sb = SuperBlock::new(kind, magic, i64::MAX as u64, ops)?;
    limits.take_inode()?;
    let new = NewNode {
        kind: FileType::Directory,
        mode: options.root.mode,
        uid: options.root.uid,
        gid: options.root.gid,
        rdev: 0,
        target: &[],
    };
    let root = new_inode(&sb, limits, &new)?;
    sb.set_root(Dentry::new_root(root)?);
    Ok(sb)
}

/// The file system as a whole.
struct TmpfsSuper {
    limits: Arc<Limits>,
    options: Options,
    /// It is hugetlbfs.
    huge: Option<Huge>,
}

impl SuperOps for TmpfsSuper {
    fn statfs(&self, _sb: &SuperBlock) -> Result<StatFs> {
        let mut stat = StatFs {
            magic: TMPFS_MAGIC,
            block_size: PAGE_SIZE as u64,
            name_max: abi::NAME_MAX as u64,
            ..StatFs::default()
        };
        match &self.huge {
            Some(huge) => huge.report(self, &mut stat),
            None => self.limits.report(&mut stat),
        }
        Ok(stat)
    }

    fn has_xattrs(&self) -> bool {
        self.huge.is_none()
    }

    fn has_handles(&self) -> bool {
        self.huge.is_none()
    }

    fn remount(&self, _sb: &SuperBlock, data: &[u8]) -> Result<()> {
        if self.huge.is_some() {
            // As Linux: its options are for good.
            return Ok(());
        }
        self.limits.change(&Options::parse(data, None)?)
    }

    fn show_options(&self, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
        if let Some(huge) = &self.huge {
            return huge.show(out);
        }
        self.limits.show(out)?;
        self.options.show(out)
    }
}

/// The limits of the file system that an inode belongs to.
fn limits(inode: &Inode) -> Result<&Arc<Limits>> {
    inode
        .sb()
        .ops_as::<TmpfsSuper>()
        .map(|sb| &sb.limits)
        .ok_or(Errno::EIO)
}

/// Makes an inode; its place among the limits was taken by the caller and goes back when it is evicted.
fn new_inode(sb: &Arc<SuperBlock>, limits: &Arc<Limits>, new: &NewNode<'_>) -> Result<Arc<Inode>> {
    let is_dir = new.kind == FileType::Directory;
    let huge = sb.ops_as::<TmpfsSuper>().and_then(|fs| fs.huge.as_ref());
    if huge.is_some() && new.kind == FileType::Symlink {
        // As Linux: there is no page to write the name of its target to.
        limits.free_inode();
        return Err(Errno::EINVAL);
    }
    let regular = new.kind == FileType::Regular;
    let cache = (regular && huge.is_none()).then(|| PageCache::new(limits.clone()));
    let init = NewInode {
        ino: sb.next_ino(),
        mode: new.kind.mode_bits() | new.mode,
        uid: new.uid,
        gid: new.gid,
        nlink: if is_dir { 2 } else { 1 },
        rdev: new.rdev,
        cache,
    };
    let ops = match new.kind {
        FileType::Directory => try_box(Directory::new()).map(|ops| ops as Box<dyn InodeOps>),
        FileType::Symlink => Vec::try_from_slice(new.target)
            .and_then(try_arc)
            .and_then(|body| try_box(Symlink { body }))
            .map(|ops| ops as Box<dyn InodeOps>),
        FileType::Regular if huge.is_some() => {
            let limits = huge.and_then(|huge| huge.limits.clone());
            let cache = pagecache::HugeCache::new(limits, 0);
            try_box(HugeFile { cache }).map(|ops| ops as Box<dyn InodeOps>)
        }
        _ => try_box(Plain).map(|ops| ops as Box<dyn InodeOps>),
    };
    let ops = ops.inspect_err(|_| limits.free_inode())?;
    // From here on the inode gives its place back, also one that finds no memory.
    let inode = Inode::new(sb, init, ops)?;
    match new.kind {
        FileType::Directory => inode.set_size(2 * dir::ENTRY_SIZE),
        FileType::Symlink => inode.set_size(new.target.len() as u64),
        _ => {}
    }
    Ok(inode)
}

fn evict(inode: &Inode) {
    if let Ok(limits) = limits(inode) {
        limits.free_inode();
    }
}

/// Regular files, devices, FIFOs, sockets: what vfs does by default is right.
struct Plain;

impl InodeOps for Plain {
    fn evict(&self, inode: &Inode) {
        evict(inode);
    }
}

/// Symbolic links.
struct Symlink {
    body: Arc<Vec<u8>>,
}

impl InodeOps for Symlink {
    fn get_link(&self, _inode: &Inode, _cred: &Cred) -> Result<Link> {
        Ok(Link::Body(self.body.clone()))
    }

    fn evict(&self, inode: &Inode) {
        evict(inode);
    }
}
