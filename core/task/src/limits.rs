//! Users, and how many processes and queued signals each has (`RLIMIT_NPROC`, `RLIMIT_SIGPENDING`).
use crate::cx::Cx;
use abi::{Errno, Result};
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use cred::{Kuid, Resource, cap};
use kmem::TryVec;
use sync::{LockClass, SpinLock, rank};

static USERS: LockClass = LockClass::new("users", rank::TASK_LEAF);
static TABLE: SpinLock<Vec<Weak<User>>> = SpinLock::new(&USERS, Vec::new());

/// What is counted per real user id.
pub struct User {
    uid: Kuid,
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

/// Most threads at once, whatever memory there is; some numbers stay free for root.
const MOST_THREADS: u32 = pid::PID_MAX - 512;
/// 0: not set, so as many as memory allows.
static MAX_THREADS: AtomicU32 = AtomicU32::new(0);

/// How many threads there may be (`kernel.threads-max`): at first as many as have half the memory as stacks of four pages.
pub fn max_threads() -> u32 {
    match MAX_THREADS.load(Relaxed) {
        0 => {
            let by_memory = u32::try_from(kmem::frame::stats().total / 8).unwrap_or(u32::MAX);
            let max = by_memory.min(MOST_THREADS);
            MAX_THREADS.store(max, Relaxed);
            max
        }
        max => max,
    }
}

/// Sets it. `EINVAL`: fewer than 20, or more than there are numbers.
pub fn set_max_threads(max: i64) -> Result<()> {
    match u32::try_from(max) {
        Ok(max @ 20..=MOST_THREADS) => {
            MAX_THREADS.store(max, Relaxed);
            Ok(())
        }
        _ => Err(Errno::EINVAL),
    }
}

/// Whether one more thread may be made. `EAGAIN`: there are as many as may be, or `RLIMIT_NPROC` is reached and the task
/// has no privilege.
pub(crate) fn check_nproc(cx: &Cx) -> Result<()> {
    if pid::INIT_NS.in_use() >= max_threads() {
        return Err(Errno::EAGAIN);
    }
    let limit = cx.process().limits().cur(Resource::Nproc);
    if u64::from(cx.user.processes()) < limit
        || cx.user.uid == Kuid::ROOT
        || cx.cred.capable(cap::SYS_RESOURCE)
        || cx.cred.capable(cap::SYS_ADMIN)
    {
        Ok(())
    } else {
        Err(Errno::EAGAIN)
    }
}

/// The real user id of a task changes.
pub(crate) fn move_process(cx: &mut Cx, user: Arc<User>) {
    user.add();
    cx.user.sub();
    if cx.task.is_leader() {
        let old = core::mem::replace(&mut *cx.process().user.lock_irq(), user.clone());
        drop(old);
    }
    cx.user = user;
}
