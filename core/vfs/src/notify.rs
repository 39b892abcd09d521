//! Who wants to know what happens to files: what inotify(7) and the signals of `F_NOTIFY` (`dnotify.rs`) are made of.
//!
//! A watch is a row of one table: an inode, whom to tell, of what. The calls that change or use files tell what they did
//! through the functions here, which cost one load while nobody watches. An event of a file goes to those who watch its
//! directory (with its name), then to those who watch the file itself.
//!
//! A watch holds its inode and ends with the file's last name and user, with the file system's last mount, or when the
//! watcher says so. Watchers are told under the table's spinlock: they queue the event and wake their reader.
use crate::objects::{Dentry, File, Inode, SuperBlock};
pub use crate::shares::{Limit, Share, give, take};
use crate::types::SetAttr;
use abi::raw::{
    IN_ACCESS, IN_ALL_EVENTS, IN_ATTRIB, IN_CREATE, IN_DELETE, IN_DELETE_SELF, IN_EXCL_UNLINK,
    IN_IGNORED, IN_ISDIR, IN_MODIFY, IN_MOVE_SELF, IN_MOVED_FROM, IN_MOVED_TO, IN_ONESHOT,
    IN_UNMOUNT,
};
use abi::{Errno, NAME_MAX, Result};
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use cred::Kuid;
use hashbrown::HashTable;
use sync::{LockClass, SpinLock, rank};

static MARKS: LockClass = LockClass::new("notify.marks", rank::NOTIFY);

/// A rename within one directory, beside its halves: an event for `F_NOTIFY` alone.
pub(crate) const RENAMED: u32 = 0x1000_0000;
/// All that can be asked for.
const EVENTS: u32 = IN_ALL_EVENTS | RENAMED;

/// What happened, as inotify_event has it.
pub struct Event<'a> {
    /// The watch's number.
    pub wd: i32,
    /// One of `IN_*`, with `IN_ISDIR`.
    pub mask: u32,
    /// The same for both halves of a rename, else 0.
    pub cookie: u32,
    /// The entry of a watched directory; empty: the watched file itself.
    pub name: &'a [u8],
}

/// Somebody who watches.
pub trait Watcher: Any + Send + Sync {
    /// Takes an event; under a spinlock.
    fn tell(&self, event: &Event<'_>);
    /// A number for a new watch. ENOSPC.
    fn new_wd(&self) -> Result<i32>;
    /// Who pays for its watches, if anybody does.
    fn user(&self) -> Option<Kuid>;
}

struct Mark {
    inode: Arc<Inode>,
    watcher: Arc<dyn Watcher>,
    wd: i32,
    /// The events asked for, `IN_ONESHOT` and `IN_EXCL_UNLINK`; 0: it has ended.
    mask: u32,
}

impl Mark {
    fn of(&self, watcher: &dyn Watcher) -> bool {
        core::ptr::addr_eq(Arc::as_ptr(&self.watcher), core::ptr::from_ref(watcher))
    }
    fn tell(&self, mask: u32, cookie: u32, name: &[u8]) {
        self.watcher.tell(&Event {
            wd: self.wd,
            mask,
            cookie,
            name,
        });
    }
}

/// How many watches there are.
static WATCHES: AtomicUsize = AtomicUsize::new(0);
static TABLE: SpinLock<HashTable<Mark>> = SpinLock::new(&MARKS, HashTable::new());
/// The last cookie of a rename.
static COOKIE: AtomicU32 = AtomicU32::new(0);

/// Whether anybody watches anything: asked before all else.
#[inline]
pub(crate) fn active() -> bool {
    WATCHES.load(Ordering::Relaxed) != 0
}

fn hash_of(inode: &Inode) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let hash = (core::ptr::from_ref(inode).addr() as u64).wrapping_mul(K);
    hash ^ hash >> 32
}

/// What to do where the watcher watches the inode already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// The new mask replaces the old one.
    Replace,
    /// Its events come to those of the old one (`IN_MASK_ADD`).
    Join,
    /// EEXIST (`IN_MASK_CREATE`).
    Refuse,
}

/// Lets `watcher` watch `inode`; answers the number of the watch. EEXIST; ENOSPC: the user has too many; ENOMEM.
#[cfg_attr(
    target_os = "none",
    expect(clippy::disallowed_methods, reason = "room is made before")
)]
pub fn watch(
    inode: &Arc<Inode>,
    watcher: &Arc<dyn Watcher>,
    mask: u32,
    again: Again,
) -> Result<i32> {
    let hash = hash_of(inode);
    let mut table = TABLE.lock();
    let known = table.find_mut(hash, |m| Arc::ptr_eq(&m.inode, inode) && m.of(&**watcher));
    if let Some(mark) = known {
        match again {
            Again::Refuse => return Err(Errno::EEXIST),
            Again::Replace => mark.mask = mask,
            Again::Join => mark.mask |= mask,
        }
        return Ok(mark.wd);
    }
    table
        .try_reserve(1, |m| hash_of(&m.inode))
        .map_err(|_| Errno::ENOMEM)?;
    let wd = watcher.new_wd()?;
    if let Some(user) = watcher.user() {
        take(user, Share::Watch)?;
    }
    let mark = Mark {
        inode: inode.clone(),
        watcher: watcher.clone(),
        wd,
        mask,
    };
    table.insert_unique(hash, mark, |m| hash_of(&m.inode));
    inode.watched.store(true, Ordering::Relaxed);
    WATCHES.store(table.len(), Ordering::Relaxed);
    Ok(wd)
}

/// Ends the watch `wd` of a watcher, who is told so. EINVAL: there is none.
pub fn unwatch(watcher: &dyn Watcher, wd: i32) -> Result<()> {
    if take_out(Some(IN_IGNORED), |m| m.of(watcher) && m.wd == wd) {
        Ok(())
    } else {
        Err(Errno::EINVAL)
    }
}

/// Ends all watches of a watcher, who is gone.
pub fn forget(watcher: &dyn Watcher) {
    while take_out(None, |m| m.of(watcher)) {}
}

/// A watcher of `inode` that is a `T` of which `wanted` is true.
pub(crate) fn find<T: Watcher>(inode: &Inode, wanted: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    let table = TABLE.lock();
    let marks = table.iter_hash(hash_of(inode));
    let mut found = marks.filter(|m| core::ptr::eq(&*m.inode, inode) && is(&*m.watcher, &wanted));
    let any: Arc<dyn Any + Send + Sync> = found.next()?.watcher.clone();
    any.downcast().ok()
}

/// Ends the watches of `inode` by watchers that are a `T` of which `wanted` is true.
pub(crate) fn forget_some<T: Watcher>(inode: &Inode, wanted: impl Fn(&T) -> bool) {
    let of_them = |m: &Mark| core::ptr::eq(&*m.inode, inode) && is(&*m.watcher, &wanted);
    while inode.watched.load(Ordering::Relaxed) {
        if !take_out(None, of_them) {
            return;
        }
    }
}

fn is<T: Watcher>(watcher: &dyn Watcher, wanted: impl Fn(&T) -> bool) -> bool {
    (watcher as &dyn Any).downcast_ref().is_some_and(wanted)
}

/// Calls `f` with number, inode and mask of each watch of a watcher, in no order; `f` must not sleep.
pub fn for_each_watch(watcher: &dyn Watcher, mut f: impl FnMut(i32, &Inode, u32)) {
    let table = TABLE.lock();
    for mark in table.iter().filter(|m| m.of(watcher)) {
        f(mark.wd, &mark.inode, mark.mask);
    }
}

/// Takes one mark out that `wanted` picks, telling its watcher `last` if anything.
fn take_out(last: Option<u32>, wanted: impl Fn(&Mark) -> bool) -> bool {
    let mut table = TABLE.lock();
    let found = table.iter().find(|m| wanted(m));
    let Some((wd, inode)) = found.map(|m| (m.wd, m.inode.clone())) else {
        return false;
    };
    let entry = table.find_entry(hash_of(&inode), |m| m.wd == wd && wanted(m));
    let Ok(mark) = entry.map(|entry| entry.remove().0) else {
        return false;
    };
    if let Some(last) = last {
        mark.tell(last, 0, &[]);
    }
    if !table
        .iter_hash(hash_of(&inode))
        .any(|m| Arc::ptr_eq(&m.inode, &inode))
    {
        inode.watched.store(false, Ordering::Relaxed);
    }
    WATCHES.store(table.len(), Ordering::Relaxed);
    drop(table);
    if let Some(user) = mark.watcher.user() {
        give(user, Share::Watch);
    }
    true
}

/// Tells the watchers of `inode`. `unlinked`: it is about an entry that was removed.
fn tell(inode: &Inode, mask: u32, cookie: u32, name: &[u8], unlinked: bool) {
    if !inode.watched.load(Ordering::Relaxed) {
        return;
    }
    let mut ended = false;
    let mut table = TABLE.lock();
    let marks = table.iter_hash_mut(hash_of(inode));
    for mark in marks.filter(|m| core::ptr::eq(&*m.inode, inode)) {
        if mark.mask & mask & EVENTS == 0 || (unlinked && mark.mask & IN_EXCL_UNLINK != 0) {
            continue;
        }
        mark.tell(mask, cookie, name);
        if mark.mask & IN_ONESHOT != 0 {
            mark.mask = 0;
            ended = true;
        }
    }
    drop(table);
    while ended && take_out(Some(IN_IGNORED), |m| m.mask == 0) {}
}

fn kind_bit(inode: &Inode) -> u32 {
    if inode.is_dir() { IN_ISDIR } else { 0 }
}

/// Something happened to what is at `dentry`: to its directory's watchers, then to its own.
#[cold]
#[inline(never)]
fn at(dentry: &Dentry, mask: u32) {
    let Some(inode) = dentry.inode() else {
        return;
    };
    let mask = mask | kind_bit(inode);
    let parent = dentry.parent();
    if let Some(dir) = parent.as_ref().and_then(|parent| parent.inode())
        && dir.watched.load(Ordering::Relaxed)
    {
        let mut name = [0; NAME_MAX];
        let len = dentry.with_name(|bytes| {
            name[..bytes.len()].copy_from_slice(bytes);
            bytes.len()
        });
        tell(dir, mask, 0, &name[..len], dentry.is_deleted());
    }
    tell(inode, mask, 0, &[], false);
}

/// Something was done with an open file.
#[inline]
pub(crate) fn file(file: &File, mask: u32) {
    if active() {
        at(file.dentry(), mask);
    }
}

/// Bytes were moved by a read or a write (`mask`), if any were.
#[inline]
pub(crate) fn moved(file: &File, mask: u32, result: Result<usize>) {
    if active() {
        moved_some(file, mask, result);
    }
}

#[cold]
#[inline(never)]
fn moved_some(file: &File, mask: u32, result: Result<usize>) {
    if let Ok(1..) = result {
        at(file.dentry(), mask);
    }
}

/// Attributes were changed.
pub(crate) fn changed(dentry: &Dentry, attr: &SetAttr) {
    if !active() {
        return;
    }
    let mut mask = 0;
    if attr.uid.is_some() || attr.gid.is_some() || attr.mode.is_some() {
        mask |= IN_ATTRIB;
    }
    if attr.size.is_some() {
        mask |= IN_MODIFY;
    }
    mask |= match (attr.atime.is_some(), attr.mtime.is_some()) {
        (true, true) => IN_ATTRIB,
        (true, false) => IN_ACCESS,
        (false, true) => IN_MODIFY,
        (false, false) => 0,
    };
    at(dentry, mask);
}

/// Extended attributes were changed.
pub(crate) fn attributes(dentry: &Dentry) {
    if active() {
        at(dentry, IN_ATTRIB);
    }
}

/// `inode` has a new name in `dir`; `linked`: besides others.
pub(crate) fn created(dir: &Inode, inode: &Inode, name: &[u8], linked: bool) {
    if active() {
        if linked {
            tell(inode, IN_ATTRIB, 0, &[], false);
        }
        tell(dir, IN_CREATE | kind_bit(inode), 0, name, false);
    }
}

/// Takes `victim`, whose file the file system has removed, out of the cache and tells. Answers what is to be dropped once
/// the directory's lock is.
pub(crate) fn delete(dir: &Inode, victim: Arc<Dentry>) -> Option<Arc<Inode>> {
    victim.delete();
    let inode = victim.inode()?.clone();
    if !active() {
        return Some(inode);
    }
    if !inode.is_dir() {
        tell(&inode, IN_ATTRIB, 0, &[], false);
    }
    let mut name = [0; NAME_MAX];
    let len = victim.with_name(|bytes| {
        name[..bytes.len()].copy_from_slice(bytes);
        bytes.len()
    });
    // The file's own end comes before its entry's, where nobody has it open.
    drop(victim);
    tell(dir, IN_DELETE | kind_bit(&inode), 0, &name[..len], false);
    Some(inode)
}

/// `inode` went from one name to another, in place of `replaced`.
pub(crate) fn renamed(
    inode: &Inode,
    (from, old): (&Inode, &[u8]),
    (to, new): (&Inode, &[u8]),
    replaced: Option<&Inode>,
) {
    if !active() {
        return;
    }
    let cookie = COOKIE.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
    let bit = kind_bit(inode);
    if core::ptr::eq(from, to) {
        tell(from, RENAMED | bit, 0, old, false);
    }
    tell(from, IN_MOVED_FROM | bit, cookie, old, false);
    tell(to, IN_MOVED_TO | bit, cookie, new, false);
    if let Some(replaced) = replaced {
        tell(replaced, IN_ATTRIB | kind_bit(replaced), 0, &[], false);
    }
    tell(inode, IN_MOVE_SELF, 0, &[], false);
}

/// The last user of a removed name is gone: with the last name the file is.
#[inline]
pub(crate) fn name_dropped(inode: &Inode) {
    if active() && inode.nlink() == 0 && inode.watched.load(Ordering::Relaxed) {
        gone(inode);
    }
}

#[cold]
fn gone(inode: &Inode) {
    tell(inode, IN_DELETE_SELF, 0, &[], false);
    while take_out(Some(IN_IGNORED), |m| core::ptr::eq(&*m.inode, inode)) {}
}

/// The last mount of a file system is gone.
pub(crate) fn unmounted(sb: &SuperBlock) {
    if !active() {
        return;
    }
    let of_it = |m: &Mark| core::ptr::eq(&**m.inode.sb(), sb);
    let table = TABLE.lock();
    for mark in table.iter().filter(|m| of_it(m)) {
        mark.tell(IN_UNMOUNT, 0, &[]);
    }
    drop(table);
    while take_out(Some(IN_IGNORED), of_it) {}
}
