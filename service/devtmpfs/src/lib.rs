//! devtmpfs: /dev as the drivers fill it, and the devices that are no device: null, zero, full, random, urandom, kmsg.
//!
//! One file system, a tmpfs, however often it is mounted. Nodes come from [`device::add_node`], or from
//! [`create_node`] directly.
//!
//! Called by the image ([`init`]) and drivers; calls `tmpfs`, `vfs`, `device`, `trace` (kmsg).
//!
//! Specification: null(4), zero(4), full(4), random(4), Documentation/ABI/testing/dev-kmsg.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod kmsg;
mod mem;
#[cfg(test)]
mod tests;

use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::Cred;
use device::{Node, NodeSink};
use sync::Once;
use vfs::{
    FileSystemType, FileType, FsStruct, LookupFlags, Make, Mount, Path, SuperBlock, WalkCtx,
};

/// The file system, the kernel's own mount of it, and who makes nodes in it.
struct Devices {
    root: Path,
    fs: Arc<FsStruct>,
    cred: Arc<Cred>,
}

static DEVICES: Once<Devices> = Once::new();

/// The type that mount(2) finds.
struct Devtmpfs;

impl FileSystemType for Devtmpfs {
    fn name(&self) -> &'static str {
        "devtmpfs"
    }

    fn mount(&self, _source: &[u8], _data: &[u8]) -> Result<Arc<SuperBlock>> {
        Ok(devices()?.root.mnt.sb().clone())
    }
}

impl NodeSink for Devtmpfs {
    fn add(&self, node: &Node<'_>) -> Result<()> {
        make_node(node.name, node.kind, node.rdev, node.mode)
    }

    fn remove(&self, node: &Node<'_>) -> Result<()> {
        let devices = devices()?;
        let ctx = WalkCtx::new(&devices.fs, &devices.cred);
        let name = node.name.as_bytes();
        // What user space put in its place is not ours to take.
        let there = vfs::lookup(ctx, name, LookupFlags::empty())?;
        let inode = there.inode()?;
        if inode.kind() != node.kind || inode.rdev() != node.rdev {
            return Ok(());
        }
        drop(there);
        vfs::unlink(ctx, name)?;
        // Directories that are empty now were made for it.
        let slashes = (0..name.len()).rev().filter(|at| name[*at] == b'/');
        for at in slashes {
            if vfs::rmdir(ctx, &name[..at]).is_err() {
                break;
            }
        }
        Ok(())
    }
}

fn devices() -> Result<&'static Devices> {
    DEVICES.get().ok_or(Errno::ENODEV)
}

/// Makes the file system with the devices of this crate in it and those that drivers have added. ENOMEM; EBUSY: a second
/// time.
pub fn init() -> Result<()> {
    let sb = tmpfs::new_superblock("devtmpfs", b"mode=755")?;
    let root = Mount::kernel(&sb)?.root_path();
    let fs = FsStruct::new(root.clone())?;
    fs.set_umask(0);
    let all = Devices {
        root,
        fs,
        cred: Cred::init()?,
    };
    DEVICES.set(all).map_err(|_| Errno::EBUSY)?;
    mem::init()?;
    vfs::register_filesystem(&Devtmpfs)?;
    device::set_sink(&Devtmpfs)
}

/// The file system, to be mounted by the kernel itself (`devtmpfs.mount`). ENODEV before [`init`].
pub fn superblock() -> Result<Arc<SuperBlock>> {
    Ok(devices()?.root.mnt.sb().clone())
}

/// Makes the node of a character device; directories on the way are made as needed. EEXIST, ENOMEM, ENOSPC; ENODEV
/// before [`init`].
pub fn create_node(name: &str, rdev: u64, mode: u32) -> Result<()> {
    make_node(name, FileType::CharDevice, rdev, mode)
}

/// Makes a directory, for a file system to be mounted on (pts, shm). EEXIST, ENOMEM, ENOSPC.
pub fn create_dir(name: &str, mode: u32) -> Result<()> {
    let devices = devices()?;
    vfs::make(
        WalkCtx::new(&devices.fs, &devices.cred),
        name.as_bytes(),
        Make::Directory(mode),
    )
}

/// Makes a symbolic link ("fd" to "/proc/self/fd"). EEXIST, ENOMEM, ENOSPC.
pub fn create_link(name: &str, target: &str) -> Result<()> {
    let devices = devices()?;
    let ctx = WalkCtx::new(&devices.fs, &devices.cred);
    vfs::make(ctx, name.as_bytes(), Make::Symlink(target.as_bytes()))
}

fn make_node(name: &str, kind: FileType, rdev: u64, mode: u32) -> Result<()> {
    let devices = devices()?;
    let ctx = WalkCtx::new(&devices.fs, &devices.cred);
    let slashes = name.bytes().enumerate().filter(|(_, byte)| *byte == b'/');
    for (at, _) in slashes {
        match vfs::make(ctx, &name.as_bytes()[..at], Make::Directory(0o755)) {
            Ok(()) | Err(Errno::EEXIST) => {}
            Err(e) => return Err(e),
        }
    }
    vfs::make(ctx, name.as_bytes(), Make::Node(kind, mode, rdev))
}

/// The place of a node, for the kernel's own use ("console" for the first process). ENOENT, ENODEV.
pub fn lookup(name: &str) -> Result<Path> {
    let devices = devices()?;
    vfs::lookup(
        WalkCtx::new(&devices.fs, &devices.cred),
        name.as_bytes(),
        LookupFlags::FOLLOW,
    )
}
