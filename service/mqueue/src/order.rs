//! Values by rank: the highest first, and first in first out within one rank. A binary heap that never allocates when a
//! value is put in: room is made beforehand, without the lock that guards it.
use alloc::vec::Vec;
use kmem::Reserved;

struct Entry<T> {
    rank: u32,
    /// Grows from entry to entry: who came first.
    number: u64,
    value: T,
}

impl<T> Entry<T> {
    /// Whether this comes out before the other.
    const fn before(&self, other: &Self) -> bool {
        self.rank > other.rank || (self.rank == other.rank && self.number < other.number)
    }
}

/// See the head of the module.
pub(crate) struct Ordered<T> {
    heap: Vec<Entry<T>>,
    next: u64,
}

/// Room for an [`Ordered`], or what is left of old room, to be freed without the lock.
pub(crate) struct Room<T>(Vec<Entry<T>>);

impl<T> Room<T> {
    /// Room for `count` values. ENOMEM.
    pub(crate) fn new(count: usize) -> abi::Result<Self> {
        kmem::TryVec::try_with_capacity(count).map(Self)
    }
}

impl<T> Ordered<T> {
    /// Empty, without room.
    pub(crate) const fn new() -> Self {
        Self {
            heap: Vec::new(),
            next: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether one more fits.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.heap.len() < self.heap.capacity()
    }

    /// How many it should have room for when one more does not fit.
    pub(crate) fn roomier(&self) -> usize {
        (self.heap.capacity() * 2).max(4)
    }

    /// Moves into other room if that is larger; gives back what it does not need any more.
    pub(crate) fn grow_into(&mut self, mut room: Room<T>) -> Room<T> {
        if room.0.capacity() > self.heap.capacity() {
            room.0.append_reserved(&mut self.heap);
            core::mem::swap(&mut self.heap, &mut room.0);
        }
        room
    }

    /// Puts a value in, for which there is room.
    #[inline]
    pub(crate) fn push(&mut self, rank: u32, value: T) {
        let entry = Entry {
            rank,
            number: self.next,
            value,
        };
        self.next += 1;
        self.heap.push_reserved(entry);
        self.up(self.heap.len() - 1);
    }

    /// Takes the first out.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<T> {
        if self.heap.is_empty() {
            return None;
        }
        let first = self.heap.swap_remove(0);
        self.down(0);
        Some(first.value)
    }

    /// Takes out the one value that is meant.
    pub(crate) fn remove(&mut self, mut meant: impl FnMut(&T) -> bool) -> Option<T> {
        let at = self.heap.iter().position(|entry| meant(&entry.value))?;
        let found = self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.up(at);
            self.down(at);
        }
        Some(found.value)
    }

    fn up(&mut self, mut at: usize) {
        while at > 0 {
            let parent = (at - 1) / 2;
            if !self.heap[at].before(&self.heap[parent]) {
                return;
            }
            self.heap.swap(at, parent);
            at = parent;
        }
    }

    fn down(&mut self, mut at: usize) {
        loop {
            let left = 2 * at + 1;
            if left >= self.heap.len() {
                return;
            }
            let right = left + 1;
            let first = match right < self.heap.len() && self.heap[right].before(&self.heap[left]) {
                true => right,
                false => left,
            };
            if !self.heap[first].before(&self.heap[at]) {
                return;
            }
            self.heap.swap(at, first);
            at = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    #[derive(Clone, Debug)]
    enum Step {
        Push(u32),
        Pop,
        Remove(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..5u32).prop_map(Step::Push),
            Just(Step::Pop),
            (0..40usize).prop_map(Step::Remove),
        ]
    }

    proptest! {
        /// Against a sorted map from (what comes first, when it came) to the value.
        #[test]
        fn as_a_sorted_map(steps in proptest::collection::vec(step(), 0..200)) {
            let mut ours = Ordered::new();
            let mut model = BTreeMap::new();
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(rank) => {
                        if !ours.has_room() {
                            drop(ours.grow_into(Room::new(ours.roomier()).unwrap()));
                        }
                        ours.push(rank, number);
                        model.insert((u32::MAX - rank, number), number);
                    }
                    Step::Pop => {
                        prop_assert_eq!(ours.pop(), model.pop_first().map(|(_, value)| value));
                    }
                    Step::Remove(wanted) => {
                        let key = model.iter().find(|(_, v)| **v == wanted).map(|(key, _)| *key);
                        let there = key.and_then(|key| model.remove(&key));
                        prop_assert_eq!(ours.remove(|value| *value == wanted), there);
                    }
                }
                prop_assert_eq!(ours.len(), model.len());
            }
            while let Some((_, value)) = model.pop_first() {
                prop_assert_eq!(ours.pop(), Some(value));
            }
            prop_assert!(ours.pop().is_none());
        }
    }

    #[test]
    fn smaller_room_changes_nothing() {
        let mut ours = Ordered::new();
        drop(ours.grow_into(Room::new(4).unwrap()));
        ours.push(1, 'a');
        drop(ours.grow_into(Room::new(1).unwrap()));
        assert!(ours.has_room());
        assert_eq!(ours.pop(), Some('a'));
    }
}
