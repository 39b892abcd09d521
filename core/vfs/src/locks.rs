//! File locks: flock(2), record locks of processes (fcntl(2)) and of open files (`F_OFD_*`).
//!
//! The locks of an inode stand in one list under a spinlock; who waits sleeps on the inode's queue and looks again when
//! any lock of the inode goes. Which process waits for which is noted beside (`deadlock.rs`): a circle is EDEADLK.
use crate::locklist::{FileLock, LockKind, LockList, LockOwner};
use crate::objects::{File, Inode};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use sync::WaitMode;

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
    if wait == LockWait::No {
        return match list.try_take(&lock)? {
            true => Ok(()),
            false => Err(Errno::EAGAIN),
        };
    }
    while let Some(blocked) = list.take_or_note(&lock)? {
        let gone = || (!blocked.is_still()).then_some(());
        list.queue.wait(WaitMode::Interruptible, None, gone)?;
    }
    Ok(())
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

/// All locks on the file's inode. ENOMEM.
pub fn locks_on(file: &File) -> Result<Vec<FileLock>> {
    file.inode()
        .lock_list()
        .map_or(Ok(Vec::new()), LockList::all)
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

/// Names an open file among all.
pub fn owner_of(file: &File) -> usize {
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
        through: owner_of(file),
    };
    if find_conflict(file, &whole).is_some() {
        unlock_file(file, owner, 0, u64::MAX)?;
    }
    lock_file(file, whole, wait)
}
