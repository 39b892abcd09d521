//! Waiters in hashed buckets; waiting and waking.
use crate::key::{Scope, key_of};
use crate::op::Op;
use crate::pi::{Holder, is_waited_for};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize};
use hal::addr::UserAddr;
use kmem::user;
use mm::{FutexKey, Mm};
use pid::List;
use sync::{LockClass, SpinGuard, SpinLock, WaitError, WaitMode, WaitQueue, rank};

static BUCKET: LockClass = LockClass::new("futex", rank::FUTEX);
static KEY: LockClass = LockClass::new("futex_key", rank::FUTEX_KEY);
const BUCKETS: usize = 256;
pub(crate) static TABLE: [SpinLock<Bucket>; BUCKETS] =
    [const { SpinLock::new(&BUCKET, List::new()) }; BUCKETS];

/// Any bit: what plain waiting and waking use.
pub const MATCH_ANY: u32 = u32::MAX;

pub(crate) type Bucket = List<Arc<Waiter>>;

/// How a waiter sleeps.
pub(crate) enum Sleep {
    /// For this word alone.
    Alone(WaitQueue),
    /// For several words.
    Several(Arc<WaitQueue>),
    /// To be moved to the lock of this name, in whose queue it sleeps from the beginning (`FUTEX_WAIT_REQUEUE_PI`).
    ForLock(FutexKey, Holder),
}

/// One who waits for a word.
pub(crate) struct Waiter {
    /// Changed by requeueing, under the locks of both buckets.
    pub(crate) key: SpinLock<FutexKey>,
    pub(crate) bucket: AtomicUsize,
    pub(crate) place: AtomicU32,
    bitset: u32,
    /// It has left its bucket.
    pub(crate) woken: AtomicBool,
    pub(crate) sleep: Sleep,
}

impl Waiter {
    /// In the bucket of `key`. ENOMEM.
    pub(crate) fn enter(key: FutexKey, bitset: u32, sleep: Sleep) -> Result<Arc<Self>> {
        let index = bucket_of(&key);
        let waiter = kmem::try_arc(Self {
            key: SpinLock::new(&KEY, key),
            bucket: AtomicUsize::new(index),
            place: AtomicU32::new(pid::list::NONE),
            bitset,
            woken: AtomicBool::new(false),
            sleep,
        })?;
        let mut bucket = TABLE[index].lock();
        let place = bucket.push_back(waiter.clone())?;
        waiter.place.store(place, Relaxed);
        drop(bucket);
        Ok(waiter)
    }

    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Acquire)
    }

    /// Hands on a wake-up that was spent on a waiter that did not need it.
    pub(crate) fn pass_on(&self) {
        let key = *self.key.lock();
        let _ = wake_key(&key, 1, self.bitset); // a waiter for a lock would be a mistake of the program's
    }
}

pub(crate) fn bucket_of(key: &FutexKey) -> usize {
    let mixed = (key.object ^ key.offset >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % BUCKETS
}

/// Waits while the word has the value `expected`, until woken with a common bit or the monotonic clock passes
/// `deadline_ns`.
///
/// # Errors
/// `EAGAIN`: the word has another value. `ETIMEDOUT`. `ERESTARTSYS`: a signal came. `EINVAL`: misaligned, or no bits.
/// `EFAULT`, `ENOMEM`.
pub fn wait(
    mm: &Mm,
    addr: UserAddr,
    scope: Scope,
    expected: u32,
    bitset: u32,
    deadline_ns: Option<u64>,
) -> Result<()> {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    let key = key_of(mm, addr, scope)?;
    let waiter = Waiter::enter(key, bitset, Sleep::Alone(WaitQueue::new()))?;
    let value = user::read::<u32>(addr);
    if value != Ok(expected) {
        if !leave(&waiter) {
            waiter.pass_on();
        }
        return value.and(Err(Errno::EAGAIN));
    }
    let Sleep::Alone(queue) = &waiter.sleep else {
        return Err(Errno::EINVAL);
    };
    let woken = || waiter.is_woken().then_some(());
    match queue.wait(WaitMode::Interruptible, deadline_ns, woken) {
        Ok(()) => Ok(()),
        Err(_) if !leave(&waiter) => Ok(()),
        Err(WaitError::TimedOut) => Err(Errno::ETIMEDOUT),
        Err(WaitError::Interrupted) => Err(Errno::ERESTARTSYS),
    }
}

/// Takes a waiter out of its bucket; false if it was woken before.
pub(crate) fn leave(waiter: &Waiter) -> bool {
    loop {
        let index = waiter.bucket.load(Acquire);
        let mut bucket = TABLE[index].lock();
        if waiter.bucket.load(Relaxed) != index {
            continue; // requeued meanwhile
        }
        if waiter.woken.load(Relaxed) {
            return false;
        }
        let listed = bucket.remove(waiter.place.load(Relaxed));
        bucket.release();
        drop(bucket);
        drop(listed);
        return true;
    }
}

/// Wakes up to `count` waiters whose bits meet `bitset`; answers how many.
///
/// # Errors
/// `EINVAL`: misaligned, no bits, or who waits here waits for a lock with priority inheritance. `EFAULT`.
pub fn wake(mm: &Mm, addr: UserAddr, scope: Scope, count: usize, bitset: u32) -> Result<usize> {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    let key = key_of(mm, addr, scope)?;
    match wake_key(&key, count, bitset)? {
        0 if is_waited_for(&key) => Err(Errno::EINVAL),
        woken => Ok(woken),
    }
}

/// Whether somebody waits for this word without a lock in mind.
pub(crate) fn is_slept_on(key: &FutexKey) -> bool {
    let bucket = TABLE[bucket_of(key)].lock();
    bucket.iter().any(|waiter| *waiter.key.lock() == *key)
}

fn wake_key(key: &FutexKey, count: usize, bitset: u32) -> Result<usize> {
    let mut bucket = TABLE[bucket_of(key)].lock();
    wake_in(&mut bucket, key, count, bitset)
}

pub(crate) fn wake_in(
    bucket: &mut SpinGuard<'_, Bucket>,
    key: &FutexKey,
    count: usize,
    bitset: u32,
) -> Result<usize> {
    let mut woken = 0;
    while woken < count {
        let wanted = |w: &&Arc<Waiter>| w.bitset & bitset != 0 && *w.key.lock() == *key;
        let Some(found) = bucket.iter().find(wanted) else {
            break;
        };
        if let Sleep::ForLock(..) = found.sleep {
            return Err(Errno::EINVAL);
        }
        let place = found.place.load(Relaxed);
        let Some(waiter) = bucket.remove(place) else {
            break;
        };
        waiter.woken.store(true, Release);
        match &waiter.sleep {
            Sleep::Alone(queue) => queue.wake_one(),
            Sleep::Several(queue) => queue.wake_one(),
            Sleep::ForLock(..) => 0,
        };
        woken += 1;
    }
    if woken != 0 {
        bucket.release();
    }
    Ok(woken)
}

/// `FUTEX_WAKE_OP`: changes the second word, wakes waiters of the first, and of the second if its old value says so.
///
/// # Errors
/// `ENOSYS`: unknown operation. `EINVAL`: misaligned. `EFAULT`.
pub fn wake_op(
    mm: &Mm,
    first: UserAddr,
    second: UserAddr,
    scope: Scope,
    (wake_first, wake_second): (usize, usize),
    word: u32,
) -> Result<usize> {
    let op = Op::decode(word)?;
    let first_key = key_of(mm, first, scope)?;
    let second_key = key_of(mm, second, scope)?;
    let mut old: u32 = user::read(second)?;
    loop {
        let seen = user::cas_u32(second, old, op.apply(old))?;
        if seen == old {
            break;
        }
        old = seen;
    }
    let mut woken = wake_key(&first_key, wake_first, MATCH_ANY)?;
    if op.compare(old) {
        woken += wake_key(&second_key, wake_second, MATCH_ANY)?;
    }
    Ok(woken)
}
