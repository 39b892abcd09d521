//! A binary heap by a wrapping key, in memory that it was given.
use alloc::vec::Vec;
use reserved::Reserved;

/// A queued handle with its key.
#[derive(Debug)]
pub struct Entry<H> {
    key: u64,
    item: H,
}

/// Least key first, by distance on the circle of 64-bit numbers.
pub(crate) struct Heap<H> {
    entries: Vec<Entry<H>>,
}

#[inline]
pub(crate) const fn before(a: u64, b: u64) -> bool {
    (a.wrapping_sub(b) as i64) < 0
}

impl<H> Heap<H> {
    pub(crate) const fn new() -> Self {
        Self {
            entries: Vec::new(),
        }
    }
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }
    pub(crate) fn capacity(&self) -> usize {
        self.entries.capacity()
    }
    pub(crate) fn grow_into(&mut self, mut roomier: Vec<Entry<H>>) -> Vec<Entry<H>> {
        if roomier.is_empty() && roomier.capacity() > self.entries.capacity() {
            roomier.append_reserved(&mut self.entries);
            core::mem::swap(&mut self.entries, &mut roomier);
        }
        roomier
    }
    #[inline]
    pub(crate) fn least(&self) -> Option<u64> {
        self.entries.first().map(|entry| entry.key)
    }
    pub(crate) fn first(&self) -> Option<&H> {
        self.entries.first().map(|entry| &entry.item)
    }

    /// Gives the handle back when there is no room.
    #[inline]
    pub(crate) fn push(&mut self, key: u64, item: H) -> Result<(), H> {
        if self.entries.len() == self.entries.capacity() {
            return Err(item);
        }
        // Room was checked: this push does not allocate.
        self.entries.push_reserved(Entry { key, item });
        self.sift_up(self.entries.len() - 1);
        Ok(())
    }

    #[inline]
    pub(crate) fn pop(&mut self) -> Option<H> {
        if self.entries.is_empty() {
            None
        } else {
            Some(self.take(0))
        }
    }

    /// Takes out the last (thus rather late) entry that `wanted` accepts.
    pub(crate) fn take_where(&mut self, mut wanted: impl FnMut(&H) -> bool) -> Option<H> {
        let index = self.entries.iter().rposition(|entry| wanted(&entry.item))?;
        Some(self.take(index))
    }

    fn take(&mut self, index: usize) -> H {
        let entry = self.entries.swap_remove(index);
        if index < self.entries.len() {
            let index = self.sift_up(index);
            self.sift_down(index);
        }
        entry.item
    }

    fn sift_up(&mut self, mut index: usize) -> usize {
        while index > 0 {
            let parent = (index - 1) / 2;
            if !before(self.entries[index].key, self.entries[parent].key) {
                break;
            }
            self.entries.swap(parent, index);
            index = parent;
        }
        index
    }

    fn sift_down(&mut self, mut index: usize) {
        loop {
            let left = 2 * index + 1;
            if left >= self.entries.len() {
                return;
            }
            let right = left + 1;
            let least = if right < self.entries.len()
                && before(self.entries[right].key, self.entries[left].key)
            {
                right
            } else {
                left
            };
            if !before(self.entries[least].key, self.entries[index].key) {
                return;
            }
            self.entries.swap(index, least);
            index = least;
        }
    }
}
