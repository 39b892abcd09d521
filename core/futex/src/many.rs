//! Waiting for one of several words: futex_waitv(2).
use crate::key::{Scope, key_of};
use crate::wait::{MATCH_ANY, Sleep, Waiter, leave};
use abi::{Errno, Result};
use alloc::sync::Arc;
use alloc::vec::Vec;
use hal::addr::UserAddr;
use kmem::{TryVec, user};
use mm::Mm;
use sync::{WaitMode, WaitQueue};

/// A word, and what it has to be for the wait to begin.
#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    /// Where it is.
    pub addr: UserAddr,
    /// Whom it is for.
    pub scope: Scope,
    /// Its value.
    pub value: u32,
}

/// Waits until a waiter of one of the words is woken; answers which (the last, if more than one).
///
/// # Errors
/// `EAGAIN`: a word has another value. `ETIMEDOUT`. `ERESTARTSYS`: a signal came. `EINVAL`: misaligned. `EFAULT`, `ENOMEM`.
pub fn wait_many(mm: &Mm, wanted: &[Wanted], deadline_ns: Option<u64>) -> Result<usize> {
    let mut keys = Vec::try_with_capacity(wanted.len())?;
    for word in wanted {
        keys.try_push(key_of(mm, word.addr, word.scope)?)?;
    }
    let queue = kmem::try_arc(WaitQueue::new())?;
    let mut waiters = Vec::try_with_capacity(wanted.len())?;
    for (word, key) in wanted.iter().zip(keys) {
        let entered = Waiter::enter(key, MATCH_ANY, Sleep::Several(queue.clone()));
        let entered = entered.and_then(|waiter| {
            waiters.try_push(waiter)?;
            match user::read::<u32>(word.addr)? {
                value if value == word.value => Ok(()),
                _ => Err(Errno::EAGAIN),
            }
        });
        if let Err(error) = entered {
            return leave_all(&waiters).ok_or(error);
        }
    }
    let woken = || waiters.iter().any(|w| w.is_woken()).then_some(());
    let slept = queue.wait(WaitMode::Interruptible, deadline_ns, woken);
    match (leave_all(&waiters), slept) {
        (Some(woken), _) => Ok(woken),
        (None, Err(error)) => Err(error.into()),
        (None, Ok(())) => Err(Errno::EAGAIN),
    }
}

/// Takes all out of their buckets; which had been woken, the last of them.
fn leave_all(waiters: &[Arc<Waiter>]) -> Option<usize> {
    let mut woken = None;
    for (index, waiter) in waiters.iter().enumerate() {
        if !leave(waiter) {
            woken = Some(index);
        }
    }
    woken
}
