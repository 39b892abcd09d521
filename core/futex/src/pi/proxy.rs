//! What a requeueing thread does in another's name: takes a lock for it, or lets it wait for one.
use super::graph::Graph;
use super::lock::{ALL, Caller, Entry, Held, Holder, WAITING, enter, prepare};
use super::word::{OWNER_DIED, Step, WAITERS, Word};
use abi::{Errno, Result};
use core::sync::atomic::Ordering::Relaxed;
use hal::addr::UserAddr;
use mm::FutexKey;

/// The lock that waiters of a condition are moved to.
pub(crate) struct Target<'a> {
    pub(crate) who: &'a Caller<'a>,
    pub(crate) addr: UserAddr,
    pub(crate) key: FutexKey,
    /// Its owner, if that had to be found.
    pub(crate) owner: Option<Holder>,
}

/// The graph, locked while waiters are moved; and the waiter that was given the lock, to be woken afterwards.
pub(crate) struct Moving<'a> {
    graph: Held,
    target: &'a Target<'a>,
    given: Option<Holder>,
}

impl Target<'_> {
    /// What has to be done without locks before moving can begin anew.
    pub(crate) fn prepare(&mut self, step: &Step) -> Result<()> {
        let mut owner = self.owner.take();
        let result = prepare(self.who, self.addr, step, &mut owner);
        self.owner = owner;
        result
    }

    pub(crate) fn begin(&self) -> Moving<'_> {
        Moving {
            graph: ALL.lock(),
            target: self,
            given: None,
        }
    }
}

impl Moving<'_> {
    /// The waiter in front: gives it the lock if that is free (`Taken`), or sees to it that it can be waited for (`Waits`).
    /// `more`: others will wait.
    ///
    /// # Errors
    /// As [`super::lock`].
    pub(crate) fn first(&mut self, front: &Holder, more: bool) -> Result<Step> {
        let Target {
            addr, key, owner, ..
        } = self.target;
        let Some(word) = Word::read(*addr) else {
            return Ok(Step::Absent);
        };
        if word.tid() == front.tid {
            return Err(Errno::EDEADLK);
        }
        match enter(&mut self.graph, word, key, owner.as_ref())? {
            Entry::Step(step) => Ok(step),
            Entry::Known => Ok(Step::Waits),
            Entry::Free => {
                let waiters = if more { WAITERS } else { 0 };
                let step = word.change(front.tid | word.0 & OWNER_DIED | waiters);
                if matches!(step, Step::Taken) {
                    front.give(true);
                    WAITING.fetch_add(1, Relaxed);
                    self.given = Some(front.clone());
                }
                Ok(step)
            }
        }
    }

    /// Lets a waiter wait for the lock. EDEADLK, ENOMEM.
    pub(crate) fn add(&mut self, waiter: &Holder) -> Result<()> {
        let key = self.target.key;
        if self.graph.lock(&key).is_none() {
            // The waiter in front was given the lock a moment ago.
            let owner = self.given.as_ref().ok_or(Errno::EINVAL)?;
            self.graph.open(key, owner.clone())?;
        }
        self.graph.wait(key, waiter)?;
        WAITING.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Gives the graph up and wakes who was given the lock, which has to have left its list.
    pub(crate) fn finish(mut self) {
        let key = self.target.key;
        Graph::tidy_lock(&mut self.graph, &key);
        drop(self.graph);
        if let Some(given) = self.given {
            given.wake();
        }
    }
}
