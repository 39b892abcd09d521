//! Access control lists of files in memory (acl(5)), which xattr(7) reads and sets as `system.posix_acl_access` and
//! `system.posix_acl_default`. The lists stand beside the extended attributes; an inode with an access list says so in its
//! [`checks`](Inode), so that one without pays nothing. The owner's, the mask's (or the group's) and the others' part of an
//! access list and the mode are the same thing: whoever changes one changes both, under the inode's lock.
use crate::notify;
use crate::objects::{Inode, LISTED, Path};
use crate::types::{Access, FileType, SetAttr};
use crate::xattrs::{Lists, Which, Xattrs};
use abi::{Errno, Result, raw};
use acl::{Acl, Asker, Entry, Extent, Reject, Tag, size_of_value};
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering::{Relaxed, Release};
use cred::{Cred, Kgid, Kuid, cap};
use kmem::{TryVec, try_arc, try_box};

/// Who asks for what at which file.
struct Question<'a> {
    inode: &'a Inode,
    cred: &'a Cred,
}

impl Asker for Question<'_> {
    fn owns(&self) -> bool {
        self.cred.fsuid == self.inode.uid()
    }

    fn is_user(&self, id: u32) -> bool {
        self.cred.fsuid == Kuid(id)
    }

    fn in_owning_group(&self) -> bool {
        self.cred.in_group(self.inode.gid())
    }

    fn in_group(&self, id: u32) -> bool {
        self.cred.in_group(Kgid(id))
    }
}

impl Inode {
    pub(crate) fn acl(&self, which: Which) -> Option<Arc<Acl>> {
        self.xattrs.get()?.lists.lock().of(which).clone()
    }

    /// What the access list says; `None` without one. As Linux, nobody looks at it while the group's bits of the mode, which
    /// are its mask, give nothing.
    #[cold]
    pub(crate) fn list_gives(&self, cred: &Cred, access: Access) -> Option<bool> {
        if self.mode() & 0o070 == 0 {
            return None;
        }
        let list = self.acl(Which::Access)?;
        let wanted = (access.bits() & 7) as u8;
        Some(list.gives(wanted, &Question { inode: self, cred }))
    }

    /// Takes a list in the place of another, for which [`Inode::xattrs_or_new`] has made room.
    fn put_acl(&self, which: Which, list: Option<Arc<Acl>>) {
        let Some(xattrs) = self.xattrs.get() else {
            return;
        };
        let listed = list.is_some();
        let old = core::mem::replace(xattrs.lists.lock().of(which), list);
        drop(old);
        if which == Which::Access {
            self.note_listed(listed);
        }
    }

    fn note_listed(&self, listed: bool) {
        if listed {
            self.checks.fetch_or(LISTED, Release);
        } else {
            self.checks.fetch_and(!LISTED, Relaxed);
        }
    }

    /// A new inode that nobody has seen starts with what [`inherit`] gave.
    pub(crate) fn adopt(&self, inherited: Box<Xattrs>) {
        let _ = self.xattrs.set(inherited);
        self.note_listed(self.acl(Which::Access).is_some());
    }
}

/// The access list that goes with another mode, if there is one and it changes. ENOMEM.
pub(crate) fn for_mode(inode: &Inode, mode: u32) -> Result<Option<Arc<Acl>>> {
    if inode.checks.load(Relaxed) & LISTED == 0 {
        return Ok(None);
    }
    match inode.acl(Which::Access) {
        Some(list) if list.mode() != mode & 0o777 => {
            let mut list = copy(&list)?;
            list.chmod(mode);
            try_arc(list).map(Some)
        }
        _ => Ok(None),
    }
}

/// Keeps what [`for_mode`] made, once the mode has changed.
pub(crate) fn follow_mode(inode: &Inode, list: Option<Arc<Acl>>) {
    if list.is_some() {
        inode.put_acl(Which::Access, list);
    }
}

fn copy(list: &Acl) -> Result<Acl> {
    list.try_clone().map_err(|acl::NoMemory| Errno::ENOMEM)
}

/// What a new file of `kind` in `dir` starts with, and its mode: limited by the default list of `dir`, or where there is none
/// by the umask. ENOMEM.
pub(crate) fn inherit(
    dir: &Inode,
    kind: FileType,
    mode: u32,
    umask: u32,
) -> Result<(u32, Option<Box<Xattrs>>)> {
    if kind == FileType::Symlink {
        return Ok((mode, None));
    }
    let Some(default) = dir.acl(Which::Default) else {
        return Ok((mode & !umask, None));
    };
    let mut list = copy(&default)?;
    list.limit(mode);
    let mode = mode & !0o777 | list.mode();
    let access = match list.extent() {
        Extent::Extended => Some(try_arc(list)?),
        Extent::Minimal => None,
    };
    let default = (kind == FileType::Directory).then_some(default);
    if access.is_none() && default.is_none() {
        return Ok((mode, None));
    }
    let lists = Lists { access, default };
    Ok((mode, Some(try_box(Xattrs::with_lists(lists))?)))
}

/// The list in the value of an attribute, its ids as the caller names them. EINVAL, EOPNOTSUPP, ENOMEM.
fn read(value: &[u8], cred: &Cred) -> Result<Option<Acl>> {
    let ns = &cred.user_ns;
    let id = |tag, id| {
        let id = match tag {
            Tag::Group => ns.kgid(id).0,
            _ => ns.kuid(id).0,
        };
        (id != u32::MAX).then_some(id)
    };
    Acl::read(value, id).map_err(|e| match e {
        Reject::Version => Errno::EOPNOTSUPP,
        Reject::Form => Errno::EINVAL,
        Reject::NoMemory => Errno::ENOMEM,
    })
}

/// Sets a list, or with `None` removes it. EOPNOTSUPP: no lists here, or another version of them; EINVAL: no good list;
/// EACCES: a default list for what is no directory; EPERM: not the owner; ENOMEM.
pub(crate) fn set(at: &Path, which: Which, value: Option<&[u8]>, cred: &Cred) -> Result<()> {
    let inode = at.inode()?;
    if !inode.sb().ops().has_xattrs() {
        return Err(Errno::EOPNOTSUPP);
    }
    let list = match value {
        Some(value) => read(value, cred)?,
        None => None,
    };
    let _lock = inode.lock();
    if inode.kind() == FileType::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    if which == Which::Access || inode.is_dir() {
        change(inode, which, list, cred)?;
    } else if list.is_some() {
        return Err(Errno::EACCES);
    }
    notify::attributes(&at.dentry);
    Ok(())
}

fn change(inode: &Inode, which: Which, list: Option<Acl>, cred: &Cred) -> Result<()> {
    if !inode.owner_or_capable(cred) {
        return Err(Errno::EPERM);
    }
    if let Some(list) = &list {
        let owner = inode.sb().owner()?;
        let names = |entry: &Entry| match entry.tag {
            Tag::Group => owner.has_gid(Kgid(entry.id)),
            _ => owner.has_uid(Kuid(entry.id)),
        };
        list.is_valid(names).map_err(|acl::Invalid| Errno::EINVAL)?;
    }
    let mode = list.as_ref().map(Acl::mode);
    // An access list that says no more than a mode is kept as one.
    let kept = list.filter(|list| which == Which::Default || list.extent() == Extent::Extended);
    let kept = kept.map(try_arc).transpose()?;
    if kept.is_some() {
        inode.xattrs_or_new()?;
    }
    inode.put_acl(which, kept);
    if which == Which::Default {
        inode.touch_changed();
        return Ok(());
    }
    let mut mode = mode.map_or(inode.mode(), |mode| inode.mode() & !0o777 | mode);
    if !cred.in_group(inode.gid()) && !cred.capable_over(inode.uid(), inode.gid(), cap::FSETID) {
        mode &= !raw::S_ISGID;
    }
    inode.apply(&SetAttr {
        mode: Some(mode),
        ..SetAttr::default()
    });
    Ok(())
}

/// Calls `f` with the value of the attribute that carries a list. EOPNOTSUPP, ENODATA, ENOMEM.
pub(crate) fn get<R>(
    inode: &Inode,
    which: Which,
    cred: &Cred,
    f: impl FnOnce(&[u8]) -> Result<R>,
) -> Result<R> {
    if !inode.sb().ops().has_xattrs() || inode.kind() == FileType::Symlink {
        return Err(Errno::EOPNOTSUPP);
    }
    let list = inode.acl(which).ok_or(Errno::ENODATA)?;
    let mut value = Vec::try_filled(0, size_of_value(list.entries().len()))?;
    let ns = &cred.user_ns;
    list.write(&mut value, |tag, id| {
        let shown = match tag {
            Tag::Group => ns.has_gid(Kgid(id)).then(|| ns.gid(Kgid(id))),
            _ => ns.has_uid(Kuid(id)).then(|| ns.uid(Kuid(id))),
        };
        shown.unwrap_or(u32::MAX)
    });
    f(&value)
}

/// Calls `f` with the names of the attributes that carry the lists an inode has.
pub(crate) fn names(inode: &Inode, mut f: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
    let mut there = Which::ALL
        .into_iter()
        .filter(|which| inode.acl(*which).is_some());
    there.try_for_each(|which| f(which.name()))
}
