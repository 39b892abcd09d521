//! Moving waiters from one word to another.
use crate::key::{Scope, key_of};
use crate::pi::proxy::{Moving, Target};
use crate::pi::{Caller, Claim, Holder, Step, settle_wait, sleep};
use crate::wait::{Bucket, MATCH_ANY, Sleep, TABLE, Waiter, bucket_of, leave, wake_in};
use abi::{Errno, Result};
use alloc::sync::Arc;
use core::sync::atomic::Ordering::{Relaxed, Release};
use hal::addr::UserAddr;
use kmem::user;
use mm::{FutexKey, Mm};
use sync::WaitError;

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
/// `EAGAIN`: the word has another value than expected. `EINVAL`: misaligned, or who waits is to be moved to a lock.
/// `EFAULT`, `ENOMEM`.
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
        let woken = wake_in(&mut bucket, &from_key, what.wake, MATCH_ANY)?;
        let mut moved = 0;
        for waiter in bucket.iter() {
            let mut key = waiter.key.lock();
            if moved < what.requeue && *key == from_key {
                if let Sleep::ForLock(..) = waiter.sleep {
                    return Err(Errno::EINVAL);
                }
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
    let woken = wake_in(out, &from_key, what.wake, MATCH_ANY)?;
    let mut moved = 0;
    while moved < what.requeue {
        let Some(waiter) = out.iter().find(|w| *w.key.lock() == from_key).cloned() else {
            break;
        };
        if let Sleep::ForLock(..) = waiter.sleep {
            return Err(Errno::EINVAL);
        }
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

/// `FUTEX_WAIT_REQUEUE_PI`: waits while the word at `addr` has the value `expected`, to be moved to the lock at `lock` by
/// [`requeue_to_lock`], and comes back with that lock.
///
/// # Errors
/// `EAGAIN`: the word has another value, or a signal came when it waited for the lock. `ETIMEDOUT`. `ERESTARTNOINTR`: a signal
/// came before. `EINVAL`: misaligned, or both are one. `EFAULT`, `ENOMEM`.
pub fn wait_for_lock(
    who: &Caller<'_>,
    addr: UserAddr,
    lock: UserAddr,
    scope: Scope,
    expected: u32,
    deadline_ns: Option<u64>,
) -> Result<()> {
    let key = key_of(who.mm, addr, scope)?;
    let target = key_of(who.mm, lock, scope)?;
    if key == target {
        return Err(Errno::EINVAL);
    }
    let me = Claim::new(who.tid, who.thread.clone())?;
    let sleeps = Sleep::ForLock(target, me.clone());
    let waiter = Waiter::enter(key, MATCH_ANY, sleeps)?;
    let value = user::read::<u32>(addr);
    if value != Ok(expected) && leave(&waiter) {
        return value.and(Err(Errno::EAGAIN));
    }
    if let Err(error) = sleep(&me, deadline_ns)
        && leave(&waiter)
    {
        return Err(match error {
            WaitError::TimedOut => Errno::ETIMEDOUT,
            WaitError::Interrupted => Errno::ERESTARTNOINTR,
        });
    }
    settle_wait(&me, lock, &target, deadline_ns).map_err(|error| match error {
        WaitError::TimedOut => Errno::ETIMEDOUT,
        WaitError::Interrupted => Errno::EAGAIN,
    })?
}

/// `FUTEX_CMP_REQUEUE_PI`: gives the lock at `to` to the waiter of `from` in front, or lets it wait for that, and up to `most`
/// more; answers how many. Only if the word at `from` has the value `expected`.
///
/// # Errors
/// `EAGAIN`: it has another value. `EINVAL`: misaligned, both are one, or a waiter did not ask for this. And as
/// [`crate::pi::lock`].
pub fn requeue_to_lock(
    who: &Caller<'_>,
    from: UserAddr,
    to: UserAddr,
    scope: Scope,
    most: usize,
    expected: u32,
) -> Result<usize> {
    let key = key_of(who.mm, from, scope)?;
    let mut target = Target {
        who,
        addr: to,
        key: key_of(who.mm, to, scope)?,
        owner: None,
    };
    if key == target.key {
        return Err(Errno::EINVAL);
    }
    loop {
        if user::read::<u32>(from)? != expected {
            return Err(Errno::EAGAIN);
        }
        match move_all(&key, &target, most)? {
            Moved::So(count) => return Ok(count),
            Moved::Not(step) => target.prepare(&step)?,
        }
    }
}

/// What a try to move waiters came to.
enum Moved {
    So(usize),
    Not(Step),
}

/// The waiter of `key` in front, and how it waits for the lock. EINVAL: it does not, or for another one.
fn front(bucket: &Bucket, key: &FutexKey, lock: &FutexKey) -> Result<Option<(u32, Holder)>> {
    let mut best: Option<(u32, &Holder)> = None;
    for waiter in bucket.iter().filter(|w| *w.key.lock() == *key) {
        match &waiter.sleep {
            Sleep::ForLock(wanted, holder) if wanted == lock => {
                if best.is_none_or(|(_, best)| best.level() < holder.level()) {
                    best = Some((waiter.place.load(Relaxed), holder));
                }
            }
            _ => return Err(Errno::EINVAL),
        }
    }
    Ok(best.map(|(place, holder)| (place, holder.clone())))
}

fn move_all(key: &FutexKey, target: &Target<'_>, most: usize) -> Result<Moved> {
    let mut bucket = TABLE[bucket_of(key)].lock();
    let Some((place, first)) = front(&bucket, key, &target.key)? else {
        return Ok(Moved::So(0));
    };
    let mut moving = target.begin();
    let mut moved = 0;
    match moving.first(&first, most > 0)? {
        Step::Taken => {
            take_out(&mut bucket, place);
            moved = 1;
        }
        Step::Waits => {}
        step => return Ok(Moved::Not(step)),
    }
    let result = move_rest(&mut bucket, key, &mut moving, target, most + 1 - moved);
    bucket.release();
    drop(bucket);
    moving.finish();
    Ok(Moved::So(moved + result?))
}

fn move_rest(
    bucket: &mut Bucket,
    key: &FutexKey,
    moving: &mut Moving<'_>,
    target: &Target<'_>,
    most: usize,
) -> Result<usize> {
    let mut moved = 0;
    while moved < most {
        let Some((place, holder)) = front(bucket, key, &target.key)? else {
            break;
        };
        moving.add(&holder)?;
        take_out(bucket, place);
        moved += 1;
    }
    Ok(moved)
}

/// It waits here no more: `leave` will find that.
fn take_out(bucket: &mut Bucket, place: u32) {
    let gone: Option<Arc<Waiter>> = bucket.remove(place);
    if let Some(waiter) = gone {
        waiter.woken.store(true, Release);
    }
}
