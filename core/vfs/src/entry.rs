//! Opening an entry of a directory that the kernel names itself, not a path of the caller's: what mq_open(2) does. The
//! caller says how an entry that is not there is made.
use crate::fresh::new_node;
use crate::namei::lookup_locked;
use crate::names::{create_with, may_create};
use crate::notify;
use crate::objects::{Dentry, File, MakeEntry, Path};
use crate::open::open_path;
use crate::types::{Access, FileType, OpenFlags, PERM_MASK};
use abi::{Errno, NAME_MAX, Result, raw};
use alloc::sync::Arc;
use cred::Cred;

/// Whether an entry can have this name: EACCES for what would be a path, or `.` and `..`.
pub fn check_entry_name(name: &[u8]) -> Result<()> {
    let bad = matches!(name, b"" | b"." | b"..") || name.contains(&b'/');
    if bad { Err(Errno::EACCES) } else { Ok(()) }
}

/// Opens the entry `name` of the directory `at`, or has `make` make it as a regular file with the permissions `mode`, the
/// umask having been applied.
///
/// # Errors
/// `EACCES`: no permission, or no name; `ENAMETOOLONG`; `ENOENT`; `EEXIST`; `EROFS`; `EINVAL`: an access mode that is none;
/// `ENOMEM`; what `make` says.
pub fn open_entry(
    at: &Path,
    name: &[u8],
    flags: OpenFlags,
    mode: u32,
    cred: &Arc<Cred>,
    make: MakeEntry<'_>,
) -> Result<Arc<File>> {
    check_entry_name(name)?;
    let dir = at.inode()?;
    dir.permission(cred, Access::EXEC)?;
    if name.len() > NAME_MAX {
        return Err(Errno::ENAMETOOLONG);
    }
    let dentry = {
        let _lock = dir.lock();
        match lookup_locked(&at.dentry, dir, name)? {
            Some(found) => {
                may_use(&found, flags, cred)?;
                found
            }
            None if !flags.contains(OpenFlags::CREAT) => return Err(Errno::ENOENT),
            None => {
                at.mnt.require_write()?;
                may_create(&at.dentry, dir, cred)?;
                let new = new_node(dir, cred, FileType::Regular, mode & PERM_MASK, 0)?;
                create_with(&at.dentry, dir, name, new, make)?
            }
        }
    };
    let place = Path {
        mnt: at.mnt.clone(),
        dentry,
    };
    notify::may_open(&place, flags)?;
    let file = open_path(place, flags, cred)?;
    notify::opened(&file);
    Ok(file)
}

fn may_use(found: &Dentry, flags: OpenFlags, cred: &Cred) -> Result<()> {
    if flags.contains(OpenFlags::CREAT | OpenFlags::EXCL) {
        return Err(Errno::EEXIST);
    }
    if flags.bits() & raw::O_ACCMODE == raw::O_ACCMODE {
        return Err(Errno::EINVAL);
    }
    let mut access = Access::empty();
    access.set(Access::READ, flags.reads());
    access.set(Access::WRITE, flags.writes());
    found.inode().ok_or(Errno::ENOENT)?.permission(cred, access)
}
