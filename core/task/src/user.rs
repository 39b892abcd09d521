//! Users, and how many processes, queued signals, bytes of message queues and pages of pipes each has (`RLIMIT_NPROC`,
//! `RLIMIT_SIGPENDING`, `RLIMIT_MSGQUEUE`; pipe(7), "/proc files").
use abi::Result;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use cred::Kuid;
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static USERS: LockClass = LockClass::new("users", rank::TASK_LEAF);
static TABLE: SpinLock<Vec<Weak<User>>> = SpinLock::new(&USERS, Vec::new());

/// What is counted per real user id.
pub struct User {
    pub uid: Kuid,
    processes: AtomicU32,
    queued: AtomicU32,
    queue_bytes: AtomicU64,
    pipe_pages: AtomicU64,
}

/// A place among the signals that a user may have queued; given back when dropped.
pub struct Place(Arc<User>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.queued.fetch_sub(1, Relaxed);
    }
}

/// Bytes that a message queue counts for its user; given back when dropped.
pub struct QueueBytes {
    user: Arc<User>,
    bytes: u64,
}

impl Drop for QueueBytes {
    fn drop(&mut self) {
        self.user.queue_bytes.fetch_sub(self.bytes, Relaxed);
    }
}

/// Pages that a pipe counts for whoever made it; given back when dropped.
pub struct PipePages {
    user: Arc<User>,
    pages: AtomicU64,
}

impl PipePages {
    /// Counts so many from now on. By one caller at a time.
    pub fn set(&self, pages: u64) {
        let all = &self.user.pipe_pages;
        all.fetch_add(pages, Relaxed);
        all.fetch_sub(self.pages.swap(pages, Relaxed), Relaxed);
    }
    /// What all pipes of the user count.
    pub fn of_user(&self) -> u64 {
        self.user.pipe_pages.load(Relaxed)
    }
}

impl Drop for PipePages {
    fn drop(&mut self) {
        self.set(0);
    }
}

impl User {
    /// The counts of a user id. `ENOMEM`.
    pub fn of(uid: Kuid) -> Result<Arc<Self>> {
        let fresh = kmem::try_arc(Self {
            uid,
            processes: AtomicU32::new(0),
            queued: AtomicU32::new(0),
            queue_bytes: AtomicU64::new(0),
            pipe_pages: AtomicU64::new(0),
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
    /// How many signals are queued for this user, and timers made that may queue one (`SigQ`).
    pub fn queued_signals(&self) -> u32 {
        self.queued.load(Relaxed)
    }
    /// A place for one more signal, if there are fewer than `limit`.
    pub fn place(self: Arc<Self>, limit: u64) -> Option<Place> {
        let before = self.queued.fetch_add(1, Relaxed);
        let place = Place(self);
        (u64::from(before) < limit).then_some(place)
    }
    /// Counts so many bytes more of message queues, if there are then at most `limit`.
    pub fn count_queue(self: Arc<Self>, bytes: u64, limit: u64) -> Option<QueueBytes> {
        let more = |count: u64| count.checked_add(bytes).filter(|sum| *sum <= limit);
        self.queue_bytes.fetch_update(Relaxed, Relaxed, more).ok()?;
        Some(QueueBytes { user: self, bytes })
    }
    /// Counts the pages of a pipe.
    pub fn count_pipe(self: Arc<Self>, pages: u64) -> PipePages {
        self.pipe_pages.fetch_add(pages, Relaxed);
        PipePages {
            user: self,
            pages: AtomicU64::new(pages),
        }
    }
    /// One more thread runs for this user.
    pub fn add(&self) {
        self.processes.fetch_add(1, Relaxed);
    }
    /// One less does.
    pub fn sub(&self) {
        self.processes.fetch_sub(1, Relaxed);
    }
}
