//! A list in one vector: ordered, O(1) to append and to remove by handle, no allocation once grown.
//!
//! Children of a process, threads of a group and members of a process group live in such lists: the owner remembers
//! the handle that [`List::push_back`] gave it. The vector keeps its size until [`List::release`], so that a load
//! that repeats allocates the same memory again and again, which makes leaks countable.
use abi::{Errno, Result};
use alloc::vec::Vec;
use kmem::Reserved;

/// Handle of an element; valid until that element is removed.
pub type Handle = u32;
/// A handle that no list gives out.
pub const NONE: Handle = u32::MAX;

struct Entry<T> {
    value: Option<T>,
    prev: Handle,
    next: Handle,
}

/// The list; see the module's front page.
pub struct List<T> {
    entries: Vec<Entry<T>>,
    head: Handle,
    tail: Handle,
    free: Handle,
    len: u32,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> List<T> {
    /// An empty list, without memory.
    pub const fn new() -> Self {
        Self {
            entries: Vec::new(),
            head: NONE,
            tail: NONE,
            free: NONE,
            len: 0,
        }
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes room for one more element, so that the next [`Self::push_back`] cannot fail.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub fn reserve_one(&mut self) -> Result<()> {
        if self.free != NONE || self.entries.len() < self.entries.capacity() {
            return Ok(());
        }
        self.entries.try_reserve(1).map_err(|_| Errno::ENOMEM)
    }

    /// Appends an element.
    ///
    /// # Errors
    /// `ENOMEM`; never after a successful [`Self::reserve_one`].
    pub fn push_back(&mut self, value: T) -> Result<Handle> {
        self.reserve_one()?;
        let entry = Entry {
            value: Some(value),
            prev: self.tail,
            next: NONE,
        };
        let at = if self.free == NONE {
            self.entries.push_reserved(entry);
            (self.entries.len() - 1) as Handle
        } else {
            let at = self.free;
            self.free = self.entries[at as usize].next;
            self.entries[at as usize] = entry;
            at
        };
        match self.tail {
            NONE => self.head = at,
            tail => self.entries[tail as usize].next = at,
        }
        self.tail = at;
        self.len += 1;
        Ok(at)
    }

    /// Takes an element out; `None` if the handle names none.
    pub fn remove(&mut self, at: Handle) -> Option<T> {
        let entry = self.entries.get_mut(at as usize)?;
        let value = entry.value.take()?;
        let (prev, next) = (entry.prev, entry.next);
        entry.next = self.free;
        self.free = at;
        match prev {
            NONE => self.head = next,
            prev => self.entries[prev as usize].next = next,
        }
        match next {
            NONE => self.tail = prev,
            next => self.entries[next as usize].prev = prev,
        }
        self.len -= 1;
        Some(value)
    }

    /// Takes the first element out.
    pub fn pop_front(&mut self) -> Option<T> {
        self.remove(self.head)
    }

    /// The element of a handle.
    pub fn get(&self, at: Handle) -> Option<&T> {
        self.entries.get(at as usize)?.value.as_ref()
    }

    /// The first element.
    pub fn front(&self) -> Option<&T> {
        self.get(self.head)
    }

    /// The element that follows that of a handle.
    pub fn after(&self, at: Handle) -> Option<&T> {
        self.get(self.entries.get(at as usize)?.next)
    }

    /// All elements in the order they were appended.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter {
            list: self,
            at: self.head,
        }
    }

    /// All elements in that order, with their handles.
    pub fn handles(&self) -> impl Iterator<Item = (Handle, &T)> {
        let mut at = self.head;
        core::iter::from_fn(move || {
            let (handle, entry) = (at, self.entries.get(at as usize)?);
            at = entry.next;
            entry.value.as_ref().map(|value| (handle, value))
        })
    }

    /// Gives the memory back if nothing is in it.
    pub fn release(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }
}

/// Iterator of [`List::iter`].
pub struct Iter<'a, T> {
    list: &'a List<T>,
    at: Handle,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;
    fn next(&mut self) -> Option<&'a T> {
        let entry = self.list.entries.get(self.at as usize)?;
        self.at = entry.next;
        entry.value.as_ref()
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;
    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(list: &List<u32>) -> Vec<u32> {
        list.iter().copied().collect()
    }

    #[test]
    fn keeps_order_and_reuses_entries() {
        let mut list = List::new();
        let handles: Vec<_> = (0..5).map(|v| list.push_back(v).unwrap()).collect();
        assert_eq!(list.remove(handles[2]), Some(2));
        assert_eq!(list.remove(handles[2]), None);
        assert_eq!(contents(&list), [0, 1, 3, 4]);
        assert_eq!(list.push_back(9).unwrap(), handles[2]);
        assert_eq!(contents(&list), [0, 1, 3, 4, 9]);
        assert_eq!(list.after(handles[1]), Some(&3));
        assert!(
            list.handles()
                .all(|(at, value)| list.get(at) == Some(value))
        );
        assert_eq!(list.pop_front(), Some(0));
        assert_eq!(list.remove(handles[4]), Some(4));
        assert_eq!(contents(&list), [1, 3, 9]);
        assert_eq!(list.len(), 3);
    }

    #[test]
    fn empties_completely() {
        let mut list = List::new();
        for v in 0..100u32 {
            list.push_back(v).unwrap();
        }
        while list.pop_front().is_some() {}
        assert!(list.is_empty());
        assert_eq!(list.iter().count(), 0);
        list.push_back(7).unwrap();
        assert_eq!(contents(&list), [7]);
    }
}
