//! Timers ordered by expiry: a binary heap whose entries know their place, so that any of them can be taken out.
//!
//! Called by: `time`, once per CPU, under that CPU's lock. Calls: nothing.
//!
//! Inserting and removing never allocate: room is made beforehand ([`TimerQueue::grow_into`]), where running out of
//! memory can still be answered. A timer's place is kept in the timer
//! itself, in an atomic ([`Place`]), which only the queue's holder writes.
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};
use reserved::Reserved;

const NOWHERE: u32 = u32::MAX;

/// Where a timer stands in its queue.
#[derive(Debug)]
pub struct Place(AtomicU32);

impl Place {
    /// In no queue.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU32::new(NOWHERE))
    }
    /// Whether it is in a queue. A hint unless the queue's lock is held.
    #[inline]
    pub fn is_queued(&self) -> bool {
        self.0.load(Ordering::Relaxed) != NOWHERE
    }
    #[inline]
    fn set(&self, index: usize) {
        self.0.store(index as u32, Ordering::Relaxed);
    }
    #[inline]
    fn clear(&self) {
        self.0.store(NOWHERE, Ordering::Relaxed);
    }
    #[inline]
    fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed) as usize
    }
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

/// Something that can stand in a queue: a handle (such as an `Arc`) that finds its [`Place`].
pub trait Handle {
    /// The timer's place.
    fn place(&self) -> &Place;
}

/// Timers of one CPU.
pub struct TimerQueue<H> {
    heap: Vec<(u64, H)>,
}

impl<H: Handle> Default for TimerQueue<H> {
    fn default() -> Self {
        Self::new()
    }
}

impl<H: Handle> TimerQueue<H> {
    /// An empty queue without room.
    #[must_use]
    pub const fn new() -> Self {
        Self { heap: Vec::new() }
    }

    /// How many it holds.
    pub fn len(&self) -> usize {
        self.heap.len()
    }
    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// How many timers it has room for.
    pub fn capacity(&self) -> usize {
        self.heap.capacity()
    }

    /// Moves into the (empty, larger) vector and gives back the old one, to be freed without the lock.
    /// Does nothing but return `roomier` when that is not larger.
    pub fn grow_into(&mut self, mut roomier: Vec<(u64, H)>) -> Vec<(u64, H)> {
        if roomier.is_empty() && roomier.capacity() > self.heap.capacity() {
            roomier.append_reserved(&mut self.heap);
            core::mem::swap(&mut self.heap, &mut roomier);
        }
        roomier
    }

    /// When the earliest one expires.
    #[inline]
    pub fn earliest(&self) -> Option<u64> {
        self.heap.first().map(|(at, _)| *at)
    }

    /// Puts a timer in. Gives it back when it stands in a queue already or there is no room (the caller did not make
    /// it).
    pub fn insert(&mut self, expires: u64, timer: H) -> Result<(), H> {
        if timer.place().is_queued() || self.heap.len() == self.heap.capacity() {
            return Err(timer);
        }
        // Room was checked: this push does not allocate.
        self.heap.push_reserved((expires, timer));
        self.sift_up(self.heap.len() - 1);
        Ok(())
    }

    /// Takes the timer out that has this place; `None` when it is not in this queue.
    pub fn remove(&mut self, place: &Place) -> Option<H> {
        let index = place.get();
        let (_, timer) = self.heap.get(index)?;
        if !core::ptr::eq(timer.place(), place) {
            return None;
        }
        let (_, timer) = self.heap.swap_remove(index);
        timer.place().clear();
        if index < self.heap.len() {
            let index = self.sift_up(index);
            self.sift_down(index);
        }
        Some(timer)
    }

    /// Takes the earliest one out if it expires at `now` or before.
    pub fn pop_expired(&mut self, now: u64) -> Option<(u64, H)> {
        if self.earliest()? > now {
            return None;
        }
        let (expires, timer) = self.heap.swap_remove(0);
        timer.place().clear();
        if !self.heap.is_empty() {
            self.sift_down(0);
        }
        Some((expires, timer))
    }

    /// Moves entry `index` towards the root to its place, and notes it.
    fn sift_up(&mut self, mut index: usize) -> usize {
        while index > 0 {
            let parent = (index - 1) / 2;
            if self.heap[parent].0 <= self.heap[index].0 {
                break;
            }
            self.heap.swap(parent, index);
            self.heap[index].1.place().set(index);
            index = parent;
        }
        self.heap[index].1.place().set(index);
        index
    }

    fn sift_down(&mut self, mut index: usize) {
        loop {
            let left = 2 * index + 1;
            if left >= self.heap.len() {
                break;
            }
            let right = left + 1;
            let least = if right < self.heap.len() && self.heap[right].0 < self.heap[left].0 {
                right
            } else {
                left
            };
            if self.heap[index].0 <= self.heap[least].0 {
                break;
            }
            self.heap.swap(index, least);
            self.heap[index].1.place().set(index);
            index = least;
        }
        self.heap[index].1.place().set(index);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::Arc;

    struct Timer(Place);
    impl Handle for Arc<Timer> {
        fn place(&self) -> &Place {
            &self.0
        }
    }

    fn with_room(n: usize) -> TimerQueue<Arc<Timer>> {
        let mut queue = TimerQueue::new();
        let old = queue.grow_into(Vec::with_capacity(n));
        assert!(old.is_empty() && queue.capacity() >= n);
        queue
    }

    #[test]
    fn no_room_is_no_insert() {
        let mut queue = TimerQueue::new();
        let timer = Arc::new(Timer(Place::new()));
        assert!(queue.insert(1, timer.clone()).is_err());
        queue.grow_into(Vec::with_capacity(1));
        assert!(queue.insert(1, timer.clone()).is_ok());
        assert!(timer.0.is_queued());
        assert!(queue.insert(2, timer).is_err(), "it is in already");
    }

    #[derive(Clone, Debug)]
    enum Op {
        Insert(usize, u64),
        Remove(usize),
        Expire(u64),
        Grow(usize),
    }

    fn ops() -> impl Strategy<Value = Vec<Op>> {
        let op = prop_oneof![
            4 => (0..50usize, 0..1000u64).prop_map(|(t, at)| Op::Insert(t, at)),
            3 => (0..50usize).prop_map(Op::Remove),
            1 => (0..1000u64).prop_map(Op::Expire),
            1 => (50..100usize).prop_map(Op::Grow),
        ];
        prop::collection::vec(op, 1..300)
    }

    proptest! {
        /// Against a sorted set of (expiry, timer).
        #[test]
        fn agrees_with_a_sorted_set(ops in ops()) {
            let timers: Vec<_> = (0..50).map(|_| Arc::new(Timer(Place::new()))).collect();
            let mut queue = with_room(50);
            let mut model = BTreeSet::new();
            let mut due = [None; 50];
            for op in ops {
                match op {
                    Op::Insert(t, at) => {
                        prop_assert_eq!(queue.insert(at, timers[t].clone()).is_ok(), due[t].is_none());
                        if due[t].is_none() {
                            due[t] = Some(at);
                            model.insert((at, t));
                        }
                    }
                    Op::Remove(t) => {
                        prop_assert_eq!(queue.remove(&timers[t].0).is_some(), due[t].is_some());
                        if let Some(at) = due[t].take() {
                            model.remove(&(at, t));
                        }
                    }
                    Op::Expire(now) => {
                        let mut last = 0;
                        while let Some((at, timer)) = queue.pop_expired(now) {
                            prop_assert!(at >= last && at <= now);
                            last = at;
                            let t = timers.iter().position(|x| Arc::ptr_eq(x, &timer)).expect("ours");
                            prop_assert_eq!(due[t].take(), Some(at));
                            prop_assert!(model.remove(&(at, t)));
                        }
                        prop_assert!(model.iter().all(|(at, _)| *at > now));
                    }
                    Op::Grow(n) => drop(queue.grow_into(Vec::with_capacity(n))),
                }
                prop_assert_eq!(queue.earliest(), model.first().map(|(at, _)| *at));
                prop_assert_eq!(queue.len(), model.len());
                for (t, timer) in timers.iter().enumerate() {
                    prop_assert_eq!(timer.0.is_queued(), due[t].is_some());
                }
            }
        }
    }
}
