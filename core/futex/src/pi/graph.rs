//! Who waits for whose lock, and which level each inherits from those who wait for it. Pure: parties and keys are whatever
//! the caller says they are.
//!
//! A lock is here only while somebody waits for it, or while its new owner has yet to write its name into the word.
//! A party waits for at most one lock, so what waits for whom is a forest, and a wait that would close a circle is refused.
use abi::{Errno, Result};
use alloc::vec::Vec;
use hashbrown::HashTable;
use kmem::TryVec;

/// What names a lock.
pub(crate) trait Key: Copy + Eq {
    /// A number that spreads keys.
    fn hash(&self) -> u64;
}

/// Who owns locks and waits for them.
pub(crate) trait Party: Clone {
    /// Its own number.
    fn id(&self) -> u64;
    /// Its level by itself, from 0.
    fn own_level(&self) -> u8;
    /// From now on it has at least this level.
    fn inherit(&self, level: u8);
}

struct Waiting<P> {
    party: P,
    level: u8,
}

/// A lock that somebody waits for.
pub(crate) struct Lock<K, P> {
    key: K,
    pub(crate) owner: P,
    /// The owner's name stands in the word.
    pub(crate) settled: bool,
    /// In the order in which they came.
    waiters: Vec<Waiting<P>>,
}

/// What ties a party to locks.
struct Ties<K> {
    id: u64,
    owns: Vec<K>,
    waits: Option<K>,
}

/// See the head of the module.
pub(crate) struct Graph<K, P> {
    locks: HashTable<Lock<K, P>>,
    ties: HashTable<Ties<K>>,
}

const fn spread(id: u64) -> u64 {
    id.wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<K: Key, P> Lock<K, P> {
    /// Who comes next: the most urgent, and of equals who came first.
    fn next(&self) -> Option<usize> {
        let mut best: Option<usize> = None;
        for (at, waiting) in self.waiters.iter().enumerate() {
            if best.is_none_or(|best| self.waiters[best].level < waiting.level) {
                best = Some(at);
            }
        }
        best
    }

    fn level(&self) -> u8 {
        self.waiters.iter().map(|w| w.level).max().unwrap_or(0)
    }
}

impl<K: Key, P: Party> Graph<K, P> {
    pub(crate) const fn new() -> Self {
        Self {
            locks: HashTable::new(),
            ties: HashTable::new(),
        }
    }

    pub(crate) fn lock(&self, key: &K) -> Option<&Lock<K, P>> {
        self.locks.find(key.hash(), |lock| lock.key == *key)
    }

    fn lock_mut(&mut self, key: &K) -> Option<&mut Lock<K, P>> {
        self.locks.find_mut(key.hash(), |lock| lock.key == *key)
    }

    fn ties(&self, id: u64) -> Option<&Ties<K>> {
        self.ties.find(spread(id), |ties| ties.id == id)
    }

    fn ties_mut(&mut self, id: u64) -> Option<&mut Ties<K>> {
        self.ties.find_mut(spread(id), |ties| ties.id == id)
    }

    /// The ties of a party, made if it has none. ENOMEM.
    #[cfg_attr(
        target_os = "none",
        expect(clippy::disallowed_methods, reason = "room was made")
    )]
    fn ties_or_new(&mut self, id: u64) -> Result<&mut Ties<K>> {
        if self.ties(id).is_none() {
            self.ties
                .try_reserve(1, |ties| spread(ties.id))
                .map_err(|_| Errno::ENOMEM)?;
            let new = Ties {
                id,
                owns: Vec::new(),
                waits: None,
            };
            self.ties.insert_unique(spread(id), new, |t| spread(t.id));
        }
        self.ties_mut(id).ok_or(Errno::ENOMEM)
    }

    /// Forgets the ties of a party that has none left.
    fn tidy(&mut self, id: u64) {
        let idle = |ties: &Ties<K>| ties.id == id && ties.owns.is_empty() && ties.waits.is_none();
        if let Ok(found) = self.ties.find_entry(spread(id), idle) {
            drop(found.remove());
        }
    }

    /// Takes note of a lock that `owner` has and that somebody is about to wait for; [`Self::wait`] or [`Self::tidy_lock`]
    /// has to follow. ENOMEM.
    #[cfg_attr(
        target_os = "none",
        expect(clippy::disallowed_methods, reason = "room was made")
    )]
    pub(crate) fn open(&mut self, key: K, owner: P) -> Result<()> {
        let id = owner.id();
        self.locks
            .try_reserve(1, |lock| lock.key.hash())
            .map_err(|_| Errno::ENOMEM)?;
        let ties = self.ties_or_new(id)?;
        // What it may be given meanwhile keeps its room.
        let room = 1 + usize::from(ties.waits.is_some());
        let owned = ties.owns.try_reserve(room).map_err(|_| Errno::ENOMEM);
        let owned = owned.and_then(|()| ties.owns.try_push(key));
        if owned.is_err() {
            self.tidy(id);
        }
        owned?;
        let new = Lock {
            key,
            owner,
            settled: true,
            waiters: Vec::new(),
        };
        self.locks
            .insert_unique(key.hash(), new, |lock| lock.key.hash());
        Ok(())
    }

    /// Forgets a lock that nobody waits for.
    pub(crate) fn tidy_lock(&mut self, key: &K) {
        let idle = |lock: &Lock<K, P>| lock.key == *key && lock.settled && lock.waiters.is_empty();
        let Ok(found) = self.locks.find_entry(key.hash(), idle) else {
            return;
        };
        let (lock, _) = found.remove();
        self.disown(key, &lock.owner);
    }

    fn disown(&mut self, key: &K, owner: &P) {
        let id = owner.id();
        if let Some(ties) = self.ties_mut(id) {
            ties.owns.retain(|other| other != key);
        }
        self.tidy(id);
    }

    /// `me` waits for a lock that is here.
    ///
    /// # Errors
    /// `EDEADLK`: its owner waits, at the end of a chain, for `me`, or is `me`. `ENOMEM`.
    pub(crate) fn wait(&mut self, key: K, me: &P) -> Result<()> {
        if self.leads_to(key, me.id()) {
            return Err(Errno::EDEADLK);
        }
        let level = self.level_of(me);
        let lock = self.lock_mut(&key).ok_or(Errno::EINVAL)?;
        lock.waiters.try_reserve(1).map_err(|_| Errno::ENOMEM)?;
        let ties = self.ties_or_new(me.id())?;
        // Room for the lock among those that it owns: to be given it cannot fail.
        let room = ties.owns.try_reserve(1).map_err(|_| Errno::ENOMEM);
        if room.is_ok() {
            ties.waits = Some(key);
        }
        self.tidy(me.id());
        room?;
        let lock = self.lock_mut(&key).ok_or(Errno::EINVAL)?;
        let party = me.clone();
        lock.waiters.try_push(Waiting { party, level })?; // there is room
        let owner = lock.owner.clone();
        self.spread_from(owner);
        Ok(())
    }

    /// Whether the owner of a lock is `id` or waits for it, however indirectly.
    fn leads_to(&self, key: K, id: u64) -> bool {
        let mut next = Some(key);
        while let Some(lock) = next.and_then(|key| self.lock(&key)) {
            let owner = lock.owner.id();
            if owner == id {
                return true;
            }
            next = self.ties(owner).and_then(|ties| ties.waits);
        }
        false
    }

    /// `me` waits no more, without the lock.
    pub(crate) fn leave(&mut self, key: &K, me: &P) {
        let id = me.id();
        if let Some(lock) = self.lock_mut(key) {
            lock.waiters.retain(|waiting| waiting.party.id() != id);
            let owner = lock.owner.clone();
            self.spread_from(owner);
        }
        self.waits_no_more(id);
        self.tidy_lock(key);
    }

    fn waits_no_more(&mut self, id: u64) {
        if let Some(ties) = self.ties_mut(id) {
            ties.waits = None;
        }
        self.tidy(id);
    }

    /// Who would get a lock next.
    pub(crate) fn next(&self, key: &K) -> Option<&P> {
        let lock = self.lock(key)?;
        lock.next().map(|at| &lock.waiters[at].party)
    }

    /// Gives a lock to who comes next. It is settled if the owner's name stands in the word already.
    pub(crate) fn hand_over(&mut self, key: &K, settled: bool) -> Option<P> {
        let lock = self.lock_mut(key)?;
        let at = lock.next()?;
        let new = lock.waiters.remove(at).party;
        let old = core::mem::replace(&mut lock.owner, new.clone());
        lock.settled = settled;
        self.disown(key, &old);
        // Who waited has ties: what it waited for is now what it owns.
        if let Some(ties) = self.ties_mut(new.id()) {
            ties.waits = None;
            let _ = ties.owns.try_push(*key); // there is room since it waited
        }
        self.spread_from(old);
        self.spread_from(new.clone());
        self.tidy_lock(key);
        Some(new)
    }

    /// The owner's name stands in the word now, or cannot be written.
    pub(crate) fn settle(&mut self, key: &K) {
        if let Some(lock) = self.lock_mut(key) {
            lock.settled = true;
        }
        self.tidy_lock(key);
    }

    /// A lock that `me` owns and somebody waits for.
    pub(crate) fn owned_by(&self, me: u64) -> Option<K> {
        let owns = &self.ties(me)?.owns;
        let waited = |key: &&K| self.next(key).is_some();
        owns.iter().find(waited).copied()
    }

    /// What a party inherits.
    fn inherited(&self, id: u64) -> u8 {
        let owns = self.ties(id).map_or(&[][..], |ties| &ties.owns);
        let levels = owns
            .iter()
            .filter_map(|key| self.lock(key).map(Lock::level));
        levels.max().unwrap_or(0)
    }

    fn level_of(&self, party: &P) -> u8 {
        party.own_level().max(self.inherited(party.id()))
    }

    /// The level of `party`, or of one who waits for it, has changed: so may have that of whom it waits for, and on.
    pub(crate) fn spread_from(&mut self, party: P) {
        let mut party = party;
        loop {
            let id = party.id();
            let inherited = self.inherited(id);
            party.inherit(inherited);
            let level = party.own_level().max(inherited);
            let Some(key) = self.ties(id).and_then(|ties| ties.waits) else {
                return;
            };
            let Some(lock) = self.lock_mut(&key) else {
                return;
            };
            let Some(own) = lock.waiters.iter_mut().find(|w| w.party.id() == id) else {
                return;
            };
            own.level = level;
            party = lock.owner.clone();
        }
    }
}

#[cfg(test)]
#[path = "graph_tests.rs"]
mod tests;
