//! Users, and how many processes and queued signals each has (`RLIMIT_NPROC`, `RLIMIT_SIGPENDING`).
use abi::Result;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use cred::Kuid;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static USERS: LockClass = LockClass::new("users", rank::TASK_LEAF);
static TABLE: SpinLock<Vec<Weak<User>>> = SpinLock::new(&USERS, Vec::new());

/// What is counted per real user id.
pub struct User {
    pub(crate) uid: Kuid,
    processes: AtomicU32,
}

impl User {
    /// The counts of a user id. `ENOMEM`.
    pub fn of(uid: Kuid) -> Result<Arc<Self>> {
        let fresh = kmem::try_arc(Self {
            uid,
            processes: AtomicU32::new(0),
        })?;
        let mut table = TABLE.lock_irq();
        let known = table
            .iter()
            .filter_map(Weak::upgrade)
            .find(|user| user.uid == uid);
        if let Some(user) = known {
            drop(table);
            return Ok(user);
        }
        table.retain(|user| user.strong_count() != 0);
        table.try_push(Arc::downgrade(&fresh))?;
        Ok(fresh)
    }

    /// How many threads run for this user.
    pub fn processes(&self) -> u32 {
        self.processes.load(Relaxed)
    }
    pub(crate) fn add(&self) {
        self.processes.fetch_add(1, Relaxed);
    }
    pub(crate) fn sub(&self) {
        self.processes.fetch_sub(1, Relaxed);
    }
}
