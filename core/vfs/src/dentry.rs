//! Dentries: names of inodes in a tree, and the cache of look-ups.
//!
//! A directory's dentry holds its children in a hash table of its own under a spinlock of its own, so that walks through
//! different directories share nothing. A dentry gets its inode at most once: removing a file takes its dentry out of the
//! table and leaves the inode to those who still hold it.
use crate::name::{self, Name};
use crate::notify;
use crate::objects::{Children, Dentry, Inode, Place};
use crate::types::Caching;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use kmem::Reserved;
use kmem::{TryVec, try_arc, try_box};
use sync::{LockClass, Once, SpinLock, rank};

static PLACE: LockClass = LockClass::new("dentry.place", rank::DENTRY_PLACE);
static CHILDREN: LockClass = LockClass::new("dentry.children", rank::DENTRY);

/// Out of the tree: removed, or never in it.
const UNHASHED: u32 = 1;
/// Its file was removed: a path through it says " (deleted)".
const DELETED: u32 = 2;

/// What the cache knows of a name.
pub(crate) enum Cached {
    Positive(Arc<Dentry>),
    /// It is known not to exist.
    Negative,
    Unknown,
}

impl Dentry {
    /// The root of a file system. ENOMEM.
    pub fn new_root(inode: Arc<Inode>) -> Result<Arc<Self>> {
        let root = Self::alloc(b"/", None)?;
        root.instantiate(inode)?;
        root.flags.store(0, Ordering::Relaxed);
        Ok(root)
    }

    /// A name in `parent`, not yet in its table. ENAMETOOLONG, ENOMEM.
    pub fn new(parent: &Arc<Self>, name: &[u8]) -> Result<Arc<Self>> {
        Self::alloc(name, Some(parent.clone()))
    }

    /// A dentry outside of every tree. ENAMETOOLONG, ENOMEM.
    pub(crate) fn new_anon(name: &[u8], inode: Arc<Inode>) -> Result<Arc<Self>> {
        let dentry = Self::alloc(name, None)?;
        dentry.instantiate(inode)?;
        Ok(dentry)
    }

    fn alloc(name: &[u8], parent: Option<Arc<Self>>) -> Result<Arc<Self>> {
        try_arc(Self {
            hash: AtomicU64::new(name::hash(name)),
            place: SpinLock::new(
                &PLACE,
                Place {
                    name: Name::new(name)?,
                    parent,
                },
            ),
            inode: Once::new(),
            children: Once::new(),
            cookie: AtomicU64::new(0),
            flags: AtomicU32::new(UNHASHED),
            mounted: AtomicU32::new(0),
        })
    }

    /// Its inode; `None` if the name does not exist.
    #[inline]
    pub fn inode(&self) -> Option<&Arc<Inode>> {
        self.inode.get()
    }

    /// Whether the name does not exist.
    pub fn is_negative(&self) -> bool {
        self.inode.get().is_none()
    }

    /// Gives a negative dentry its inode. ENOMEM.
    pub fn instantiate(&self, inode: Arc<Inode>) -> Result<()> {
        if inode.is_dir() {
            self.prepare_children()?;
        }
        let _ = self.inode.set(inode);
        Ok(())
    }

    /// Makes the table of children, so that [`instantiate`](Self::instantiate) as a directory can't fail. ENOMEM.
    pub(crate) fn prepare_children(&self) -> Result<()> {
        if self.children.get().is_none() {
            let children = SpinLock::new(&CHILDREN, Children::default());
            let _ = self.children.set(try_box(children)?);
        }
        Ok(())
    }

    /// Runs `f` with its name.
    pub fn with_name<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        f(self.place.lock().name.as_bytes())
    }

    /// A copy of its name. ENOMEM.
    pub fn name(&self) -> Result<Vec<u8>> {
        // Room first: no allocation under the lock.
        let mut name = Vec::try_with_capacity(abi::NAME_MAX)?;
        self.with_name(|bytes| name.extend_reserved(bytes));
        Ok(name)
    }

    /// The directory it is in; `None` for the root of a file system.
    pub fn parent(&self) -> Option<Arc<Self>> {
        self.place.lock().parent.clone()
    }

    /// Whether it is the root of a file system.
    pub fn is_root(&self) -> bool {
        self.place.lock().parent.is_none()
    }

    /// Whether the file it named was removed.
    pub fn is_deleted(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & DELETED != 0
    }

    /// Marks a dentry as deleted that never had a place in the tree (`O_TMPFILE`), or has one no more.
    pub(crate) fn mark_deleted(&self) {
        self.flags.fetch_or(DELETED, Ordering::Relaxed);
    }

    /// Whether walks find it.
    pub fn is_hashed(&self) -> bool {
        self.flags.load(Ordering::Relaxed) & UNHASHED == 0
    }

    /// What the file system left with [`set_cookie`](Self::set_cookie).
    pub fn cookie(&self) -> u64 {
        self.cookie.load(Ordering::Relaxed)
    }

    /// Leaves a number for the file system.
    pub fn set_cookie(&self, cookie: u64) {
        self.cookie.store(cookie, Ordering::Relaxed);
    }

    /// Whether a mount stands on it.
    #[inline]
    pub(crate) fn is_mountpoint(&self) -> bool {
        self.mounted.load(Ordering::Acquire) != 0
    }

    pub(crate) fn inc_mounted(&self) {
        self.mounted.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn dec_mounted(&self) {
        self.mounted.fetch_sub(1, Ordering::Release);
    }

    /// Looks a name up in the cache.
    #[inline]
    pub(crate) fn cached_child(&self, name: &[u8], caching: Caching) -> Cached {
        let Some(children) = self.children.get() else {
            return Cached::Unknown;
        };
        let hash = name::hash(name);
        let found = {
            let children = children.lock();
            let same = |d: &Arc<Self>| {
                d.hash.load(Ordering::Relaxed) == hash && d.place.lock().name.as_bytes() == name
            };
            children.table.find(hash, same).cloned()
        };
        match found {
            Some(child) if child.is_negative() => Cached::Negative,
            Some(child) => Cached::Positive(child),
            None if caching == Caching::Complete => Cached::Negative,
            None => Cached::Unknown,
        }
    }

    /// Puts a child into the table; the directory's inode is locked, and the name is not in the table. ENOMEM.
    #[cfg_attr(
        target_os = "none",
        expect(clippy::disallowed_methods, reason = "room is made before")
    )]
    pub(crate) fn add_child(&self, child: &Arc<Self>) -> Result<()> {
        /// Negative entries beyond what the directory has of others.
        const SPARE_NEGATIVE: usize = 64;
        let children = self.children.get().ok_or(Errno::ENOTDIR)?;
        let negative = usize::from(child.is_negative());
        let mut children = children.lock();
        let hash_of = |d: &Arc<Self>| d.hash.load(Ordering::Relaxed);
        if negative > 0 && 2 * children.negative > children.table.len() + SPARE_NEGATIVE {
            children.table.retain(|d| !d.is_negative());
            children.negative = 0;
        }
        children
            .table
            .try_reserve(1, hash_of)
            .map_err(|_| Errno::ENOMEM)?;
        children.negative += negative;
        child.flags.fetch_and(!UNHASHED, Ordering::Relaxed);
        children
            .table
            .insert_unique(hash_of(child), child.clone(), hash_of);
        Ok(())
    }

    /// Takes a child out of the table.
    pub(crate) fn remove_child(&self, child: &Self) {
        let Some(children) = self.children.get() else {
            return;
        };
        let removed = {
            let mut children = children.lock();
            let hash = child.hash.load(Ordering::Relaxed);
            let entry = children
                .table
                .find_entry(hash, |d| core::ptr::eq(&**d, child));
            let removed = entry.ok().map(|entry| entry.remove().0);
            if removed.as_ref().is_some_and(|d| d.is_negative()) {
                children.negative -= 1;
            }
            removed
        };
        child.flags.fetch_or(UNHASHED, Ordering::Relaxed);
        drop(removed);
    }

    /// Forgets that `name` is known not to exist.
    pub(crate) fn forget_negative(&self, name: &[u8]) {
        let Some(children) = self.children.get() else {
            return;
        };
        let hash = name::hash(name);
        let removed = {
            let mut children = children.lock();
            let same = |d: &Arc<Self>| d.is_negative() && d.place.lock().name.as_bytes() == name;
            let removed = children
                .table
                .find_entry(hash, same)
                .ok()
                .map(|e| e.remove().0);
            if removed.is_some() {
                children.negative -= 1;
            }
            removed
        };
        drop(removed);
    }

    /// The file of this entry was removed: out of the table, for good.
    pub(crate) fn delete(&self) {
        if let Some(parent) = self.parent() {
            parent.remove_child(self);
        }
        self.mark_deleted();
    }

    /// Moves it to another place; both directories are locked. The caller has room: see [`make_room`](Self::make_room).
    pub(crate) fn move_to(self: &Arc<Self>, parent: &Arc<Self>, name: Name) -> Result<()> {
        if let Some(old) = self.parent() {
            old.remove_child(self);
        }
        self.hash
            .store(name::hash(name.as_bytes()), Ordering::Relaxed);
        let old = core::mem::replace(
            &mut *self.place.lock(),
            Place {
                name,
                parent: Some(parent.clone()),
            },
        );
        drop(old);
        parent.add_child(self)
    }

    /// Sees to it that the next [`add_child`](Self::add_child) finds room. ENOMEM.
    pub(crate) fn make_room(&self) -> Result<()> {
        let children = self.children.get().ok_or(Errno::ENOTDIR)?;
        let hash_of = |d: &Arc<Self>| d.hash.load(Ordering::Relaxed);
        children
            .lock()
            .table
            .try_reserve(1, hash_of)
            .map_err(|_| Errno::ENOMEM)
    }

    /// Whether `self` is `other` or lies above it.
    pub(crate) fn is_ancestor_of(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        let mut at = other.clone();
        loop {
            if Arc::ptr_eq(self, &at) {
                return true;
            }
            match at.parent() {
                Some(parent) => at = parent,
                None => return false,
            }
        }
    }

    /// Whether any entry of the directory exists, as far as the cache knows.
    pub fn has_children(&self) -> bool {
        self.children.get().is_some_and(|children| {
            let children = children.lock();
            children.table.len() > children.negative
        })
    }

    /// Adds the children that `wanted` picks to `to`. ENOMEM.
    pub(crate) fn take_children(
        &self,
        to: &mut Vec<Arc<Self>>,
        wanted: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let Some(children) = self.children.get() else {
            return Ok(());
        };
        loop {
            let want = children.lock().table.len();
            // Room first: no large allocation under the lock.
            to.try_reserve(want).map_err(|_| Errno::ENOMEM)?;
            let children = children.lock();
            if children.table.len() > want {
                continue;
            }
            for child in children.table.iter().filter(|child| wanted(child)) {
                to.push_reserved(child.clone());
            }
            return Ok(());
        }
    }

    /// Takes the whole tree below apart: the counts of children on parents and of tables on children form circles.
    /// Nobody walks it any more.
    pub(crate) fn shrink(self: &Arc<Self>) {
        let mut at = self.clone();
        loop {
            match at.take_branch() {
                Some(child) => at = child,
                None if Arc::ptr_eq(&at, self) => return,
                // Emptied: back to the directory above, which dropped its count on this one already.
                None => match at.parent() {
                    Some(parent) => at = parent,
                    None => return,
                },
            }
        }
    }

    /// Drops all children without children of their own and takes one of the others out.
    fn take_branch(&self) -> Option<Arc<Self>> {
        let children = self.children.get()?;
        let mut table = core::mem::take(&mut children.lock().table);
        table.retain(|child| {
            child.flags.fetch_or(UNHASHED, Ordering::Relaxed);
            child
                .children
                .get()
                .is_some_and(|c| !c.lock().table.is_empty())
        });
        let branch = table.iter().next()?.clone();
        let hash = branch.hash.load(Ordering::Relaxed);
        if let Ok(entry) = table.find_entry(hash, |d| Arc::ptr_eq(d, &branch)) {
            entry.remove();
        }
        let mut children = children.lock();
        children.table = table;
        children.negative = 0;
        Some(branch)
    }
}

impl Drop for Dentry {
    /// Goes up the tree in a loop: a removed tree may be deeper than the stack.
    fn drop(&mut self) {
        if *self.flags.get_mut() & DELETED != 0
            && let Some(inode) = self.inode.get()
        {
            notify::name_dropped(inode);
        }
        let mut parent = self.place.get_mut().parent.take();
        while let Some(mut last) = parent.and_then(Arc::into_inner) {
            parent = last.place.get_mut().parent.take();
        }
    }
}
