//! Extended attributes (xattr(7)): who may see and change them. What a file system in memory has are `security.*`,
//! `trusted.*` and access lists (see `acl`); `user.*` and what else `system.*` may be are EOPNOTSUPP, as on tmpfs of Linux 6.1.
use crate::acl;
use crate::notify;
use crate::objects::{Inode, Path};
use crate::types::{Access, FileType};
use crate::xattrs::{Lists, SetXattr, Which, Xattrs};
use abi::{Errno, Result};
use alloc::vec::Vec;
use cred::{CAPABILITY, Cred, FileCaps, cap};
use kmem::{TryVec, try_box};

const SECURITY: &[u8] = b"security.";
const TRUSTED: &[u8] = b"trusted.";
const USER: &[u8] = b"user.";
const SYSTEM: &[u8] = b"system.";

/// What everybody is asked, by the first part of the name.
fn permission(inode: &Inode, name: &[u8], access: Access, cred: &Cred) -> Result<()> {
    let writes = access == Access::WRITE;
    let absent = if writes { Errno::EPERM } else { Errno::ENODATA };
    if name.starts_with(SECURITY) || name.starts_with(SYSTEM) {
        return Ok(());
    }
    if name.starts_with(TRUSTED) {
        return if cred.capable(cap::SYS_ADMIN) {
            Ok(())
        } else {
            Err(absent)
        };
    }
    if name.starts_with(USER) {
        let sticky = inode.mode() & abi::raw::S_ISVTX != 0;
        match inode.kind() {
            FileType::Regular => {}
            FileType::Directory if writes && sticky && !inode.owner_or_capable(cred) => {
                return Err(Errno::EPERM);
            }
            FileType::Directory => {}
            _ => return Err(absent),
        }
    }
    inode.permission(cred, access)
}

/// What changes of `security.*` need besides.
fn may_change(inode: &Inode, name: &[u8], cred: &Cred) -> Result<()> {
    let allowed = if name == CAPABILITY {
        cred.capable_over(inode.uid(), inode.gid(), cap::SETFCAP)
    } else {
        !name.starts_with(SECURITY) || cred.ns_capable(&inode.sb().owner()?, cap::SYS_ADMIN)
    };
    if allowed { Ok(()) } else { Err(Errno::EPERM) }
}

/// Whether the file system keeps attributes of this name. EOPNOTSUPP; EINVAL: nothing after the prefix.
fn supported(inode: &Inode, name: &[u8]) -> Result<()> {
    let rest = [SECURITY, TRUSTED]
        .iter()
        .find_map(|prefix| name.strip_prefix(*prefix));
    match rest {
        _ if !inode.sb().ops().has_xattrs() => Err(Errno::EOPNOTSUPP),
        None => Err(Errno::EOPNOTSUPP),
        Some([]) => Err(Errno::EINVAL),
        Some(_) => Ok(()),
    }
}

/// setxattr(2). EPERM, EACCES, EOPNOTSUPP, EINVAL, EEXIST, ENODATA, ENOMEM; the caller has asked for EROFS.
pub fn set_xattr(
    at: &Path,
    name: &[u8],
    mut value: Vec<u8>,
    how: SetXattr,
    cred: &Cred,
) -> Result<()> {
    if let Some(which) = Which::named(name) {
        return acl::set(at, which, Some(&value), cred);
    }
    let inode = at.inode()?;
    if name == CAPABILITY && !value.is_empty() {
        value = capability_to_keep(inode, &value, cred)?;
    }
    let _lock = inode.lock();
    permission(inode, name, Access::WRITE, cred)?;
    may_change(inode, name, cred)?;
    supported(inode, name)?;
    inode.xattrs_or_new()?.set(name, value, how)?;
    notify::attributes(&at.dentry);
    Ok(())
}

/// removexattr(2). Errors as [`set_xattr`].
pub fn remove_xattr(at: &Path, name: &[u8], cred: &Cred) -> Result<()> {
    if let Some(which) = Which::named(name) {
        return acl::set(at, which, None, cred);
    }
    let inode = at.inode()?;
    let _lock = inode.lock();
    permission(inode, name, Access::WRITE, cred)?;
    may_change(inode, name, cred)?;
    supported(inode, name)?;
    inode.xattrs.get().ok_or(Errno::ENODATA)?.remove(name)?;
    notify::attributes(&at.dentry);
    Ok(())
}

/// getxattr(2): calls `f` with the value. ENODATA, EACCES, EOPNOTSUPP; EOVERFLOW: capabilities of a namespace that means
/// nothing here.
pub fn get_xattr<R>(
    inode: &Inode,
    name: &[u8],
    cred: &Cred,
    f: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<R> {
    if let Some(which) = Which::named(name) {
        return acl::get(inode, which, cred, f);
    }
    permission(inode, name, Access::READ, cred)?;
    supported(inode, name)?;
    let list = inode.xattrs.get().ok_or(Errno::ENODATA)?;
    if name != CAPABILITY {
        return list.with(name, f);
    }
    let (shown, len) = list.with(name, |value| capability_to_show(inode, value, cred))?;
    f(&shown[..len])
}

/// listxattr(2): calls `f` with each name that `cred` may know of.
pub fn list_xattrs(
    inode: &Inode,
    cred: &Cred,
    mut f: impl FnMut(&[u8]) -> Result<()>,
) -> Result<()> {
    let Some(list) = inode.xattrs.get() else {
        return Ok(());
    };
    acl::names(inode, &mut f)?;
    let all = cred.capable(cap::SYS_ADMIN);
    list.for_each(|name| {
        if all || !name.starts_with(TRUSTED) {
            f(name)
        } else {
            Ok(())
        }
    })
}

/// The value as it is kept: who has the capability in the file system's namespace names none, others name their own.
fn capability_to_keep(inode: &Inode, value: &[u8], cred: &Cred) -> Result<Vec<u8>> {
    let caps = FileCaps::parse(value)?;
    if !cred.capable_over(inode.uid(), inode.gid(), cap::SETFCAP) {
        return Err(Errno::EPERM);
    }
    let owner = inode.sb().owner()?;
    if FileCaps::is_unnamed(value) && cred.ns_capable(&owner, cap::SETFCAP) {
        return Vec::try_from_slice(value);
    }
    let root = cred.user_ns.kuid(caps.root);
    if !owner.has_uid(root) {
        return Err(Errno::EINVAL);
    }
    let (kept, len) = FileCaps::rename(value, Some(owner.uid(root)));
    Vec::try_from_slice(&kept[..len])
}

/// The value as `cred` sees it.
fn capability_to_show(inode: &Inode, value: &[u8], cred: &Cred) -> Result<([u8; 24], usize)> {
    let root = inode.sb().owner()?.kuid(FileCaps::parse(value)?.root);
    let ns = &cred.user_ns;
    if ns.has_uid(root) && ns.uid(root) != 0 {
        return Ok(FileCaps::rename(value, Some(ns.uid(root))));
    }
    if !ns.is_under(root) {
        return Err(Errno::EOVERFLOW);
    }
    Ok(FileCaps::rename(value, None))
}

impl Inode {
    /// Where its attributes and lists are. ENOMEM.
    pub(crate) fn xattrs_or_new(&self) -> Result<&Xattrs> {
        if self.xattrs.get().is_none() {
            let _ = self
                .xattrs
                .set(try_box(Xattrs::with_lists(Lists::default()))?);
        }
        self.xattrs.get().map(|all| &**all).ok_or(Errno::ENOMEM)
    }

    /// The capabilities that it gives to a program that `cred` runs from it. EINVAL: what is kept says nothing.
    pub fn file_caps(&self, cred: &Cred) -> Result<Option<FileCaps>> {
        let Some(list) = self.xattrs.get() else {
            return Ok(None);
        };
        let caps = match list.with(CAPABILITY, FileCaps::parse) {
            Ok(caps) => caps,
            Err(Errno::ENODATA) => return Ok(None),
            Err(e) => return Err(e),
        };
        let root = self.sb().owner()?.kuid(caps.root);
        Ok(cred.user_ns.is_under(root).then_some(caps))
    }

    /// Somebody changes what is in it: the capabilities that the old contents had are none of the new ones'.
    #[inline]
    pub(crate) fn drop_file_caps(&self) {
        if let Some(list) = self.xattrs.get() {
            let _ = list.remove(CAPABILITY);
        }
    }
}
