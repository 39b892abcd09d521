//! The table of who watches what: the rows behind inotify(7), `F_NOTIFY` and fanotify(7).
//!
//! A row is an object (an inode, a mount, a file system), whom to tell, of what. A watcher of one kind is told for each of
//! its rows, under the table's spinlock; a [`Group`] is told once for all of its rows that an event meets (`groups.rs`).
//!
//! A row holds its inode, unless it lets it go (`FAN_MARK_EVICTABLE`), but neither mount nor file system. It ends when the
//! object does, or when the watcher says so.
use crate::happening::Group;
use crate::objects::{Inode, Mount, SuperBlock};
use crate::watcher::{Event, Object, Seen, Watcher, address};
use abi::raw::{IN_IGNORED, IN_ONESHOT, IN_UNMOUNT};
use abi::{Errno, Result, fan};
use alloc::sync::Arc;
use core::any::Any;
use core::sync::atomic::{AtomicUsize, Ordering};
use cred::Charge;
use hashbrown::HashTable;
use sync::{LockClass, SpinGuard, SpinLock, rank};

static MARKS: LockClass = LockClass::new("notify.marks", rank::NOTIFY);

/// How a row's mask of what is ignored works (fanotify_mark(2)); the bits are those of the call.
pub(crate) const SURVIVES: u32 = fan::FAN_MARK_IGNORED_SURV_MODIFY;
const EVICTABLE: u32 = fan::FAN_MARK_EVICTABLE;
const IGNORE: u32 = fan::FAN_MARK_IGNORE;

/// A row.
pub(crate) struct Mark {
    /// Where the object is: its name in the table.
    pub(crate) at: usize,
    /// What it holds.
    inode: Option<Arc<Inode>>,
    pub(crate) watcher: Arc<dyn Watcher>,
    pub(crate) group: Option<Group>,
    wd: i32,
    /// The events asked for, `IN_ONESHOT` and `IN_EXCL_UNLINK`; 0 without a group: it has ended.
    pub(crate) mask: u32,
    /// Of a group: what is not to be told.
    pub(crate) ignored: u32,
    /// Of a group: `SURVIVES`, `EVICTABLE`, `IGNORE`.
    pub(crate) how: u32,
    seen: Seen,
    /// Until it is dropped, outside the table's lock.
    _counted: Option<Charge>,
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

    /// What is ignored, with the flags that say of whom.
    pub(crate) fn ignore_mask(&self) -> u32 {
        if self.how & IGNORE != 0 {
            return self.ignored;
        }
        // The old way: of directories always, of entries as the mask has it.
        self.ignored & !fan::FAN_EVENT_ON_CHILD
            | fan::FAN_ONDIR
            | self.mask & fan::FAN_EVENT_ON_CHILD
    }
}

/// A row as others may see it.
pub struct Watch {
    pub wd: i32,
    pub seen: Seen,
    pub mask: u32,
    pub ignored: u32,
    /// `FAN_MARK_*` that it was made with and that last.
    pub how: u32,
}

/// How many watches there are.
static WATCHES: AtomicUsize = AtomicUsize::new(0);
static TABLE: SpinLock<HashTable<Mark>> = SpinLock::new(&MARKS, HashTable::new());

/// Whether anybody watches anything: asked before all else.
#[inline]
pub(crate) fn active() -> bool {
    WATCHES.load(Ordering::Relaxed) != 0
}

pub(crate) fn table() -> SpinGuard<'static, HashTable<Mark>> {
    TABLE.lock()
}

pub(crate) fn hash_of(at: usize) -> u64 {
    const K: u64 = 0x9e37_79b9_7f4a_7c15;
    let hash = (at as u64).wrapping_mul(K);
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
pub fn watch(
    inode: &Arc<Inode>,
    watcher: &Arc<dyn Watcher>,
    mask: u32,
    again: Again,
) -> Result<i32> {
    let mut table = TABLE.lock();
    if let Some(mark) = known(&mut table, address(&**inode), watcher) {
        match again {
            Again::Refuse => return Err(Errno::EEXIST),
            Again::Replace => mark.mask = mask,
            Again::Join => mark.mask |= mask,
        }
        return Ok(mark.wd);
    }
    let mark = enter(&mut table, Object::Inode(inode), watcher, 0)?;
    mark.mask = mask;
    Ok(mark.wd)
}

fn known<'a>(
    table: &'a mut HashTable<Mark>,
    at: usize,
    watcher: &Arc<dyn Watcher>,
) -> Option<&'a mut Mark> {
    table.find_mut(hash_of(at), |m| m.at == at && m.of(&**watcher))
}

/// A new row, with empty masks. ENOSPC, ENOMEM.
#[cfg_attr(
    target_os = "none",
    expect(clippy::disallowed_methods, reason = "room is made before")
)]
fn enter<'a>(
    table: &'a mut HashTable<Mark>,
    object: Object<'_>,
    watcher: &Arc<dyn Watcher>,
    how: u32,
) -> Result<&'a mut Mark> {
    table
        .try_reserve(1, |m| hash_of(m.at))
        .map_err(|_| Errno::ENOMEM)?;
    let wd = watcher.new_wd()?;
    let counted = watcher.count()?;
    let inode = match object {
        Object::Inode(inode) if how & EVICTABLE == 0 => Some(inode.clone()),
        _ => None,
    };
    let mark = Mark {
        at: object.at(),
        inode,
        watcher: watcher.clone(),
        group: watcher.group(),
        wd,
        mask: 0,
        ignored: 0,
        how: how & EVICTABLE,
        seen: object.seen(),
        _counted: counted,
    };
    object.now_watched();
    WATCHES.store(table.len() + 1, Ordering::Relaxed);
    let entry = table.insert_unique(hash_of(mark.at), mark, |m| hash_of(m.at));
    Ok(entry.into_mut())
}

/// Adds events to a group's row of `object`, which is made if there is none; `how` is that of fanotify_mark(2).
///
/// # Errors
/// EEXIST: the row there is cannot become such a one; ENOSPC: the user has too many; ENOMEM.
pub fn add(object: Object<'_>, group: &Arc<dyn Watcher>, mask: u32, how: u32) -> Result<()> {
    let ignores = how & (fan::FAN_MARK_IGNORED_MASK | IGNORE) != 0;
    let mut table = TABLE.lock();
    let mark = if let Some(mark) = known(&mut table, object.at(), group) {
        let weaker = how & EVICTABLE != 0 && mark.how & EVICTABLE == 0;
        let older = how & fan::FAN_MARK_IGNORED_MASK != 0 && mark.how & IGNORE != 0;
        let briefer = how & (IGNORE | SURVIVES) == IGNORE && mark.how & SURVIVES != 0;
        if weaker || older || briefer {
            return Err(Errno::EEXIST);
        }
        mark
    } else {
        enter(&mut table, object, group, how)?
    };
    if ignores {
        mark.ignored |= mask;
        mark.how |= how & (SURVIVES | IGNORE);
    } else {
        mark.mask |= mask;
    }
    if how & EVICTABLE == 0 && mark.how & EVICTABLE != 0 {
        mark.how &= !EVICTABLE;
        if let Object::Inode(inode) = object {
            mark.inode = Some(inode.clone());
        }
    }
    Ok(())
}

/// Takes events from a group's row of `object`; the row ends where none are left but those of `lasting`. ENOENT: there is none.
pub fn remove(
    object: Object<'_>,
    group: &Arc<dyn Watcher>,
    mask: u32,
    how: u32,
    lasting: u32,
) -> Result<()> {
    let at = object.at();
    let mut table = TABLE.lock();
    let mark = known(&mut table, at, group).ok_or(Errno::ENOENT)?;
    let mask = mask & !lasting;
    if how & (fan::FAN_MARK_IGNORED_MASK | IGNORE) == 0 {
        mark.mask &= !mask;
    } else {
        mark.ignored &= !mask;
    }
    let ended = (mark.mask | mark.ignored) & !lasting == 0;
    drop(table);
    if ended {
        take_out(None, |m| m.at == at && m.of(&**group));
    }
    Ok(())
}

/// Ends all rows of a group of the kind of `like` (`FAN_MARK_FLUSH`).
pub fn flush(group: &dyn Watcher, like: &Object<'_>) {
    let kind = core::mem::discriminant(&like.seen());
    while take_out(None, |m| {
        m.of(group) && core::mem::discriminant(&m.seen) == kind
    }) {}
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
    let at = address(inode);
    let table = TABLE.lock();
    let marks = table.iter_hash(hash_of(at));
    let mut found = marks.filter(|m| m.at == at && is(&*m.watcher, &wanted));
    let any: Arc<dyn Any + Send + Sync> = found.next()?.watcher.clone();
    any.downcast().ok()
}

/// Ends the watches of `inode` by watchers that are a `T` of which `wanted` is true.
pub(crate) fn forget_some<T: Watcher>(inode: &Inode, wanted: impl Fn(&T) -> bool) {
    let at = address(inode);
    while inode.watched.load(Ordering::Relaxed) {
        if !take_out(None, |m| m.at == at && is(&*m.watcher, &wanted)) {
            return;
        }
    }
}

fn is<T: Watcher>(watcher: &dyn Watcher, wanted: impl Fn(&T) -> bool) -> bool {
    (watcher as &dyn Any).downcast_ref().is_some_and(wanted)
}

/// Calls `f` with each watch of a watcher, in no order; `f` must not sleep.
pub fn for_each_watch(watcher: &dyn Watcher, mut f: impl FnMut(&Watch)) {
    let table = TABLE.lock();
    for mark in table.iter().filter(|m| m.of(watcher)) {
        f(&Watch {
            wd: mark.wd,
            seen: mark.seen,
            mask: mark.mask,
            ignored: mark.ignored,
            how: mark.how,
        });
    }
}

/// Takes one mark out that `wanted` picks, telling its watcher `last` if anything.
fn take_out(last: Option<u32>, wanted: impl Fn(&Mark) -> bool) -> bool {
    let mut table = TABLE.lock();
    let found = table.iter().find(|m| wanted(m)).map(|m| (m.at, m.wd));
    let Some((at, wd)) = found else {
        return false;
    };
    let entry = table.find_entry(hash_of(at), |m| m.at == at && m.wd == wd && wanted(m));
    let Ok(mark) = entry.map(|entry| entry.remove().0) else {
        return false;
    };
    if let Some(last) = last.filter(|_| mark.group.is_none()) {
        mark.tell(last, 0, &[]);
    }
    // What is not held has ended, or goes on saying that it is watched: that is dear, not wrong.
    if let Some(inode) = &mark.inode
        && !table.iter_hash(hash_of(at)).any(|m| m.at == at)
    {
        inode.watched.store(false, Ordering::Relaxed);
    }
    WATCHES.store(table.len(), Ordering::Relaxed);
    drop(table);
    true
}

/// Tells the watchers of `inode` that are no groups. `events`: what is an event at all; `skip`: those with one of these
/// bits are not told.
pub(crate) fn tell(inode: &Inode, mask: u32, cookie: u32, name: &[u8], events: u32, skip: u32) {
    if !inode.watched.load(Ordering::Relaxed) {
        return;
    }
    let at = address(inode);
    let mut ended = false;
    let mut table = TABLE.lock();
    let marks = table.iter_hash_mut(hash_of(at));
    for mark in marks.filter(|m| m.at == at && m.group.is_none()) {
        if mark.mask & mask & events == 0 || mark.mask & skip != 0 {
            continue;
        }
        mark.tell(mask, cookie, name);
        if mark.mask & IN_ONESHOT != 0 {
            mark.mask = 0;
            ended = true;
        }
    }
    drop(table);
    while ended && take_out(Some(IN_IGNORED), |m| m.mask == 0 && m.group.is_none()) {}
}

/// The inode is gone, or soon will be: nobody watches it any more.
pub(crate) fn end_inode(inode: &Inode) {
    let at = address(inode);
    while take_out(Some(IN_IGNORED), |m| m.at == at) {}
}

/// The mount is gone.
pub(crate) fn end_mount(mount: &Mount) {
    let at = address(mount);
    while take_out(None, |m| m.at == at) {}
}

/// The last mount of a file system is gone.
pub(crate) fn end_sb(sb: &SuperBlock) {
    let dev = sb.dev();
    let of_it = |m: &Mark| match m.seen {
        Seen::Inode(its, ..) | Seen::SuperBlock(its) => its == dev,
        Seen::Mount(_) => false,
    };
    let table = TABLE.lock();
    for mark in table.iter().filter(|m| m.group.is_none() && of_it(m)) {
        mark.tell(IN_UNMOUNT, 0, &[]);
    }
    drop(table);
    while take_out(Some(IN_IGNORED), of_it) {}
}
