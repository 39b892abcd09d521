//! Changing attributes: chmod, chown, truncate, utimensat; access(2); statfs(2).
use crate::acl;
use crate::mount::MountFlags;
use crate::notify;
use crate::objects::{Dentry, File, Inode, Path};
use crate::types::{Access, FileMode, FileType, SetAttr, SetTime, StatFs};
use abi::{Errno, Result, raw};
use alloc::vec::Vec;
use cred::{Cred, Kgid, Kuid, cap};
use kmem::TryVec;
use kmem::user::UserBuf;

/// Changes attributes and tells; the inode is locked.
fn set(dentry: &Dentry, inode: &Inode, attr: &SetAttr) -> Result<()> {
    let list = match attr.mode {
        Some(mode) => acl::for_mode(inode, mode)?,
        None => None,
    };
    inode.ops().setattr(inode, attr)?;
    acl::follow_mode(inode, list);
    notify::changed(dentry, attr);
    Ok(())
}

/// chmod(2). EPERM: not the owner; EROFS.
pub fn chmod(at: &Path, mode: u32, cred: &Cred) -> Result<()> {
    let inode = at.inode()?;
    at.mnt.require_write()?;
    if inode.kind() == FileType::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    let _lock = inode.lock();
    if !inode.owner_or_capable(cred) {
        return Err(Errno::EPERM);
    }
    let mut mode = mode & crate::PERM_MASK;
    if !cred.in_group(inode.gid()) && !cred.capable_over(inode.uid(), inode.gid(), cap::FSETID) {
        mode &= !raw::S_ISGID;
    }
    let attr = SetAttr {
        mode: Some(mode),
        ..SetAttr::default()
    };
    set(&at.dentry, inode, &attr)
}

/// chown(2): `None` stays. Set-id bits of a file go. EPERM, EROFS.
pub fn chown(at: &Path, uid: Option<Kuid>, gid: Option<Kgid>, cred: &Cred) -> Result<()> {
    let inode = at.inode()?;
    at.mnt.require_write()?;
    let _lock = inode.lock();
    let capable = cred.capable_over(inode.uid(), inode.gid(), cap::CHOWN);
    let owns = cred.fsuid == inode.uid();
    let uid_ok = uid.is_none_or(|uid| capable || (owns && uid == inode.uid()));
    let gid_ok =
        gid.is_none_or(|gid| capable || (owns && (gid == inode.gid() || cred.in_group(gid))));
    if !uid_ok || !gid_ok {
        return Err(Errno::EPERM);
    }
    let mode = if inode.is_dir() {
        None
    } else {
        inode.mode_without_setid()
    };
    let attr = SetAttr {
        mode,
        uid,
        gid,
        ..SetAttr::default()
    };
    set(&at.dentry, inode, &attr)?;
    if !inode.is_dir() {
        inode.drop_file_caps();
    }
    Ok(())
}

/// truncate(2) of what is at a place. EISDIR, EINVAL, EACCES, EROFS, ETXTBSY, EFBIG.
pub fn truncate(at: &Path, size: u64, cred: &Cred) -> Result<()> {
    let inode = at.inode()?;
    match inode.kind() {
        FileType::Directory => return Err(Errno::EISDIR),
        FileType::Regular => {}
        _ => return Err(Errno::EINVAL),
    }
    at.mnt.require_write()?;
    inode.permission(cred, Access::WRITE)?;
    inode.get_write_access()?;
    let result = set_size(&at.dentry, inode, size, cred);
    inode.put_write_access();
    result
}

/// ftruncate(2). EINVAL: not open for writing, or not a regular file; EFBIG.
pub fn ftruncate(file: &File, size: u64) -> Result<()> {
    let inode = file.inode();
    if inode.kind() != FileType::Regular || !file.mode().contains(FileMode::WRITE) {
        return Err(Errno::EINVAL);
    }
    set_size(file.dentry(), inode, size, file.cred())
}

fn set_size(dentry: &Dentry, inode: &Inode, size: u64, cred: &Cred) -> Result<()> {
    if size > inode.sb().max_size() {
        return Err(Errno::EFBIG);
    }
    let _lock = inode.lock();
    let keep = cred.capable_over(inode.uid(), inode.gid(), cap::FSETID);
    let attr = SetAttr {
        size: Some(size),
        mode: inode.mode_without_setid().filter(|_| !keep),
        mtime: Some(SetTime::Now),
        ..SetAttr::default()
    };
    inode.drop_file_caps();
    set(dentry, inode, &attr)
}

/// utimensat(2): `None` stays. EPERM, EACCES, EROFS.
pub fn set_times(
    at: &Path,
    atime: Option<SetTime>,
    mtime: Option<SetTime>,
    cred: &Cred,
) -> Result<()> {
    let inode = at.inode()?;
    if atime.is_none() && mtime.is_none() {
        return Ok(());
    }
    at.mnt.require_write()?;
    let both_now = atime == Some(SetTime::Now) && mtime == Some(SetTime::Now);
    if !inode.owner_or_capable(cred) {
        if !both_now {
            return Err(Errno::EPERM);
        }
        inode.permission(cred, Access::WRITE)?;
    }
    let _lock = inode.lock();
    let attr = SetAttr {
        atime,
        mtime,
        ..SetAttr::default()
    };
    set(&at.dentry, inode, &attr)
}

/// access(2) with `cred` as the call wants it (see [`Cred::for_access`]). EACCES, EROFS.
pub fn access(at: &Path, wanted: Access, cred: &Cred) -> Result<()> {
    let inode = at.inode()?;
    let noexec = at.mnt.flags().contains(MountFlags::NOEXEC);
    if wanted.contains(Access::EXEC) && inode.kind() == FileType::Regular && noexec {
        return Err(Errno::EACCES);
    }
    inode.permission(cred, wanted)?;
    let special = !matches!(
        inode.kind(),
        FileType::Regular | FileType::Directory | FileType::Symlink
    );
    if wanted.contains(Access::WRITE) && !special {
        at.mnt.require_write()?;
    }
    Ok(())
}

/// statfs(2).
pub fn statfs(at: &Path) -> Result<StatFs> {
    at.mnt.sb().ops().statfs(at.mnt.sb())
}

/// What a symbolic link says. EINVAL: it is none.
pub fn read_link(at: &Path, cred: &Cred) -> Result<alloc::sync::Arc<alloc::vec::Vec<u8>>> {
    let inode = at.inode()?;
    if inode.kind() != FileType::Symlink {
        return Err(Errno::EINVAL);
    }
    crate::file::touch_access(at);
    inode.ops().read_link(inode, cred)
}

/// Copies `len` bytes of `from` at `from_pos` into `to` at `to_pos` through a page of the kernel; `None` is the file
/// position (sendfile(2), copy_file_range(2)). Answers how much was copied; an error only if nothing was.
pub fn copy_between(
    from: &File,
    mut from_pos: Option<&mut u64>,
    to: &File,
    mut to_pos: Option<&mut u64>,
    len: usize,
    limit: u64,
) -> Result<usize, crate::WriteError> {
    let mut page = Vec::try_filled(0_u8, abi::PAGE_SIZE)?;
    let mut done = 0;
    let signalled =
        || sync::thread::current().is_some_and(|t| t.signal_pending(sync::WaitMode::Interruptible));
    while done < len && !(done > 0 && signalled()) {
        let want = (len - done).min(page.len());
        let start = from_pos.as_deref().copied().unwrap_or(from.pos());
        let mut buf = UserBuf::kernel_dst(&mut page[..want]);
        let got = match &from_pos {
            Some(pos) => from.read_at(&mut buf, **pos),
            None => from.read(&mut buf),
        };
        let got = match got {
            Ok(0) => break,
            Ok(got) => got,
            Err(e) if done == 0 => return Err(e.into()),
            Err(_) => break,
        };
        let mut buf = UserBuf::kernel_src(&page[..got]);
        let put = match &to_pos {
            Some(pos) => to.write_at(&mut buf, **pos, limit),
            None => to.write(&mut buf, limit),
        };
        let put_len = put.unwrap_or(0);
        // What was read and not written is read again next time.
        match &mut from_pos {
            Some(pos) => **pos = start + put_len as u64,
            None if put_len < got => from.set_pos(start + put_len as u64),
            None => {}
        }
        if let Some(pos) = &mut to_pos {
            **pos += put_len as u64;
        }
        done += put_len;
        match put {
            Err(e) if done == 0 => return Err(e),
            Ok(n) if n == got => {}
            _ => break,
        }
    }
    Ok(done)
}
