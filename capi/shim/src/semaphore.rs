//! `linux/semaphore.h` and `linux/rwsem.h`: locks that are slept for. Each is a word in the module's memory; who waits
//! does so by its address.
//!
//! Specification: down(9), Documentation/locking/mutex-design.rst and locktypes.rst ("rw_semaphore").
use crate::enter::{landing_is_alive, misuse, must_sleep};
use crate::export::exports;
use crate::lock_class::{self, Key};
use crate::park::{self, FOREVER, deadline};
use abi::Errno;
use core::sync::atomic::{AtomicI32, Ordering};
use sync::lockdep::foreign as held;
use sync::{LockClass, WaitError, WaitMode, rank};

static CLASS: LockClass = LockClass::new("module rwsem", rank::NONE);

/// A rwsem's word: free, taken for writing, or dead with its holder; else how many read.
const FREE: i32 = 0;
const WRITER: i32 = -1;
const DEAD: i32 = i32::MIN;
/// Where a rwsem counts the writers that wait: new readers stand back for them.
const WAITING: usize = 4;
/// Where it keeps the key of its class.
const KEY: Key = Key::Whole(8);

unsafe fn kill(lock: usize) {
    let _ = crate::foreign::write_bytes(lock, &DEAD.to_le_bytes());
    park::wake(lock);
}

/// The word at an address; ends the call when there can be none.
fn checked<'a>(place: usize) -> &'a AtomicI32 {
    let mut probe = [0; 4];
    if !place.is_multiple_of(4) || crate::foreign::read_bytes(place, &mut probe).is_err() {
        misuse("a semaphore at an address where none can be");
    }
    // SAFETY: there is memory, and the caller passes what its header calls a semaphore; any value is a valid word.
    unsafe { &*(place as *const AtomicI32) }
}

/// Changes the word by `step` as soon as it may be. 0, `-EINTR` or `-ETIME`.
fn wait(lock: usize, mode: WaitMode, jiffies: i64, step: fn(i32) -> Option<i32>) -> i32 {
    let word = checked(lock);
    must_sleep("a semaphore");
    let waited = park::wait(lock, mode, deadline(jiffies), || {
        let stepped = word.fetch_update(Ordering::Acquire, Ordering::Relaxed, step);
        match stepped {
            Ok(_) => Some(true),
            Err(DEAD) => Some(false),
            Err(_) => (!landing_is_alive()).then_some(false),
        }
    });
    match waited {
        Ok(true) => 0,
        Ok(false) => misuse("a lock whose holder crashed, or a crash elsewhere"),
        Err(WaitError::Interrupted) => -Errno::EINTR.code(),
        Err(WaitError::TimedOut) => -Errno::ETIME.code(),
    }
}

fn take(count: i32) -> Option<i32> {
    (count > 0).then(|| count - 1)
}

extern "C" fn down(lock: usize) {
    wait(lock, WaitMode::Uninterruptible, FOREVER, take);
}

/// 0 or `-EINTR`.
extern "C" fn down_interruptible(lock: usize) -> i32 {
    wait(lock, WaitMode::Interruptible, FOREVER, take)
}

/// 0 or `-EINTR`.
extern "C" fn down_killable(lock: usize) -> i32 {
    wait(lock, WaitMode::Killable, FOREVER, take)
}

/// 0 or `-ETIME`.
extern "C" fn down_timeout(lock: usize, jiffies: i64) -> i32 {
    wait(lock, WaitMode::Uninterruptible, jiffies, take)
}

/// 0 when it was taken, 1 when not. Any context.
extern "C" fn down_trylock(lock: usize) -> i32 {
    let taken = checked(lock).fetch_update(Ordering::Acquire, Ordering::Relaxed, take);
    i32::from(taken.is_err())
}

/// Any context.
extern "C" fn up(lock: usize) {
    checked(lock).fetch_add(1, Ordering::Release);
    park::wake(lock);
}

fn share(readers: i32) -> Option<i32> {
    (readers >= 0).then(|| readers + 1)
}

fn own(readers: i32) -> Option<i32> {
    (readers == FREE).then_some(WRITER)
}

/// Waits until no writer waits, then shares the lock.
fn read(lock: usize, mode: WaitMode) -> i32 {
    let writers = checked(lock + WAITING);
    if writers.load(Ordering::Relaxed) != 0 && sync::context::may_sleep() {
        // One turn for them; who comes after it competes.
        sync::thread::yield_now();
    }
    let class = lock_class::of(lock, KEY, &CLASS);
    lock_class::to_be_taken(class, lock, true);
    let taken = wait(lock, mode, FOREVER, share);
    if taken == 0 {
        held::sleep_taken(class, lock, kill);
    }
    taken
}

fn write(lock: usize, mode: WaitMode) -> i32 {
    let writers = checked(lock + WAITING);
    let class = lock_class::of(lock, KEY, &CLASS);
    lock_class::to_be_taken(class, lock, false);
    writers.fetch_add(1, Ordering::Relaxed);
    let taken = wait(lock, mode, FOREVER, own);
    writers.fetch_sub(1, Ordering::Relaxed);
    if taken == 0 {
        held::sleep_taken(class, lock, kill);
    }
    taken
}

extern "C" fn down_read(lock: usize) {
    read(lock, WaitMode::Uninterruptible);
}

extern "C" fn down_read_interruptible(lock: usize) -> i32 {
    read(lock, WaitMode::Interruptible)
}

extern "C" fn down_read_killable(lock: usize) -> i32 {
    read(lock, WaitMode::Killable)
}

extern "C" fn down_write(lock: usize) {
    write(lock, WaitMode::Uninterruptible);
}

extern "C" fn down_write_killable(lock: usize) -> i32 {
    write(lock, WaitMode::Killable)
}

/// Takes the lock if it is free: 1 then.
fn try_step(lock: usize, step: fn(i32) -> Option<i32>) -> i32 {
    let taken = checked(lock).fetch_update(Ordering::Acquire, Ordering::Relaxed, step);
    if taken.is_ok() {
        held::sleep_taken(lock_class::of(lock, KEY, &CLASS), lock, kill);
    }
    i32::from(taken.is_ok())
}

extern "C" fn down_read_trylock(lock: usize) -> i32 {
    try_step(lock, share)
}

extern "C" fn down_write_trylock(lock: usize) -> i32 {
    try_step(lock, own)
}

extern "C" fn up_read(lock: usize) {
    let less = |readers: i32| (readers > 0).then(|| readers - 1);
    let before = checked(lock).fetch_update(Ordering::Release, Ordering::Relaxed, less);
    if before.is_ok() {
        held::sleep_given(lock);
    }
    match before {
        Ok(1) => park::wake(lock),
        Ok(_) => {}
        Err(_) => misuse("a rwsem is released that nobody reads"),
    }
}

extern "C" fn up_write(lock: usize) {
    let freed = checked(lock).compare_exchange(WRITER, FREE, Ordering::Release, Ordering::Relaxed);
    match freed {
        Ok(_) => {
            held::sleep_given(lock);
            park::wake(lock);
        }
        Err(_) => misuse("a rwsem is released that nobody writes"),
    }
}

/// A writer goes on as a reader.
extern "C" fn downgrade_write(lock: usize) {
    let shared = checked(lock).compare_exchange(WRITER, 1, Ordering::Release, Ordering::Relaxed);
    match shared {
        Ok(_) => park::wake(lock),
        Err(_) => misuse("a rwsem is downgraded that nobody writes"),
    }
}

exports![
    down,
    down_interruptible,
    down_killable,
    down_timeout,
    down_trylock,
    up,
    down_read,
    down_read_interruptible,
    down_read_killable,
    down_read_trylock,
    down_write,
    down_write_killable,
    down_write_trylock,
    up_read,
    up_write,
    downgrade_write,
];
