//! Files without a place in any tree: pipes, epoll sets, event descriptors.
//!
//! They live in a file system of the kernel's own that is never mounted where a path leads.
use crate::objects::{
    Dentry, File, FileOpsRef, Inode, InodeOps, Mount, Path, SuperBlock, SuperOps,
};
use crate::types::NewInode;
use crate::types::{FileType, OpenFlags};
use abi::{Errno, Result};
use alloc::sync::Arc;
use cred::{Cred, Kgid, Kuid};
use kmem::try_box;
use sync::{LockClass, Mutex, Once, rank};

static INIT: LockClass = LockClass::new("vfs.anon", rank::MOUNT);

struct AnonOps;
impl InodeOps for AnonOps {}
impl SuperOps for AnonOps {}

/// A file system of the kernel's own, mounted where no path leads.
pub struct Hidden {
    mount: Arc<Mount>,
}

impl Hidden {
    /// A file system of that type and number, with an empty root. ENOMEM.
    pub fn new(kind: &'static str, magic: u64) -> Result<Self> {
        let sb = SuperBlock::new(kind, magic, i64::MAX as u64, try_box(AnonOps)?)?;
        let root = new_inode(
            &sb,
            FileType::Directory.mode_bits() | 0o555,
            Kuid::ROOT,
            Kgid::ROOT,
        )?;
        sb.set_root(Dentry::new_root(root)?);
        Ok(Self {
            mount: Mount::kernel(&sb)?,
        })
    }

    /// The file system.
    pub fn sb(&self) -> &Arc<SuperBlock> {
        self.mount.sb()
    }

    /// A place for an inode of it, which reads as `name`, exactly. ENOMEM, ENAMETOOLONG.
    pub fn path(&self, name: &str, inode: &Arc<Inode>) -> Result<Path> {
        Ok(Path {
            mnt: self.mount.clone(),
            dentry: Dentry::new_anon(name.as_bytes(), inode.clone())?,
        })
    }
}

struct Anon {
    files: Hidden,
    /// The one inode of all files that have none of their own.
    shared: Arc<Inode>,
}

static ANON: Once<Anon> = Once::new();
static MAKING: Mutex<()> = Mutex::new(&INIT, ());

fn anon() -> Result<&'static Anon> {
    if let Some(anon) = ANON.get() {
        return Ok(anon);
    }
    let _making = MAKING.lock();
    if ANON.get().is_none() {
        const ANON_INODE_FS_MAGIC: u64 = 0x0904_1934;
        let files = Hidden::new("anon_inodefs", ANON_INODE_FS_MAGIC)?;
        let shared = new_inode(
            files.sb(),
            FileType::Anonymous.mode_bits() | 0o600,
            Kuid::ROOT,
            Kgid::ROOT,
        )?;
        let _ = ANON.set(Anon { files, shared });
    }
    ANON.get().ok_or(Errno::ENOMEM)
}

fn new_inode(sb: &Arc<SuperBlock>, mode: u32, uid: Kuid, gid: Kgid) -> Result<Arc<Inode>> {
    let new = NewInode {
        ino: sb.next_ino(),
        mode,
        uid,
        gid,
        nlink: 1,
        rdev: 0,
        cache: None,
    };
    Inode::new(sb, new, try_box(AnonOps)?)
}

/// An inode of its own for a pipe or a socket. ENOMEM.
pub fn new_anon_inode(kind: FileType, perm: u32, cred: &Cred) -> Result<Arc<Inode>> {
    new_inode(
        anon()?.files.sb(),
        kind.mode_bits() | perm,
        cred.fsuid,
        cred.fsgid,
    )
}

/// The inode that files without one of their own share. ENOMEM.
pub fn shared_anon_inode() -> Result<Arc<Inode>> {
    Ok(anon()?.shared.clone())
}

/// A file whose path reads as `name`, exactly ("anon_inode:[eventfd]", "pipe:[7]"). ENOMEM, ENAMETOOLONG.
pub fn new_anon_file(
    name: &str,
    inode: &Arc<Inode>,
    ops: FileOpsRef,
    flags: OpenFlags,
    cred: &Arc<Cred>,
) -> Result<Arc<File>> {
    File::new(anon()?.files.path(name, inode)?, ops, flags, cred)
}
