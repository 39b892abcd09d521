//! How many queues and watches of inotify(7) and fanotify(7) each user has, and may have.
use abi::{Errno, Result};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};
use cred::Kuid;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static SHARES: LockClass = LockClass::new("notify.shares", rank::NOTIFY_SHARES);

/// What a user has a limited number of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Share {
    /// Of inotify(7).
    Instance,
    Watch,
    /// Of fanotify(7).
    Group,
    Mark,
}

/// Limits, as /proc/sys/fs/inotify and /proc/sys/fs/fanotify have them.
#[derive(Clone, Copy, Debug)]
pub enum Limit {
    QueuedEvents,
    UserInstances,
    UserWatches,
    GroupEvents,
    UserGroups,
    UserMarks,
}

static LIMITS: [AtomicU64; 6] = [
    AtomicU64::new(16384),
    AtomicU64::new(128),
    AtomicU64::new(8192),
    AtomicU64::new(16384),
    AtomicU64::new(128),
    AtomicU64::new(8192),
];

impl Limit {
    /// Its value.
    pub fn get(self) -> u64 {
        LIMITS[self as usize].load(Ordering::Relaxed)
    }
    /// Sets it.
    pub fn set(self, value: u64) {
        LIMITS[self as usize].store(value, Ordering::Relaxed);
    }
}

/// What each user has, by [`Share`].
static USERS: SpinLock<Vec<(Kuid, [u64; 4])>> = SpinLock::new(&SHARES, Vec::new());

/// Takes one more for a user. EMFILE: too many queues; ENOSPC: too many watches; ENOMEM.
pub fn take(user: Kuid, what: Share) -> Result<()> {
    let (limit, error) = match what {
        Share::Instance => (Limit::UserInstances, Errno::EMFILE),
        Share::Watch => (Limit::UserWatches, Errno::ENOSPC),
        Share::Group => (Limit::UserGroups, Errno::EMFILE),
        Share::Mark => (Limit::UserMarks, Errno::ENOSPC),
    };
    let mut users = USERS.lock();
    let at = match users.iter().position(|(known, _)| *known == user) {
        Some(at) => at,
        None => {
            users.try_push((user, [0; 4]))?;
            users.len() - 1
        }
    };
    let count = &mut users[at].1[what as usize];
    if *count >= limit.get() {
        return Err(error);
    }
    *count += 1;
    Ok(())
}

/// Gives one back.
pub fn give(user: Kuid, what: Share) {
    let mut users = USERS.lock();
    if let Some(at) = users.iter().position(|(known, _)| *known == user) {
        let counts = &mut users[at].1;
        counts[what as usize] -= 1;
        if *counts == [0; 4] {
            users.swap_remove(at);
        }
    }
}
