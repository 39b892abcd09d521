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
//! Specification: tmpfs(5); Documentation/filesystems/tmpfs.rst.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod dir;
mod limits;
mod memfd;
mod options;
#[cfg(test)]
mod tests;

use abi::{Errno, PAGE_SIZE, Result};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use cred::Cred;
use dir::Directory;
use kmem::{TryVec, try_arc, try_box};
use limits::Limits;
pub use memfd::memfd;
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
    let ops = try_box(TmpfsSuper {
        limits: limits.clone(),
        options,
    })?;
    let sb = SuperBlock::new(kind, TMPFS_MAGIC, i64::MAX as u64, ops)?;
    limits.take_inode()?;
    let new = NewNode {
        kind: FileType::Directory,
        mode: options.mode,
        uid: options.uid,
        gid: options.gid,
        rdev: 0,
        target: &[],
    };
    let root = new_inode(&sb, &limits, &new)?;
    sb.set_root(Dentry::new_root(root)?);
    Ok(sb)
}

/// The file system as a whole.
struct TmpfsSuper {
    limits: Arc<Limits>,
    options: Options,
}

impl SuperOps for TmpfsSuper {
    fn statfs(&self, _sb: &SuperBlock) -> Result<StatFs> {
        let mut stat = StatFs {
            magic: TMPFS_MAGIC,
            block_size: PAGE_SIZE as u64,
            name_max: abi::NAME_MAX as u64,
            ..StatFs::default()
        };
        self.limits.report(&mut stat);
        Ok(stat)
    }

    fn has_xattrs(&self) -> bool {
        true
    }

    fn remount(&self, _sb: &SuperBlock, data: &[u8]) -> Result<()> {
        self.limits.change(&Options::parse(data, None)?)
    }

    fn show_options(&self, out: &mut dyn core::fmt::Write) -> core::fmt::Result {
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
    let cache = (new.kind == FileType::Regular).then(|| PageCache::new(limits.clone()));
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
