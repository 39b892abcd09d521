//! `linux/mutex.h`. The lock is one word in the module's memory: 0 when free, else the address of the thread that has it,
//! with the lowest bit set while others wait.
use crate::enter::{landing_is_alive, misuse, must_sleep};
use crate::export::exports;
use crate::lock_class::{self, Key};
use crate::park;
use core::sync::atomic::{AtomicUsize, Ordering};
use hal::uaccess::exchange_if_u64;
use sync::lockdep::foreign as held;
use sync::{LockClass, WaitMode, rank};

const WAITERS: usize = 1;
/// Behind the lock and its name.
const KEY: Key = Key::Whole(16);
/// The lock's holder failed: nobody gets it any more.
const DEAD: usize = usize::MAX & !WAITERS;

static CLASS: LockClass = LockClass::new("module mutex", rank::NONE);

/// Marks a lock dead, if it is still there, and wakes who waits for it.
unsafe fn kill(lock: usize) {
    let _ = crate::foreign::write_bytes(lock, &DEAD.to_le_bytes());
    park::wake(lock);
}

/// The word at the start of `struct mutex`.
///
/// # Safety
/// The caller passes what its header calls a `struct mutex *`; that it is mapped was checked.
unsafe fn word<'a>(lock: usize) -> &'a AtomicUsize {
    // SAFETY: the caller's promise; any value is a valid word.
    unsafe { &*(lock as *const AtomicUsize) }
}

/// The running thread, as a word: never 0, lowest bit clear.
fn me() -> usize {
    let [thread, _] = hal::current::get();
    thread as usize & !WAITERS
}

/// Puts `new` in a lock in place of `old`; else what stands in it. Ends the call where there can be none.
#[inline]
fn exchange(lock: usize, old: usize, new: usize) -> Result<(), usize> {
    const NONE: &str = "a mutex at an address where none can be";
    if !lock.is_multiple_of(8) {
        misuse(NONE);
    }
    // SAFETY: a fault is fixed up, and the caller passes what its header calls a `struct mutex *`.
    match unsafe { exchange_if_u64(lock as *mut u64, old as u64, new as u64) } {
        Ok(found) if found as usize == old => Ok(()),
        Ok(found) => Err(found as usize),
        Err(_) => misuse(NONE),
    }
}

/// The word of a lock that a module passes; ends the call when there can be none.
fn checked<'a>(lock: usize) -> &'a AtomicUsize {
    if !lock.is_multiple_of(8) || crate::foreign::read_u64(lock).is_err() {
        misuse("a mutex at an address where none can be");
    }
    // SAFETY: there is memory, and the caller passes what its header calls a `struct mutex *`.
    unsafe { word(lock) }
}

/// Takes the lock. If another thread has it, the bit that tells that one to wake stands in the word when this gives up.
fn try_take(word: &AtomicUsize, me: usize) -> Option<()> {
    loop {
        let taken = word.compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed);
        let held = match taken {
            Ok(_) => return Some(()),
            Err(held) => held,
        };
        // It may have another holder by now, or none.
        let marked =
            word.compare_exchange(held, held | WAITERS, Ordering::Release, Ordering::Relaxed);
        if marked.is_ok() {
            return None;
        }
    }
}

#[inline(always)]
fn lock_in(lock: usize, mode: WaitMode) -> i32 {
    must_sleep("mutex_lock");
    if exchange(lock, 0, me()).is_err() {
        return wait_for(lock, mode);
    }
    let class = lock_class::of(lock, KEY, &CLASS);
    lock_class::to_be_taken(class, lock, false);
    held::sleep_taken(class, lock, kill);
    0
}

/// Somebody has it.
#[cold]
fn wait_for(lock: usize, mode: WaitMode) -> i32 {
    let (word, me) = (checked(lock), me());
    if word.load(Ordering::Relaxed) & !WAITERS == me {
        misuse("a mutex is taken by the thread that holds it");
    }
    let class = lock_class::of(lock, KEY, &CLASS);
    lock_class::to_be_taken(class, lock, false);
    let waited = park::wait(lock, mode, None, || {
        if let Some(()) = try_take(word, me) {
            return Some(true);
        }
        let hopeless = word.load(Ordering::Relaxed) & !WAITERS == DEAD || !landing_is_alive();
        hopeless.then_some(false)
    });
    match waited {
        Ok(true) => {
            held::sleep_taken(class, lock, kill);
            0
        }
        Ok(false) => misuse("a mutex whose holder crashed"),
        Err(_) => -abi::Errno::EINTR.code(),
    }
}

/// `__mutex_init(lock, name, key)`.
extern "C" fn __mutex_init(lock: usize, name: usize, key: usize) {
    let words = [0, name, key, 0].map(usize::to_ne_bytes);
    if crate::foreign::write_bytes(lock, words.as_flattened()).is_err() {
        misuse("a mutex at an address where none can be");
    }
}

/// `mutex_lock(lock)`.
extern "C" fn mutex_lock(lock: usize) {
    lock_in(lock, WaitMode::Uninterruptible);
}

/// `mutex_lock_interruptible(lock)`: 0 or `-EINTR`.
extern "C" fn mutex_lock_interruptible(lock: usize) -> i32 {
    lock_in(lock, WaitMode::Interruptible)
}

/// `mutex_lock_killable(lock)`: 0 or `-EINTR`.
extern "C" fn mutex_lock_killable(lock: usize) -> i32 {
    lock_in(lock, WaitMode::Killable)
}

/// `mutex_trylock(lock)`: 1 when it was taken.
extern "C" fn mutex_trylock(lock: usize) -> i32 {
    let taken = checked(lock).compare_exchange(0, me(), Ordering::Acquire, Ordering::Relaxed);
    if taken.is_ok() {
        held::sleep_taken(lock_class::of(lock, KEY, &CLASS), lock, kill);
    }
    i32::from(taken.is_ok())
}

/// `mutex_unlock(lock)`.
extern "C" fn mutex_unlock(lock: usize) {
    match exchange(lock, me(), 0) {
        Ok(()) => held::sleep_given(lock),
        Err(holder) => hand_on(lock, holder),
    }
}

/// Others wait for it, or it is somebody else's.
#[cold]
fn hand_on(lock: usize, holder: usize) {
    let word = checked(lock);
    if holder & !WAITERS != me() {
        misuse("a mutex is released by a thread that does not hold it");
    }
    held::sleep_given(lock);
    word.store(0, Ordering::Release);
    park::wake(lock);
}

/// `mutex_is_locked(lock)`.
extern "C" fn mutex_is_locked(lock: usize) -> i32 {
    i32::from(crate::foreign::read_u64(lock).is_ok_and(|word| word != 0))
}

exports![
    __mutex_init,
    mutex_lock,
    mutex_lock_interruptible,
    mutex_lock_killable,
    mutex_trylock,
    mutex_unlock,
    mutex_is_locked,
];
