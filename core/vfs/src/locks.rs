//! File locks: flock(2), record locks of processes (fcntl(2)) and of open files (`F_OFD_*`).
//!
//! The locks of an inode stand in one list under a spinlock; who waits sleeps on the inode's queue and looks again when
//! any lock of the inode goes. Waiting record locks of processes are entered in a global list, in which a circle is
//! EDEADLK.
use crate::file::File;
use crate::inode::Inode;
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use kmem::TryVec;
use sync::{LockClass, SpinLock, WaitMode, WaitQueue, rank};

static LIST: LockClass = LockClass::new("inode.locks", rank::FILE_LOCKS);
static WAITING: LockClass = LockClass::new("vfs.lock_waiters", rank::FILE_LOCKS);

/// Shared or alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockKind {
    Read,
    Write,
}

/// Whose lock it is. Locks of one owner never conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockOwner {
    /// A process, by its descriptor table.
    Process(u64),
    /// An open file (`F_OFD_*`), by its address.
    OpenFile(usize),
    /// An open file (flock(2)): another kind of lock, which does not meet the two above.
    Flock(usize),
}

impl LockOwner {
    fn is_flock(self) -> bool {
        matches!(self, Self::Flock(_))
    }
}

/// A lock on bytes `start..=end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileLock {
    pub kind: LockKind,
    pub owner: LockOwner,
    /// Who took it, for `F_GETLK` and `/proc/locks`; -1 for an open file's.
    pub pid: i32,
    pub start: u64,
    pub end: u64,
}

impl FileLock {
    fn meets(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    fn conflicts(&self, other: &Self) -> bool {
        self.owner != other.owner
            && self.owner.is_flock() == other.owner.is_flock()
            && (self.kind == LockKind::Write || other.kind == LockKind::Write)
            && self.meets(other)
    }
}

/// The locks of an inode.
pub(crate) struct LockList {
    held: SpinLock<Vec<FileLock>>,
    queue: WaitQueue,
}

impl LockList {
    pub(crate) const fn new() -> Self {
        Self {
            held: SpinLock::new(&LIST, Vec::new()),
            queue: WaitQueue::new(),
        }
    }

    fn conflict(&self, lock: &FileLock) -> Option<FileLock> {
        self.held
            .lock()
            .iter()
            .find(|held| held.conflicts(lock))
            .copied()
    }

    /// Takes the lock if nothing conflicts; answers what does. ENOLCK: no memory.
    fn try_take(&self, lock: &FileLock) -> Result<Option<FileLock>> {
        let mut held = self.held.lock();
        if let Some(conflict) = held.iter().find(|held| held.conflicts(lock)) {
            return Ok(Some(*conflict));
        }
        let downgrades = lock.kind == LockKind::Read;
        carve(&mut held, lock.owner, lock.start, lock.end)?;
        held.try_push(*lock).map_err(|_| Errno::ENOLCK)?;
        drop(held);
        if downgrades {
            self.queue.wake_all();
        }
        Ok(None)
    }

    fn release(&self, owner: LockOwner, start: u64, end: u64) -> Result<()> {
        let result = carve(&mut self.held.lock(), owner, start, end);
        self.queue.wake_all();
        result
    }

    fn release_if(&self, gone: impl Fn(&FileLock) -> bool) {
        let any = {
            let mut held = self.held.lock();
            let before = held.len();
            held.retain(|lock| !gone(lock));
            held.len() != before
        };
        if any {
            self.queue.wake_all();
        }
    }
}

/// Takes `start..=end` out of the locks of `owner`: some shrink, one may split in two. ENOLCK: no memory to split.
fn carve(held: &mut Vec<FileLock>, owner: LockOwner, start: u64, end: u64) -> Result<()> {
    let splits = |l: &FileLock| l.owner == owner && l.start < start && end < l.end;
    if let Some(at) = held.iter().position(splits) {
        let upper = FileLock {
            start: end + 1,
            ..held[at]
        };
        held.try_push(upper).map_err(|_| Errno::ENOLCK)?;
        held[at].end = start - 1;
        return Ok(());
    }
    held.retain_mut(|lock| {
        if lock.owner != owner || lock.end < start || end < lock.start {
            return true;
        }
        if lock.start < start {
            lock.end = start - 1;
        } else if end < lock.end {
            lock.start = end + 1;
        } else {
            return false;
        }
        true
    });
    Ok(())
}

/// Which process waits for which.
static WAITERS: SpinLock<Vec<(u64, u64)>> = SpinLock::new(&WAITING, Vec::new());

/// An entry in [`WAITERS`] while it lives.
struct Waiting(u64, u64);

impl Waiting {
    /// EDEADLK: the one waited for waits, directly or over others, for the waiter. ENOLCK.
    fn enter(waiter: u64, holder: u64) -> Result<Self> {
        let mut all = WAITERS.lock();
        let mut at = holder;
        // As many steps as there are waiters lead round any circle.
        for _ in 0..=all.len() {
            if at == waiter {
                return Err(Errno::EDEADLK);
            }
            match all.iter().find(|(w, _)| *w == at) {
                Some((_, next)) => at = *next,
                None => break,
            }
        }
        all.try_push((waiter, holder)).map_err(|_| Errno::ENOLCK)?;
        Ok(Self(waiter, holder))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut all = WAITERS.lock();
        if let Some(at) = all.iter().position(|w| *w == (self.0, self.1)) {
            all.swap_remove(at);
        }
    }
}

/// Whether to wait for a conflicting lock to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LockWait {
    /// EAGAIN instead.
    No,
    Yes,
}

/// Takes a lock on the file's inode. EAGAIN: it conflicts; EDEADLK; ERESTARTSYS; ENOLCK, ENOMEM.
pub fn lock_file(file: &File, lock: FileLock, wait: LockWait) -> Result<()> {
    let list = file.inode().lock_list_or_new()?;
    if !matches!(lock.owner, LockOwner::Process(_)) {
        file.has_locks.store(true, Ordering::Relaxed);
    }
    loop {
        let Some(conflict) = list.try_take(&lock)? else {
            return Ok(());
        };
        if wait == LockWait::No {
            return Err(Errno::EAGAIN);
        }
        let _waiting = match (lock.owner, conflict.owner) {
            (LockOwner::Process(waiter), LockOwner::Process(holder)) => {
                Some(Waiting::enter(waiter, holder)?)
            }
            _ => None,
        };
        // Until the one in the way is gone; another may then be in the way, with another holder to note.
        let gone = || {
            let still = list
                .conflict(&lock)
                .is_some_and(|now| now.owner == conflict.owner);
            (!still).then_some(())
        };
        list.queue.wait(WaitMode::Interruptible, None, gone)?;
    }
}

/// Gives `start..=end` of an owner's locks back. ENOLCK: no memory to split one.
pub fn unlock_file(file: &File, owner: LockOwner, start: u64, end: u64) -> Result<()> {
    match file.inode().lock_list() {
        Some(list) => list.release(owner, start, end),
        None => Ok(()),
    }
}

/// The first lock that conflicts with `lock` (`F_GETLK`).
pub fn find_conflict(file: &File, lock: &FileLock) -> Option<FileLock> {
    file.inode().lock_list()?.conflict(lock)
}

/// A descriptor of the inode was closed by the process with this table: its record locks go.
pub(crate) fn remove_posix(inode: &Inode, table: u64) {
    if let Some(list) = inode.lock_list() {
        list.release_if(|lock| lock.owner == LockOwner::Process(table));
    }
}

/// The open file is gone: its locks go.
pub(crate) fn remove_of_file(file: &File) {
    let id = owner_of(file);
    if let Some(list) = file.inode().lock_list() {
        list.release_if(|lock| {
            lock.owner == LockOwner::OpenFile(id) || lock.owner == LockOwner::Flock(id)
        });
    }
}

fn owner_of(file: &File) -> usize {
    core::ptr::from_ref(file).addr()
}

/// The owner of `F_OFD_*` locks through `file`.
pub fn ofd_owner(file: &Arc<File>) -> LockOwner {
    LockOwner::OpenFile(owner_of(file))
}

/// flock(2) with `kind`, or unlocking with `None`. EAGAIN (EWOULDBLOCK), ERESTARTSYS, ENOLCK.
pub fn flock(file: &Arc<File>, kind: Option<LockKind>, pid: i32, wait: LockWait) -> Result<()> {
    let owner = LockOwner::Flock(owner_of(file));
    let Some(kind) = kind else {
        return unlock_file(file, owner, 0, u64::MAX);
    };
    // Changing the kind gives the lock up in between, as with Linux.
    let whole = FileLock {
        kind,
        owner,
        pid,
        start: 0,
        end: u64::MAX,
    };
    if find_conflict(file, &whole).is_some() {
        unlock_file(file, owner, 0, u64::MAX)?;
    }
    lock_file(file, whole, wait)
}
