//! Taking a lock, giving it up, and what becomes of it when its owner ends.
use super::graph::{Graph, Key, Party};
use super::word::{self, OWNER_DIED, Step, TID, WAITERS, Word};
use crate::key::{Scope, key_of};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicUsize};
use hal::addr::UserAddr;
use mm::{FutexKey, Mm};
use sched::Thread;
use sync::{LockClass, SpinGuard, SpinLock, WaitError, WaitMode, WaitQueue, rank};

static GRAPH: LockClass = LockClass::new("futex_pi", rank::FUTEX_PI);
pub(super) static ALL: SpinLock<Graph<FutexKey, Holder>> = SpinLock::new(&GRAPH, Graph::new());
/// How many threads wait: who finds 0 need not look.
pub(super) static WAITING: AtomicUsize = AtomicUsize::new(0);

pub(crate) type Held = SpinGuard<'static, Graph<FutexKey, Holder>>;

impl Key for FutexKey {
    fn hash(&self) -> u64 {
        (self.object ^ self.offset >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

/// A thread that waits for a lock or owns one.
pub(crate) type Holder = Arc<Claim>;

/// See [`Holder`].
pub(crate) struct Claim {
    pub(crate) tid: u32,
    thread: Arc<Thread>,
    /// The lock is its own. Set with the graph locked.
    given: AtomicBool,
    /// Its name is not in the word yet: the owner before died.
    unwritten: AtomicBool,
    queue: WaitQueue,
}

impl Claim {
    pub(crate) fn new(tid: u32, thread: Arc<Thread>) -> Result<Holder> {
        kmem::try_arc(Self {
            tid,
            thread,
            given: AtomicBool::new(false),
            unwritten: AtomicBool::new(false),
            queue: WaitQueue::new(),
        })
    }

    /// The lock is its own; called with the graph locked, [`Self::wake`] without.
    pub(super) fn give(&self, written: bool) {
        self.unwritten.store(!written, Relaxed);
        self.given.store(true, Release);
    }

    pub(super) fn wake(&self) {
        self.queue.wake_one();
    }

    pub(crate) fn level(&self) -> u8 {
        self.thread.effective_share().rt_level
    }
}

impl Party for Holder {
    fn id(&self) -> u64 {
        Arc::as_ptr(&self.thread) as u64
    }
    fn own_level(&self) -> u8 {
        self.thread.attr().share.rt_level
    }
    fn inherit(&self, level: u8) {
        self.thread.inherit(level);
    }
}

/// Who calls: its number, its thread, and how threads are found by number.
pub struct Caller<'a> {
    /// Its address space.
    pub mm: &'a Mm,
    /// What stands in the words of locks that it owns.
    pub tid: u32,
    /// Itself.
    pub thread: &'a Arc<Thread>,
    /// Finds another. `ESRCH`: there is none; `EPERM`: it runs in the kernel alone.
    pub find: &'a dyn Fn(u32) -> Result<Arc<Thread>>,
}

/// Looks the owner up, brings the page in, or whatever else an attempt has to be preceded by.
pub(crate) fn prepare(
    who: &Caller<'_>,
    addr: UserAddr,
    step: &Step,
    owner: &mut Option<Holder>,
) -> Result<()> {
    match *step {
        Step::Absent => word::bring_in(addr)?,
        Step::Find(tid) => match (who.find)(tid) {
            Ok(thread) if !thread.is_closed() => *owner = Some(Claim::new(tid, thread)?),
            // It has ended, and nobody took the word back from it; unless that was just now.
            found => {
                let gone = found.err().unwrap_or(Errno::ESRCH);
                if word::read(addr)? & TID == tid {
                    return Err(gone);
                }
            }
        },
        _ => {}
    }
    Ok(())
}

/// Takes the lock at `addr`, which is `key`, or only tries to.
///
/// # Errors
/// `EDEADLK`: it is the caller's, or its owner waits for the caller. `EAGAIN`: it is taken (without waiting). `ETIMEDOUT`.
/// `ERESTARTNOINTR`: a signal came. `ESRCH`: its owner is no more. `EPERM`: no thread can be its owner. `EINVAL`: word and
/// kernel do not agree. `EFAULT`, `ENOMEM`.
pub(crate) fn lock(
    who: &Caller<'_>,
    addr: UserAddr,
    key: &FutexKey,
    deadline_ns: Option<u64>,
    waits: bool,
) -> Result<()> {
    let me = Claim::new(who.tid, who.thread.clone())?;
    let mut owner = None;
    loop {
        let step = attempt(&mut ALL.lock(), &me, addr, key, owner.as_ref(), waits)?;
        match step {
            Step::Taken => return Ok(()),
            Step::Waits => break,
            step => prepare(who, addr, &step, &mut owner)?,
        }
    }
    settle_wait(&me, addr, key, deadline_ns).map_err(|error| match error {
        WaitError::TimedOut => Errno::ETIMEDOUT,
        WaitError::Interrupted => Errno::ERESTARTNOINTR,
    })??;
    Ok(())
}

/// Takes the lock, or enters `me` among those who wait for it.
fn attempt(
    graph: &mut Graph<FutexKey, Holder>,
    me: &Holder,
    addr: UserAddr,
    key: &FutexKey,
    owner: Option<&Holder>,
    waits: bool,
) -> Result<Step> {
    let Some(word) = Word::read(addr) else {
        return Ok(Step::Absent);
    };
    if word.tid() == me.tid {
        return Err(Errno::EDEADLK);
    }
    match enter(graph, word, key, owner)? {
        Entry::Free => Ok(word.change(me.tid | word.0 & OWNER_DIED)),
        Entry::Step(step) => Ok(step),
        Entry::Known if !waits => {
            graph.tidy_lock(key);
            Err(Errno::EAGAIN)
        }
        Entry::Known => {
            graph.wait(*key, me).inspect_err(|_| graph.tidy_lock(key))?;
            WAITING.fetch_add(1, Relaxed);
            Ok(Step::Waits)
        }
    }
}

/// What stands behind a word.
pub(crate) enum Entry {
    /// Nobody owns it.
    Free,
    /// Its owner stands in the graph.
    Known,
    Step(Step),
}

/// Sees to it that the lock of a word that is owned stands in the graph, and that its owner will come to the kernel.
pub(super) fn enter(
    graph: &mut Graph<FutexKey, Holder>,
    word: Word,
    key: &FutexKey,
    owner: Option<&Holder>,
) -> Result<Entry> {
    if let Some(lock) = graph.lock(key) {
        // Until a new owner has written its name the word still says who died; and nobody from when an owner's list of robust
        // locks has been seen to until the lock goes on.
        let is_dying = word.tid() == 0 && word.0 & OWNER_DIED != 0;
        return match lock.settled && !is_dying && lock.owner.tid != word.tid() {
            true => Err(Errno::EINVAL),
            false => Ok(Entry::Known),
        };
    }
    if word.tid() == 0 {
        return Ok(Entry::Free);
    }
    let Some(owner) = owner.filter(|owner| owner.tid == word.tid() && !owner.thread.is_closed())
    else {
        return Ok(Entry::Step(Step::Find(word.tid())));
    };
    if word.0 & WAITERS == 0 {
        match word.change(word.0 | WAITERS) {
            Step::Taken => {}
            step => return Ok(Entry::Step(step)),
        }
    }
    graph.open(*key, owner.clone())?;
    Ok(Entry::Known)
}

/// Waits until the lock is `me`'s, and writes its name into the word if that has not been done. The inner error: it could not
/// be written (`EFAULT`).
pub(crate) fn settle_wait(
    me: &Holder,
    addr: UserAddr,
    key: &FutexKey,
    deadline_ns: Option<u64>,
) -> core::result::Result<Result<()>, WaitError> {
    let slept = sleep(me, deadline_ns);
    if let Err(error) = slept {
        let mut graph = ALL.lock();
        if !me.given.load(Relaxed) {
            graph.leave(key, me);
            WAITING.fetch_sub(1, Relaxed);
            return Err(error);
        }
    }
    WAITING.fetch_sub(1, Relaxed);
    if !me.unwritten.load(Relaxed) {
        return Ok(Ok(()));
    }
    Ok(write_name(me, addr, key))
}

/// Sleeps until the lock is `me`'s.
pub(crate) fn sleep(me: &Holder, deadline_ns: Option<u64>) -> core::result::Result<(), WaitError> {
    let given = || me.given.load(Acquire).then_some(());
    me.queue.wait(WaitMode::Interruptible, deadline_ns, given)
}

/// The owner before died without giving the lock up: the word says so, beside the new owner's name.
fn write_name(me: &Holder, addr: UserAddr, key: &FutexKey) -> Result<()> {
    loop {
        let step = {
            let mut graph = ALL.lock();
            let step = Word::read(addr).map_or(Step::Absent, |word| {
                word.change(me.tid | WAITERS | OWNER_DIED)
            });
            if matches!(step, Step::Taken) {
                graph.settle(key);
                return Ok(());
            }
            step
        };
        if matches!(step, Step::Absent)
            && let Err(error) = word::bring_in(addr)
        {
            ALL.lock().settle(key);
            return Err(error);
        }
    }
}

/// `FUTEX_UNLOCK_PI`: the lock goes to who waits in front.
///
/// # Errors
/// `EPERM`: it is not the caller's. `EINVAL`: misaligned, or word and kernel do not agree. `EFAULT`.
pub fn unlock(mm: &Mm, addr: UserAddr, scope: Scope, tid: u32, me: &Arc<Thread>) -> Result<()> {
    if word::read(addr)? & TID != tid {
        return Err(Errno::EPERM);
    }
    let key = key_of(mm, addr, scope)?;
    loop {
        let released = release(&mut ALL.lock(), addr, &key, tid, me)?;
        match released {
            (Step::Taken, heir) => {
                if let Some(heir) = heir {
                    heir.wake();
                }
                return Ok(());
            }
            (Step::Absent, _) => word::bring_in(addr)?,
            _ => {}
        }
    }
}

fn release(
    graph: &mut Graph<FutexKey, Holder>,
    addr: UserAddr,
    key: &FutexKey,
    tid: u32,
    me: &Arc<Thread>,
) -> Result<(Step, Option<Holder>)> {
    let Some(word) = Word::read(addr) else {
        return Ok((Step::Absent, None));
    };
    if word.tid() != tid {
        return Err(Errno::EPERM);
    }
    let Some(lock) = graph.lock(key) else {
        return Ok((word.change(0), None));
    };
    if !Arc::ptr_eq(&lock.owner.thread, me) {
        return Err(Errno::EINVAL);
    }
    let Some(heir) = graph.next(key).map(|heir| heir.tid) else {
        return Ok((word.change(0), None));
    };
    match word.change(heir | WAITERS) {
        Step::Taken => {
            let heir = graph.hand_over(key, true);
            if let Some(heir) = &heir {
                heir.give(true);
            }
            Ok((Step::Taken, heir))
        }
        step => Ok((step, None)),
    }
}

/// A thread leaves its memory, by its end or by exec: what it owns goes to who waits, and it takes over nothing more. Its
/// robust list has been seen to.
pub fn leave(me: &Thread) {
    loop {
        let heir = {
            let mut graph = ALL.lock();
            me.set_closed(true);
            let Some(key) = graph.owned_by(core::ptr::from_ref(me) as u64) else {
                return;
            };
            let heir = graph.hand_over(&key, false);
            if let Some(heir) = &heir {
                heir.give(false);
            }
            heir
        };
        match heir {
            Some(heir) => heir.wake(),
            None => return,
        }
    }
}

/// A thread's own level was changed: so may have that of whom it waits for.
pub fn level_changed(thread: &Arc<Thread>) -> Result<()> {
    if WAITING.load(Relaxed) == 0 {
        return Ok(());
    }
    let party = Claim::new(0, thread.clone())?;
    ALL.lock().spread_from(party);
    Ok(())
}

/// Whether somebody waits for a lock at this word: FUTEX_WAKE is then a mistake.
pub(crate) fn is_waited_for(key: &FutexKey) -> bool {
    WAITING.load(Relaxed) != 0 && ALL.lock().lock(key).is_some()
}
