//! `linux/wait.h` and `linux/completion.h`. A wait queue is a word that counts wake-ups: who waits notes it, looks at its
//! condition, and waits until the word has changed.
//!
//! Specification: wait_event(9), completion.rst.
use crate::enter::{landing_is_alive, misuse, must_sleep};
use crate::export::exports;
use crate::park::{self, FOREVER, deadline, left, mode};
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU32, Ordering};
use sync::WaitError;

/// `-ERESTARTSYS`.
const RESTART: i64 = -512;
/// A completion that all waits may pass.
const ALL: u32 = u32::MAX;

/// The word at the start of a wait queue or a completion; ends the call when there can be none.
fn checked<'a>(place: usize) -> &'a AtomicU32 {
    let mut probe = [0; 4];
    if !place.is_multiple_of(4) || crate::foreign::read_bytes(place, &mut probe).is_err() {
        misuse("a wait queue at an address where none can be");
    }
    // SAFETY: there is memory, and the caller passes what its header calls a wait queue; any value is a valid word.
    unsafe { &*(place as *const AtomicU32) }
}

/// Waits at `place` until `ready`: the ticks that are left, at least 1; 0 when time is up; `-ERESTARTSYS`. A module in
/// quarantine waits no longer.
fn wait(place: usize, state: u32, jiffies: i64, mut ready: impl FnMut() -> bool) -> i64 {
    must_sleep("a wait");
    let until = deadline(jiffies);
    let waited = park::wait(place, mode(state), until, || {
        if ready() {
            return Some(true);
        }
        (!landing_is_alive()).then_some(false)
    });
    match waited {
        Ok(true) => left(until).max(1),
        Ok(false) => misuse("it waited while it crashed elsewhere"),
        Err(WaitError::TimedOut) => 0,
        Err(_) => RESTART,
    }
}

extern "C" fn __init_waitqueue_head(place: usize, _name: usize, _key: usize) {
    if crate::foreign::write_bytes(place, &[0; 32]).is_err() {
        misuse("a wait queue at an address where none can be");
    }
}

/// `__wait_begin(queue)`: the count to wait for a change of.
extern "C" fn __wait_begin(place: usize) -> u32 {
    checked(place).load(Ordering::SeqCst)
}

/// `__wait_on(queue, count, state, jiffies)`: see [`wait`].
extern "C" fn __wait_on(place: usize, count: u32, state: u32, jiffies: i64) -> i64 {
    let word = checked(place);
    // The running thread keeps its record: no count of it is alive while the wait may end the call from inside.
    let task = crate::task::known().map_or(core::ptr::null(), |task| Arc::as_ptr(&task));
    wait(place, state, jiffies, || {
        // SAFETY: as said, or null.
        let poked = unsafe { task.as_ref() }.is_some_and(crate::task::Task::was_poked);
        poked || word.load(Ordering::SeqCst) != count
    })
}

/// `__wake_up(queue, mode, most, key)`: all look again; those whose condition does not hold wait on.
extern "C" fn __wake_up(place: usize, _mode: u32, _most: i32, _key: usize) {
    checked(place).fetch_add(1, Ordering::SeqCst);
    park::wake(place);
}

pub(crate) extern "C" fn complete(place: usize) {
    let more = |done: u32| (done != ALL).then(|| done + 1);
    let _ = checked(place).fetch_update(Ordering::SeqCst, Ordering::SeqCst, more);
    park::wake(place);
}

extern "C" fn complete_all(place: usize) {
    checked(place).store(ALL, Ordering::SeqCst);
    park::wake(place);
}

/// Takes one completion if there is one.
fn take(word: &AtomicU32) -> bool {
    let less = |done: u32| match done {
        0 => None,
        ALL => Some(ALL),
        done => Some(done - 1),
    };
    word.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        .is_ok()
}

fn complete_in(place: usize, state: u32, jiffies: i64) -> i64 {
    let word = checked(place);
    wait(place, state, jiffies, || take(word))
}

extern "C" fn wait_for_completion(place: usize) {
    complete_in(place, 2, FOREVER);
}

extern "C" fn wait_for_completion_timeout(place: usize, jiffies: u64) -> u64 {
    complete_in(place, 2, i64::try_from(jiffies).unwrap_or(FOREVER)) as u64
}

extern "C" fn wait_for_completion_interruptible(place: usize) -> i32 {
    complete_in(place, 1, FOREVER).min(0) as i32
}

extern "C" fn wait_for_completion_killable(place: usize) -> i32 {
    complete_in(place, 0x102, FOREVER).min(0) as i32
}

extern "C" fn wait_for_completion_interruptible_timeout(place: usize, jiffies: u64) -> i64 {
    complete_in(place, 1, i64::try_from(jiffies).unwrap_or(FOREVER))
}

extern "C" fn try_wait_for_completion(place: usize) -> bool {
    take(checked(place))
}

extern "C" fn completion_done(place: usize) -> bool {
    checked(place).load(Ordering::SeqCst) != 0
}

exports![
    __init_waitqueue_head,
    __wait_begin,
    __wait_on,
    __wake_up,
    complete,
    complete_all,
    wait_for_completion,
    wait_for_completion_timeout,
    wait_for_completion_interruptible,
    wait_for_completion_killable,
    wait_for_completion_interruptible_timeout,
    try_wait_for_completion,
    completion_done,
];
