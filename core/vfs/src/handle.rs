//! Names of files that outlast their paths (name_to_handle_at(2)), for file systems whose tree is all in the dentry cache.
//!
//! A handle is the device's number and the inode's, neither of which is given twice. It is found again by a walk through the
//! tree: nothing is kept for it, and a file without a name is not found.
use crate::objects::{Dentry, Inode, Mount, Path};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use kmem::TryVec;

/// A file's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Handle {
    dev: u64,
    ino: u64,
}

impl Handle {
    /// `handle_type`.
    pub const KIND: i32 = 1;
    /// `handle_bytes`.
    pub const LEN: usize = 12;

    /// The name of a file; none: its file system has no such names.
    pub fn of(inode: &Inode) -> Option<Self> {
        let sb = inode.sb();
        sb.ops()
            .has_handles()
            .then(|| Self::new(sb.dev(), inode.ino()))
    }

    /// The name of the file of that device and number.
    pub const fn new(dev: u64, ino: u64) -> Self {
        Self { dev, ino }
    }

    /// `f_handle`.
    pub fn bytes(&self) -> [u8; Self::LEN] {
        let mut bytes = [0; Self::LEN];
        bytes[..4].copy_from_slice(&(self.dev as u32).to_ne_bytes());
        bytes[4..].copy_from_slice(&self.ino.to_ne_bytes());
        bytes
    }

    /// The file system, as statfs(2) names it.
    pub const fn fsid(&self) -> [u8; 8] {
        self.dev.to_ne_bytes()
    }
}

/// What a handle of the file system that `mnt` shows names; its type tells nothing more, and is not looked at, as on Linux. ESTALE: nothing; ENOMEM.
pub fn find_handle(mnt: &Arc<Mount>, bytes: &[u8]) -> Result<Path> {
    let sb = mnt.sb();
    if !sb.ops().has_handles() || bytes.len() < Handle::LEN {
        return Err(Errno::ESTALE);
    }
    let wanted = &bytes[..Handle::LEN];
    let is = |dentry: &Dentry| {
        dentry
            .inode()
            .and_then(|inode| Handle::of(inode))
            .is_some_and(|handle| handle.bytes() == *wanted)
    };
    let mut todo = Vec::new();
    todo.try_push(sb.root().ok_or(Errno::ESTALE)?)?;
    while let Some(dentry) = todo.pop() {
        if is(&dentry) {
            return Ok(Path {
                mnt: mnt.clone(),
                dentry,
            });
        }
        // Directories are gone into; of the rest only the one that is meant is taken.
        dentry.take_children(&mut todo, |child| {
            is(child) || child.inode().is_some_and(|inode| inode.is_dir())
        })?;
    }
    Err(Errno::ESTALE)
}
