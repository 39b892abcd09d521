//! Waiters in hashed buckets; waiting, waking, requeueing.
use crate::op::Op;
use crate::{MATCH_ANY, Scope};
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
static TABLE: [SpinLock<List<Arc<Waiter>>>; BUCKETS] =
    [const { SpinLock::new(&BUCKET, List::new()) }; BUCKETS];

struct Waiter {
    /// Changed by requeueing, under the locks of both buckets.
    key: SpinLock<FutexKey>,
    bucket: AtomicUsize,
    place: AtomicU32,
    bitset: u32,
    woken: AtomicBool,
    queue: WaitQueue,
}

fn bucket_of(key: &FutexKey) -> usize {
    let mixed = (key.object ^ key.offset >> 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 56) as usize % BUCKETS
}

fn key_of(mm: &Mm, addr: UserAddr, scope: Scope) -> Result<FutexKey> {
    if !addr.0.is_multiple_of(4) {
        return Err(Errno::EINVAL);
    }
    mm.futex_key(addr, scope == Scope::Shared)
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
    let index = bucket_of(&key);
    let waiter = kmem::try_arc(Waiter {
        key: SpinLock::new(&KEY, key),
        bucket: AtomicUsize::new(index),
        place: AtomicU32::new(pid::list::NONE),
        bitset,
        woken: AtomicBool::new(false),
        queue: WaitQueue::new(),
    })?;
    {
        let mut bucket = TABLE[index].lock();
        let place = bucket.push_back(waiter.clone())?;
        waiter.place.store(place, Relaxed);
    }
    let value = user::read::<u32>(addr);
    if value != Ok(expected) {
        if !leave(&waiter) {
            // Somebody's wake-up was spent on a waiter that did not need it.
            let key = *waiter.key.lock();
            wake_key(&key, 1, bitset);
        }
        return value.and(Err(Errno::EAGAIN));
    }
    let woken = || waiter.woken.load(Acquire).then_some(());
    match waiter
        .queue
        .wait(WaitMode::Interruptible, deadline_ns, woken)
    {
        Ok(()) => Ok(()),
        Err(_) if !leave(&waiter) => Ok(()),
        Err(WaitError::TimedOut) => Err(Errno::ETIMEDOUT),
        Err(WaitError::Interrupted) => Err(Errno::ERESTARTSYS),
    }
}

/// Takes a waiter out of its bucket; false if it was woken before.
fn leave(waiter: &Arc<Waiter>) -> bool {
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
/// `EINVAL`: misaligned, or no bits. `EFAULT`.
pub fn wake(mm: &Mm, addr: UserAddr, scope: Scope, count: usize, bitset: u32) -> Result<usize> {
    if bitset == 0 {
        return Err(Errno::EINVAL);
    }
    Ok(wake_key(&key_of(mm, addr, scope)?, count, bitset))
}

fn wake_key(key: &FutexKey, count: usize, bitset: u32) -> usize {
    let mut bucket = TABLE[bucket_of(key)].lock();
    wake_in(&mut bucket, key, count, bitset)
}

fn wake_in(
    bucket: &mut SpinGuard<'_, List<Arc<Waiter>>>,
    key: &FutexKey,
    count: usize,
    bitset: u32,
) -> usize {
    let mut woken = 0;
    while woken < count {
        let wanted = |w: &&Arc<Waiter>| w.bitset & bitset != 0 && *w.key.lock() == *key;
        let Some(place) = bucket.iter().find(wanted).map(|w| w.place.load(Relaxed)) else {
            break;
        };
        let Some(waiter) = bucket.remove(place) else {
            break;
        };
        waiter.woken.store(true, Release);
        waiter.queue.wake_one();
        woken += 1;
    }
    if woken != 0 {
        bucket.release();
    }
    woken
}

/// What `FUTEX_REQUEUE` and `FUTEX_CMP_REQUEUE` do.
#[derive(Clone, Copy, Debug)]
pub struct Requeue {
    /// Wakes so many,
    pub wake: usize,
    /// then moves so many of the rest to the second word.
    pub requeue: usize,
    /// Only if the first word has this value.
    pub expected: Option<u32>,
}

/// Wakes some waiters of `from` and makes others wait for `to`; answers how many were woken and moved.
///
/// # Errors
/// `EAGAIN`: the word has another value than expected. `EINVAL`: misaligned. `EFAULT`, `ENOMEM`.
pub fn requeue(
    mm: &Mm,
    from: UserAddr,
    to: UserAddr,
    scope: Scope,
    what: Requeue,
) -> Result<(usize, usize)> {
    let from_key = key_of(mm, from, scope)?;
    let to_key = key_of(mm, to, scope)?;
    if let Some(expected) = what.expected
        && user::read::<u32>(from)? != expected
    {
        return Err(Errno::EAGAIN);
    }
    let (source, target) = (bucket_of(&from_key), bucket_of(&to_key));
    if source == target {
        let mut bucket = TABLE[source].lock();
        let woken = wake_in(&mut bucket, &from_key, what.wake, MATCH_ANY);
        let mut moved = 0;
        for waiter in bucket.iter() {
            let mut key = waiter.key.lock();
            if moved < what.requeue && *key == from_key {
                *key = to_key;
                moved += 1;
            }
        }
        return Ok((woken, moved));
    }
    // Two buckets are always locked in the order of their index.
    let (mut low, mut high) = (
        TABLE[source.min(target)].lock(),
        TABLE[source.max(target)].lock(),
    );
    let (out, into) = if source < target {
        (&mut low, &mut high)
    } else {
        (&mut high, &mut low)
    };
    let woken = wake_in(out, &from_key, what.wake, MATCH_ANY);
    let mut moved = 0;
    while moved < what.requeue {
        let Some(waiter) = out.iter().find(|w| *w.key.lock() == from_key).cloned() else {
            break;
        };
        into.reserve_one()?;
        drop(out.remove(waiter.place.load(Relaxed)));
        *waiter.key.lock() = to_key;
        waiter.place.store(into.push_back(waiter.clone())?, Relaxed);
        waiter.bucket.store(target, Release);
        moved += 1;
    }
    out.release();
    Ok((woken, moved))
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
    let mut woken = wake_key(&first_key, wake_first, MATCH_ANY);
    if op.compare(old) {
        woken += wake_key(&second_key, wake_second, MATCH_ANY);
    }
    Ok(woken)
}
