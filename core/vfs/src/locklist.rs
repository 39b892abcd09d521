//! The locks of one file, in one list under a spinlock. Who waits sleeps on its queue and looks again when any lock goes.
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::TryVec;
use sync::{LockClass, SpinLock, WaitQueue, rank};

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
    held: SpinLock<Vec<FileLock>>,
    pub(crate) queue: WaitQueue,
}

impl LockList {
    pub(crate) const fn new() -> Self {
        Self {
            held: SpinLock::new(&LIST, Vec::new()),
            queue: WaitQueue::new(),
        }
    }

    pub(crate) fn conflict(&self, lock: &FileLock) -> Option<FileLock> {
        self.held
            .lock()
            .iter()
            .find(|held| held.conflicts(lock))
            .copied()
    }

    /// Takes the lock if nothing conflicts; answers what does. ENOLCK: no memory.
    pub(crate) fn try_take(&self, lock: &FileLock) -> Result<Option<FileLock>> {
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

    pub(crate) fn release(&self, owner: LockOwner, start: u64, end: u64) -> Result<()> {
        let result = carve(&mut self.held.lock(), owner, start, end);
        self.queue.wake_all();
        result
    }

    pub(crate) fn release_if(&self, gone: impl Fn(&FileLock) -> bool) {
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
