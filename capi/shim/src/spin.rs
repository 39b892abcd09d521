//! `linux/spinlock.h` and `linux/rwlock.h`. A lock is a word of 32 bits in the module's memory, and the half of its
//! class's key.
//!
//! Locks are taken with preemption off, so a CPU that spins waits for one that runs. A lock whose holder crashed is dead:
//! who spins for it ends its call instead of spinning on.
use crate::enter::misuse;
use crate::export::exports;
use crate::lock_class::{self, Key};
use core::sync::atomic::{AtomicU32, Ordering};
use hal::{irq, preempt};
use sync::lockdep::foreign as held;
use sync::{LockClass, rank};

const FREE: u32 = 0;
/// Taken by one: a spinlock, or a rwlock for writing.
const TAKEN: u32 = 1 << 31;
const DEAD: u32 = 0xdead_dead;
/// Behind the word.
const KEY: Key = Key::Half(4);

static SPIN: LockClass = LockClass::new("module spinlock", rank::NONE);
static READ_WRITE: LockClass = LockClass::new("module rwlock", rank::NONE);

/// Marks a lock dead, if it is still there.
unsafe fn kill(lock: usize) {
    let _ = crate::foreign::write_bytes(lock, &DEAD.to_le_bytes());
}

/// The word of a lock that a module passes; ends the call when there can be none.
#[inline]
fn checked<'a>(lock: usize) -> &'a AtomicU32 {
    let mut probe = [0; 4];
    if !lock.is_multiple_of(4) || crate::foreign::read_bytes(lock, &mut probe).is_err() {
        misuse("a spinlock at an address where none can be");
    }
    // SAFETY: there is memory, and the caller passes what its header calls a lock; any value is a valid word.
    unsafe { &*(lock as *const AtomicU32) }
}

/// Turns the word over by `step` as soon as it may be.
#[inline]
fn spin(word: &AtomicU32, step: fn(u32) -> Option<u32>) {
    let taken = || match word.fetch_update(Ordering::Acquire, Ordering::Relaxed, step) {
        Ok(_) => true,
        Err(DEAD) => misuse("a spinlock whose holder crashed"),
        Err(_) => false,
    };
    if !taken() {
        crate::watch::spin_until(taken);
    }
}

fn take(value: u32) -> Option<u32> {
    (value == FREE).then_some(TAKEN)
}

fn share(value: u32) -> Option<u32> {
    (value & TAKEN == 0).then_some(value + 1)
}

#[inline]
fn acquire(lock: usize, class: &'static LockClass, step: fn(u32) -> Option<u32>, shared: bool) {
    let word = checked(lock);
    let class = lock_class::of(lock, KEY, class);
    lock_class::to_be_taken(class, lock, shared);
    preempt::add(preempt::PREEMPT);
    spin(word, step);
    held::spin_taken(class, lock, kill);
}

/// As [`acquire`], with interrupts off; 1 when they were on.
#[inline]
fn acquire_irq(
    lock: usize,
    class: &'static LockClass,
    step: fn(u32) -> Option<u32>,
    shared: bool,
) -> u64 {
    let were_on = irq::enabled();
    let _ = irq::disable();
    acquire(lock, class, step, shared);
    u64::from(were_on)
}

/// Gives the word back, before interrupts and preemption are on again.
#[inline]
fn let_go(lock: usize, shared: bool) {
    let word = checked(lock);
    held::spin_given(lock);
    if shared {
        if !(1..TAKEN).contains(&word.fetch_sub(1, Ordering::Release)) {
            word.fetch_add(1, Ordering::Relaxed);
            misuse("a rwlock is released that nobody reads");
        }
    } else if word.swap(FREE, Ordering::Release) & TAKEN == 0 {
        misuse("a spinlock is released that nobody holds");
    }
}

#[inline]
fn release(lock: usize, shared: bool) {
    let_go(lock, shared);
    sync::context::preempt_enable();
}

#[inline]
fn release_irq(lock: usize, shared: bool, on: bool) {
    let_go(lock, shared);
    if on {
        irq::enable();
    }
    sync::context::preempt_enable();
}

extern "C" fn _raw_spin_trylock(lock: usize) -> i32 {
    let word = checked(lock);
    preempt::add(preempt::PREEMPT);
    if word
        .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        sync::context::preempt_enable();
        return 0;
    }
    held::spin_taken(lock_class::of(lock, KEY, &SPIN), lock, kill);
    1
}

/// All ways to take and release one sort of lock.
macro_rules! ways {
    ($class:ident, $step:ident, $shared:literal: $lock:ident $unlock:ident $lock_irq:ident $unlock_irq:ident
        $lock_save:ident $unlock_restore:ident $lock_bh:ident $unlock_bh:ident) => {
        extern "C" fn $lock(lock: usize) {
            acquire(lock, &$class, $step, $shared);
        }

        extern "C" fn $unlock(lock: usize) {
            release(lock, $shared);
        }

        extern "C" fn $lock_irq(lock: usize) {
            acquire_irq(lock, &$class, $step, $shared);
        }

        extern "C" fn $unlock_irq(lock: usize) {
            release_irq(lock, $shared, true);
        }

        /// Gives the interrupt flag that was: 1 when interrupts were on.
        extern "C" fn $lock_save(lock: usize) -> u64 {
            acquire_irq(lock, &$class, $step, $shared)
        }

        extern "C" fn $unlock_restore(lock: usize, flags: u64) {
            release_irq(lock, $shared, flags != 0);
        }

        /// With softirqs off.
        extern "C" fn $lock_bh(lock: usize) {
            crate::task::__local_bh_disable();
            acquire(lock, &$class, $step, $shared);
        }

        extern "C" fn $unlock_bh(lock: usize) {
            release(lock, $shared);
            crate::task::__local_bh_enable();
        }
    };
}
ways!(SPIN, take, false: _raw_spin_lock _raw_spin_unlock _raw_spin_lock_irq _raw_spin_unlock_irq
    _raw_spin_lock_irqsave _raw_spin_unlock_irqrestore _raw_spin_lock_bh _raw_spin_unlock_bh);
ways!(READ_WRITE, share, true: _raw_read_lock _raw_read_unlock _raw_read_lock_irq _raw_read_unlock_irq
    _raw_read_lock_irqsave _raw_read_unlock_irqrestore _raw_read_lock_bh _raw_read_unlock_bh);
ways!(READ_WRITE, take, false: _raw_write_lock _raw_write_unlock _raw_write_lock_irq _raw_write_unlock_irq
    _raw_write_lock_irqsave _raw_write_unlock_irqrestore _raw_write_lock_bh _raw_write_unlock_bh);

exports![
    _raw_spin_lock,
    _raw_spin_unlock,
    _raw_spin_trylock,
    _raw_spin_lock_irq,
    _raw_spin_unlock_irq,
    _raw_spin_lock_irqsave,
    _raw_spin_unlock_irqrestore,
    _raw_spin_lock_bh,
    _raw_spin_unlock_bh,
    _raw_read_lock,
    _raw_read_unlock,
    _raw_read_lock_irq,
    _raw_read_unlock_irq,
    _raw_read_lock_irqsave,
    _raw_read_unlock_irqrestore,
    _raw_read_lock_bh,
    _raw_read_unlock_bh,
    _raw_write_lock,
    _raw_write_unlock,
    _raw_write_lock_irq,
    _raw_write_unlock_irq,
    _raw_write_lock_irqsave,
    _raw_write_unlock_irqrestore,
    _raw_write_lock_bh,
    _raw_write_unlock_bh,
];
