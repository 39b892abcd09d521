//! The locks of one file, in one list under a spinlock. Who waits sleeps on its queue and looks again when any lock goes.
use crate::deadlock;
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use kmem::{Reserved, TryVec};
use sync::{LockClass, SpinGuard, SpinLock, WaitQueue, rank};

static LIST: LockClass = LockClass::new("inode.locks", rank::FILE_LOCKS);

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
    pub(crate) fn is_flock(self) -> bool {
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
    /// The open file that it was taken through, as `owner_of` names it.
    pub through: usize,
}

impl FileLock {
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }

    pub(crate) fn conflicts(&self, other: &Self) -> bool {
        self.owner != other.owner
            && self.owner.is_flock() == other.owner.is_flock()
            && (self.kind == LockKind::Write || other.kind == LockKind::Write)
            && self.meets(other)
    }
}

/// The locks of an inode.
pub(crate) struct LockList {
    held: SpinLock<Held>,
    /// Counts how often locks went.
    changes: AtomicU32,
    pub(crate) queue: WaitQueue,
}

struct Held {
    /// Those of one owner stand together, in the order of their bytes; owners in the order in which they came.
    locks: Vec<FileLock>,
    /// How many wait for one of them by a note.
    noted: usize,
}

impl Held {
    fn conflict(&self, lock: &FileLock) -> Option<&FileLock> {
        self.locks.iter().find(|held| held.conflicts(lock))
    }
}

/// Somebody who waits for a lock to go.
pub(crate) struct Blocked<'a> {
    list: &'a LockList,
    changes: u32,
    /// Who, if it is noted.
    waiter: Option<u64>,
}

impl Blocked<'_> {
    /// Whether no lock of the list has gone since.
    pub(crate) fn is_still(&self) -> bool {
        self.list.changes.load(Ordering::Acquire) == self.changes
    }
}

impl Drop for Blocked<'_> {
    fn drop(&mut self) {
        let Some(waiter) = self.waiter else { return };
        let mut held = self.list.held.lock();
        // If something has changed the note is gone already.
        if self.is_still() {
            held.noted -= 1;
            deadlock::forget(waiter, self.list.id());
        }
    }
}

impl LockList {
    pub(crate) const fn new() -> Self {
        Self {
            held: SpinLock::new(
                &LIST,
                Held {
                    locks: Vec::new(),
                    noted: 0,
                },
            ),
            changes: AtomicU32::new(0),
            queue: WaitQueue::new(),
        }
    }

    /// Names it among all lists.
    fn id(&self) -> usize {
        core::ptr::from_ref(self).addr()
    }

    /// All of them. ENOMEM.
    pub(crate) fn all(&self) -> Result<Vec<FileLock>> {
        Vec::try_from_slice(&self.held.lock().locks)
    }

    pub(crate) fn conflict(&self, lock: &FileLock) -> Option<FileLock> {
        self.held.lock().conflict(lock).copied()
    }

    /// Takes the lock. False: something conflicts. ENOLCK: no memory.
    pub(crate) fn try_take(&self, lock: &FileLock) -> Result<bool> {
        let held = self.held.lock();
        if held.conflict(lock).is_some() {
            return Ok(false);
        }
        self.take(held, lock).map(|()| true)
    }

    /// Takes the lock, or notes whom it is to wait for. EDEADLK, ENOLCK.
    pub(crate) fn take_or_note(&self, lock: &FileLock) -> Result<Option<Blocked<'_>>> {
        let mut held = self.held.lock();
        let Some(conflict) = held.conflict(lock) else {
            return self.take(held, lock).map(|()| None);
        };
        let waiter = match (lock.owner, conflict.owner) {
            (LockOwner::Process(waiter), LockOwner::Process(holder)) => {
                deadlock::note(waiter, holder, self.id())?;
                held.noted += 1;
                Some(waiter)
            }
            _ => None,
        };
        Ok(Some(Blocked {
            list: self,
            changes: self.changes.load(Ordering::Relaxed),
            waiter,
        }))
    }

    /// Takes a lock that conflicts with none.
    #[inline]
    fn take(&self, mut held: SpinGuard<'_, Held>, lock: &FileLock) -> Result<()> {
        if !held.locks.is_empty() {
            carve(&mut held.locks, lock.owner, lock.start, lock.end)?;
        }
        let pushed = insert(&mut held.locks, *lock);
        // One for writing may have become one for reading.
        if lock.kind == LockKind::Read || pushed.is_err() {
            self.gone(held);
        }
        pushed
    }

    /// Locks went: who waits looks again, and waits for nobody until then.
    #[inline]
    fn gone(&self, mut held: SpinGuard<'_, Held>) {
        if held.noted > 0 {
            held.noted = 0;
            deadlock::forget_all(self.id());
        }
        // Under the lock: nobody else stores.
        let changes = self.changes.load(Ordering::Relaxed).wrapping_add(1);
        self.changes.store(changes, Ordering::Release);
        drop(held);
        self.queue.wake_all();
    }

    pub(crate) fn release(&self, owner: LockOwner, start: u64, end: u64) -> Result<()> {
        let mut held = self.held.lock();
        if carve(&mut held.locks, owner, start, end)? {
            self.gone(held);
        }
        Ok(())
    }

    pub(crate) fn release_if(&self, gone: impl Fn(&FileLock) -> bool) {
        let mut held = self.held.lock();
        let before = held.locks.len();
        held.locks.retain(|lock| !gone(lock));
        if held.locks.len() != before {
            self.gone(held);
        }
    }
}

/// Puts a lock that meets none of its owner's in its place, as one with those of its kind that it touches. ENOLCK.
fn insert(held: &mut Vec<FileLock>, mut lock: FileLock) -> Result<()> {
    held.try_reserve(1).map_err(|_| Errno::ENOLCK)?;
    held.retain(|other| {
        let touches = other.end.checked_add(1) == Some(lock.start)
            || lock.end.checked_add(1) == Some(other.start);
        let joins = touches && other.owner == lock.owner && other.kind == lock.kind;
        if joins {
            lock.start = lock.start.min(other.start);
            lock.end = lock.end.max(other.end);
        }
        !joins
    });
    let own = |other: &FileLock| other.owner == lock.owner;
    let after = held
        .iter()
        .position(|other| own(other) && other.start > lock.start);
    let last = || held.iter().rposition(own).map_or(held.len(), |at| at + 1);
    held.insert_reserved(after.unwrap_or_else(last), lock);
    Ok(())
}

/// Takes `start..=end` out of the locks of `owner`: some shrink, one may split in two. False: there was none. ENOLCK: no
/// memory to split.
fn carve(held: &mut Vec<FileLock>, owner: LockOwner, start: u64, end: u64) -> Result<bool> {
    let splits = |l: &FileLock| l.owner == owner && l.start < start && end < l.end;
    if let Some(at) = held.iter().position(splits) {
        let upper = FileLock {
            start: end + 1,
            ..held[at]
        };
        held.try_insert(at + 1, upper).map_err(|_| Errno::ENOLCK)?;
        held[at].end = start - 1;
        return Ok(true);
    }
    let mut any = false;
    held.retain_mut(|lock| {
        if lock.owner != owner || lock.end < start || end < lock.start {
            return true;
        }
        any = true;
        if lock.start < start {
            lock.end = start - 1;
        } else if end < lock.end {
            lock.start = end + 1;
        } else {
            return false;
        }
        true
    });
    Ok(any)
}
