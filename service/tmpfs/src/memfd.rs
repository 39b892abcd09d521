//! Files in memory without a name (memfd_create(2)).
use crate::{limits, new_inode, new_superblock};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::Cred;
use kmem::try_format;
use sync::{LockClass, Mutex, Once, rank};
use vfs::{FileType, NewNode, OpenFlags, REGULAR, SuperBlock};

static MAKING: LockClass = LockClass::new("tmpfs.memfd", rank::MOUNT);
static LOCK: Mutex<()> = Mutex::new(&MAKING, ());
static HOME: Once<Arc<SuperBlock>> = Once::new();
static HUGE_HOME: Once<Arc<SuperBlock>> = Once::new();

/// What such a file is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pages {
    /// Pages of 4 KiB.
    Small,
    /// Pages of 2 MiB (`MFD_HUGETLB`).
    Huge,
}

/// The file system that such files live in; without a limit but memory.
fn home(pages: Pages) -> Result<&'static Arc<SuperBlock>> {
    let _making = LOCK.lock();
    let home = match pages {
        Pages::Small => &HOME,
        Pages::Huge => &HUGE_HOME,
    };
    if home.get().is_none() {
        let _ = home.set(match pages {
            Pages::Small => new_superblock("tmpfs", b"size=0,nr_inodes=0")?,
            Pages::Huge => crate::huge::nameless()?,
        });
    }
    home.get().ok_or(Errno::ENOMEM)
}

/// A file in memory, open for reading and writing, called `name` in `/proc/PID/fd`. ENOMEM.
pub fn memfd(
    name: &str,
    pages: Pages,
    flags: OpenFlags,
    cred: &Arc<Cred>,
) -> Result<Arc<vfs::File>> {
    let sb = home(pages)?;
    let root = sb.root().ok_or(Errno::EIO)?;
    let limits = limits(root.inode().ok_or(Errno::EIO)?)?;
    limits.take_inode()?;
    let new = NewNode {
        kind: FileType::Regular,
        mode: 0o777,
        uid: cred.fsuid,
        gid: cred.fsgid,
        rdev: 0,
        target: &[],
    };
    let inode = new_inode(sb, limits, &new)?;
    inode.set_nlink(0);
    let name = try_format!("/memfd:{name} (deleted)")?;
    let ops = match pages {
        Pages::Small => vfs::FileOpsRef::shared(&REGULAR),
        Pages::Huge => vfs::FileOpsRef::shared(&crate::huge::HUGE_FILE),
    };
    vfs::new_anon_file(&name, &inode, ops, flags | OpenFlags::RDWR, cred)
}
