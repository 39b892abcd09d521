//! Path walks (path_resolution(7)).
//!
//! [`Walk`] goes from component to component, following symbolic links by keeping what is left of the outer path on a
//! stack, never by recursion. It stops before the last component, which the callers treat each in their way: look it
//! up, create it, remove it.
//!
//! A walk holds counts on the mount and the dentry it stands on and no lock; a directory's spinlock is held for one
//! look-up in its table, its inode's lock when the file system has to be asked.
use crate::dentry::Cached;
use crate::file::touch_access;
use crate::mount::MountFlags;
use crate::objects::{Dentry, Inode, Link, Path};
use crate::path::FsStruct;
use crate::types::{Access, FileType, LookupFlags};
use abi::{Errno, NAME_MAX, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;
use cred::{Cred, cap};
use kmem::TryVec;

/// Most symbolic links that one walk follows.
const MAX_LINKS: u32 = 40;

/// Who walks, and from where.
#[derive(Clone, Copy)]
pub struct WalkCtx<'a> {
    /// Root and working directory.
    pub fs: &'a FsStruct,
    /// Whose permissions count.
    pub cred: &'a Arc<Cred>,
    /// Where relative paths start; `None` is the working directory.
    pub base: Option<&'a Path>,
}

impl<'a> WalkCtx<'a> {
    /// From the working directory.
    pub const fn new(fs: &'a FsStruct, cred: &'a Arc<Cred>) -> Self {
        Self {
            fs,
            cred,
            base: None,
        }
    }
}

/// A path, or what a symbolic link says.
#[derive(Clone)]
pub(crate) enum Text<'a> {
    Given(&'a [u8]),
    Link(Arc<Vec<u8>>),
}

impl Text<'_> {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Link(body) => body,
        }
    }
}

/// The last component of a path.
#[derive(Clone)]
pub(crate) enum Last<'a> {
    /// A name, and whether a slash follows it.
    Name {
        text: Text<'a>,
        range: Range<usize>,
        slash: bool,
    },
    Dot,
    DotDot,
    /// There is none: the path is made of slashes only, or a magic link led to the place.
    Here,
}

impl Last<'_> {
    /// The name; `None` for the others.
    pub(crate) fn name(&self) -> Option<&[u8]> {
        match self {
            Self::Name { text, range, .. } => Some(&text.bytes()[range.clone()]),
            _ => None,
        }
    }

    /// Whether a slash follows the name, or it is a directory by what it is.
    pub(crate) const fn wants_dir(&self) -> bool {
        match self {
            Self::Name { slash, .. } => *slash,
            _ => true,
        }
    }
}

/// What [`Walk::step`] met in the last place.
pub(crate) enum Step {
    /// The walk stands on it.
    Arrived,
    /// A symbolic link: go on to its last component.
    Link,
}

/// A walk under way.
pub(crate) struct Walk<'a> {
    ctx: WalkCtx<'a>,
    flags: LookupFlags,
    root: Path,
    /// Where it stands.
    pub(crate) at: Path,
    text: Text<'a>,
    next: usize,
    /// What is left of outer paths; each begins with a component.
    stack: Vec<(Text<'a>, usize)>,
    links: u32,
}

fn skip_slashes(bytes: &[u8], from: usize) -> usize {
    from + bytes[from..].iter().take_while(|b| **b == b'/').count()
}

impl<'a> Walk<'a> {
    /// Begins to walk `path`. ENOENT: it is empty and may not be.
    pub(crate) fn new(ctx: WalkCtx<'a>, path: &'a [u8], flags: LookupFlags) -> Result<Self> {
        if path.is_empty() && !flags.contains(LookupFlags::EMPTY) {
            return Err(Errno::ENOENT);
        }
        let scoped = flags.intersects(LookupFlags::BENEATH | LookupFlags::IN_ROOT);
        let start = || ctx.base.map_or_else(|| ctx.fs.cwd(), Path::clone);
        let (root, at) = if scoped {
            if flags.contains(LookupFlags::BENEATH) && path.first() == Some(&b'/') {
                return Err(Errno::EXDEV);
            }
            (start(), start())
        } else {
            let root = ctx.fs.root();
            let at = if path.first() == Some(&b'/') {
                root.clone()
            } else {
                start()
            };
            (root, at)
        };
        Ok(Self {
            ctx,
            flags,
            root,
            at,
            text: Text::Given(path),
            next: 0,
            stack: Vec::new(),
            links: 0,
        })
    }

    /// Walks to the directory of the last component. ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ENOMEM.
    pub(crate) fn walk_to_last(&mut self) -> Result<Last<'a>> {
        loop {
            let bytes = self.text.bytes();
            let start = skip_slashes(bytes, self.next);
            if start == bytes.len() {
                match self.stack.pop() {
                    Some((text, next)) => (self.text, self.next) = (text, next),
                    None => return Ok(Last::Here),
                }
                continue;
            }
            let len = bytes[start..].iter().take_while(|b| **b != b'/').count();
            let end = start + len;
            let rest = skip_slashes(bytes, end);
            let is_last = rest == bytes.len() && self.stack.is_empty();
            self.next = rest;
            self.may_search()?;
            match &bytes[start..end] {
                b"." if is_last => return Ok(Last::Dot),
                b"." => {}
                b".." if is_last => return Ok(Last::DotDot),
                b".." => self.up()?,
                _ if len > NAME_MAX => return Err(Errno::ENAMETOOLONG),
                _ if is_last => {
                    let slash = end < bytes.len();
                    return Ok(Last::Name {
                        text: self.text.clone(),
                        range: start..end,
                        slash,
                    });
                }
                name => {
                    let dir = self.at.inode()?;
                    let child = lookup_child(&self.at.dentry, dir, name)?.ok_or(Errno::ENOENT)?;
                    self.enter(child, true)?;
                }
            }
        }
    }

    /// Steps on the last component. ENOENT and the errors of [`walk_to_last`](Self::walk_to_last).
    pub(crate) fn step(&mut self, last: &Last<'_>) -> Result<Step> {
        match last {
            Last::Name { slash, .. } => {
                let name = last.name().ok_or(Errno::ENOENT)?;
                let dir = self.at.inode()?;
                let child = lookup_child(&self.at.dentry, dir, name)?.ok_or(Errno::ENOENT)?;
                let follow = *slash || self.flags.contains(LookupFlags::FOLLOW);
                self.enter(child, follow)
            }
            Last::DotDot => self.up().map(|()| Step::Arrived),
            Last::Dot | Last::Here => Ok(Step::Arrived),
        }
    }

    /// Steps from a directory to its entry `child`, over mounts and, if `follow`, a symbolic link.
    pub(crate) fn enter(&mut self, child: Arc<Dentry>, follow: bool) -> Result<Step> {
        let inode = child.inode().ok_or(Errno::ENOENT)?;
        if inode.kind() == FileType::Symlink && follow {
            let inode = inode.clone();
            return self.follow(child, &inode);
        }
        let crosses = child.is_mountpoint();
        self.at.dentry = child;
        if crosses {
            if self.flags.contains(LookupFlags::NO_XDEV) {
                return Err(Errno::EXDEV);
            }
            self.at.follow_mounts();
        }
        Ok(Step::Arrived)
    }

    fn follow(&mut self, link: Arc<Dentry>, inode: &Inode) -> Result<Step> {
        self.links += 1;
        if self.links > MAX_LINKS || self.flags.contains(LookupFlags::NO_SYMLINKS) {
            return Err(Errno::ELOOP);
        }
        if self.at.mnt.flags().contains(MountFlags::NOSYMFOLLOW) {
            return Err(Errno::ELOOP);
        }
        let target = inode.ops().get_link(inode, self.ctx.cred)?;
        touch_access(&Path {
            mnt: self.at.mnt.clone(),
            dentry: link,
        });
        match target {
            Link::Jump(path) => {
                let forbidden =
                    LookupFlags::NO_MAGICLINKS | LookupFlags::BENEATH | LookupFlags::IN_ROOT;
                if self.flags.intersects(forbidden) {
                    return Err(Errno::ELOOP);
                }
                self.at = path;
            }
            Link::Body(body) => {
                if body.is_empty() {
                    return Err(Errno::ENOENT);
                }
                if body[0] == b'/' {
                    if self.flags.contains(LookupFlags::BENEATH) {
                        return Err(Errno::EXDEV);
                    }
                    self.at = self.root.clone();
                }
                let outer = core::mem::replace(&mut self.text, Text::Link(body));
                let next = core::mem::replace(&mut self.next, 0);
                if next < outer.bytes().len() {
                    self.stack.try_push((outer, next))?;
                }
            }
        }
        Ok(Step::Link)
    }

    /// One directory up, but never above the root.
    fn up(&mut self) -> Result<()> {
        if self.at.same(&self.root) {
            let beneath = self.flags.contains(LookupFlags::BENEATH);
            return if beneath { Err(Errno::EXDEV) } else { Ok(()) };
        }
        let mnt = self.at.mnt.clone();
        self.at.leave_mounts(Some(&self.root));
        if self.at.same(&self.root) {
            return Ok(());
        }
        if let Some(parent) = self.at.dentry.parent() {
            self.at.dentry = parent;
        }
        self.at.follow_mounts();
        let crossed = !Arc::ptr_eq(&mnt, &self.at.mnt);
        if crossed && self.flags.contains(LookupFlags::NO_XDEV) {
            Err(Errno::EXDEV)
        } else {
            Ok(())
        }
    }

    /// Whether one may look for names where the walk stands. ENOTDIR, EACCES.
    #[inline]
    fn may_search(&self) -> Result<()> {
        let inode = self.at.inode()?;
        if !inode.is_dir() {
            return Err(Errno::ENOTDIR);
        }
        inode.permission(self.ctx.cred, Access::EXEC)
    }
}

/// The entry `name` of the directory `parent` (whose inode is `dir`) in the cache or the file system; `None` if it does
/// not exist. Permission was checked. Errors of the file system, ENOMEM.
#[inline]
pub(crate) fn lookup_child(
    parent: &Arc<Dentry>,
    dir: &Arc<Inode>,
    name: &[u8],
) -> Result<Option<Arc<Dentry>>> {
    match parent.cached_child(name, dir.caching()) {
        Cached::Positive(child) if !dir.sb().revalidates() => Ok(Some(child)),
        Cached::Negative if !dir.sb().revalidates() => Ok(None),
        _ => {
            let _lock = dir.lock();
            lookup_locked(parent, dir, name)
        }
    }
}

/// [`lookup_child`] by a caller that holds the directory's lock.
pub(crate) fn lookup_locked(
    parent: &Arc<Dentry>,
    dir: &Arc<Inode>,
    name: &[u8],
) -> Result<Option<Arc<Dentry>>> {
    use crate::types::Caching;
    let caching = dir.caching();
    match parent.cached_child(name, caching) {
        Cached::Positive(child) if !dir.sb().revalidates() || dir.ops().revalidate(&child) => {
            return Ok(Some(child));
        }
        Cached::Positive(stale) => {
            // What the cache knows below it goes too: a directory and its entries hold each other.
            parent.remove_child(&stale);
            stale.mark_deleted();
            stale.shrink();
        }
        Cached::Negative if !dir.sb().revalidates() || caching == Caching::Complete => {
            return Ok(None);
        }
        Cached::Negative => parent.forget_negative(name),
        Cached::Unknown => {}
    }
    if parent.is_deleted() {
        return Ok(None);
    }
    let found = dir.ops().lookup(dir, name)?;
    if found.is_none() && caching == Caching::Never {
        return Ok(None);
    }
    let child = Dentry::new(parent, name)?;
    let exists = found.is_some();
    if let Some(inode) = found {
        child.instantiate(inode)?;
    }
    if caching == Caching::Normal {
        parent.add_child(&child)?;
    }
    Ok(exists.then_some(child))
}

/// Finds what `path` names. ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG, ENOMEM.
pub fn lookup(ctx: WalkCtx<'_>, path: &[u8], flags: LookupFlags) -> Result<Path> {
    let mut walk = Walk::new(ctx, path, flags)?;
    let mut wants_dir = flags.contains(LookupFlags::DIRECTORY);
    loop {
        let last = walk.walk_to_last()?;
        // An empty path names the base, whatever that is; slashes name a directory anyway.
        wants_dir |= last.wants_dir() && !matches!(last, Last::Here);
        if let Step::Arrived = walk.step(&last)? {
            break;
        }
    }
    if flags.contains(LookupFlags::COVER) {
        walk.at.follow_mounts();
    }
    if wants_dir && !walk.at.inode()?.is_dir() {
        return Err(Errno::ENOTDIR);
    }
    Ok(walk.at)
}

/// Finds a directory one may work in (chdir(2), chroot(2)). EACCES: it may not be searched.
pub fn lookup_dir(ctx: WalkCtx<'_>, path: &[u8]) -> Result<Path> {
    let found = lookup(ctx, path, LookupFlags::FOLLOW | LookupFlags::DIRECTORY)?;
    found.inode()?.permission(ctx.cred, Access::EXEC)?;
    Ok(found)
}

/// chroot(2). EPERM without CAP_SYS_CHROOT.
pub fn chroot(ctx: WalkCtx<'_>, path: &[u8]) -> Result<()> {
    let root = lookup_dir(ctx, path)?;
    if !ctx.cred.has_cap(cap::SYS_CHROOT) {
        return Err(Errno::EPERM);
    }
    ctx.fs.set_root(root);
    Ok(())
}
