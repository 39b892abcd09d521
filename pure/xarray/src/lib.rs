//! A radix tree from a 64-bit index to an entry, as Linux' XArray: the index of an inode's page cache, and of every
//! directory whose entries need stable places.
//!
//! Called by `pagecache` and `tmpfs`; calls nothing. A tree of 16-way nodes (small, since most files have few pages),
//! as high as its largest index needs; index 0 alone needs no node. Memory is the caller's affair: [`XArray::insert`]
//! takes nodes from a [`Spare`] that was filled before the caller took its spinlock, and says how many it lacks.
//!
//! Not synchronised: the owner keeps it under a lock.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod node;
#[cfg(test)]
mod tests;

use core::ops::ControlFlow;
use node::{Kind, NodeBox};
pub use node::{NoMemory, Spare};

/// log2 of the slots of a node.
const BITS: u32 = 4;
/// Slots of a node.
const SLOTS: usize = 1 << BITS;
/// Levels that a 64-bit index needs at most.
pub const MAX_HEIGHT: u32 = 64_u32.div_ceil(BITS);

/// The tree. See the crate's front page.
pub struct XArray<T> {
    root: Root<T>,
    len: usize,
}

enum Root<T> {
    /// Nothing, or the entry of index 0.
    Direct(Option<T>),
    /// A node of this height; height 1 is a leaf.
    Tree(u32, NodeBox<T>),
}

/// An insertion that found too few spare nodes: the value comes back, with the number of nodes it takes.
#[derive(Debug)]
pub struct NeedNodes<T> {
    /// What was to be inserted.
    pub value: T,
    /// How many nodes [`Spare::reserve`] has to hold.
    pub nodes: usize,
}

/// The largest index that a tree of this height holds.
const fn max_index(height: u32) -> u64 {
    if height >= MAX_HEIGHT {
        u64::MAX
    } else {
        (1 << (BITS * height)) - 1
    }
}

/// The slot of an index in a node of this height.
const fn slot_of(index: u64, height: u32) -> usize {
    (index >> (BITS * (height - 1))) as usize & (SLOTS - 1)
}

impl<T> XArray<T> {
    /// An empty tree.
    pub const fn new() -> Self {
        Self {
            root: Root::Direct(None),
            len: 0,
        }
    }

    /// Number of entries.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no entry.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry at `index`.
    pub fn get(&self, index: u64) -> Option<&T> {
        match &self.root {
            Root::Direct(entry) if index == 0 => entry.as_ref(),
            Root::Direct(_) => None,
            Root::Tree(height, _) if index > max_index(*height) => None,
            Root::Tree(height, root) => {
                let (mut height, mut node) = (*height, root);
                loop {
                    match &node[0].kind {
                        Kind::Leaf(slots) => return slots[slot_of(index, 1)].as_ref(),
                        Kind::Inner(slots) => node = slots[slot_of(index, height)].as_ref()?,
                    }
                    height -= 1;
                }
            }
        }
    }

    /// The entry at `index`, to be changed.
    pub fn get_mut(&mut self, index: u64) -> Option<&mut T> {
        match &mut self.root {
            Root::Direct(entry) if index == 0 => entry.as_mut(),
            Root::Direct(_) => None,
            Root::Tree(height, _) if index > max_index(*height) => None,
            Root::Tree(height, root) => root[0].get_mut(index, *height),
        }
    }

    /// Puts `value` at `index` and returns what was there.
    ///
    /// # Errors
    /// [`NeedNodes`] when `spare` holds too few nodes; nothing has changed then.
    pub fn insert(
        &mut self,
        index: u64,
        value: T,
        spare: &mut Spare<T>,
    ) -> Result<Option<T>, NeedNodes<T>> {
        let nodes = self.nodes_needed(index);
        if nodes > spare.len() {
            return Err(NeedNodes { value, nodes });
        }
        if index == 0
            && let Root::Direct(entry) = &mut self.root
        {
            let old = entry.replace(value);
            self.len += usize::from(old.is_none());
            return Ok(old);
        }
        self.grow(index, spare);
        let Root::Tree(height, root) = &mut self.root else {
            unreachable!("grown above")
        };
        let old = root[0].insert(index, *height, value, spare);
        self.len += usize::from(old.is_none());
        Ok(old)
    }

    /// [`insert`](Self::insert) that allocates by itself.
    ///
    /// # Errors
    /// [`NoMemory`]; nothing has changed then.
    pub fn insert_alloc(&mut self, index: u64, value: T) -> Result<Option<T>, NoMemory> {
        let mut spare = Spare::new();
        spare.reserve(self.nodes_needed(index))?;
        self.insert(index, value, &mut spare).map_err(|_| NoMemory)
    }

    /// Takes the entry at `index` out; nodes that become empty are freed.
    pub fn remove(&mut self, index: u64) -> Option<T> {
        let removed = match &mut self.root {
            Root::Direct(entry) if index == 0 => entry.take(),
            Root::Direct(_) => None,
            Root::Tree(height, _) if index > max_index(*height) => None,
            Root::Tree(height, root) => root[0].remove(index, *height),
        };
        if removed.is_some() {
            self.len -= 1;
            if self.len == 0 {
                self.root = Root::Direct(None);
            }
        }
        removed
    }

    /// The first entry at or after `from`, with its index.
    pub fn next(&self, from: u64) -> Option<(u64, &T)> {
        match &self.root {
            Root::Direct(entry) if from == 0 => entry.as_ref().map(|e| (0, e)),
            Root::Direct(_) => None,
            Root::Tree(height, _) if from > max_index(*height) => None,
            Root::Tree(height, root) => root[0].next(0, from, *height),
        }
    }

    /// Calls `f` with the entries at and after `from` in order, until it breaks. Cheaper per entry than
    /// [`next`](Self::next).
    pub fn for_each_from<'a, B>(
        &'a self,
        from: u64,
        mut f: impl FnMut(u64, &'a T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        match &self.root {
            Root::Direct(Some(entry)) if from == 0 => f(0, entry),
            Root::Direct(_) => ControlFlow::Continue(()),
            Root::Tree(height, _) if from > max_index(*height) => ControlFlow::Continue(()),
            Root::Tree(height, root) => root[0].for_each(0, from, *height, &mut f),
        }
    }

    /// The first index at or after `from`, up to `last`, without an entry.
    pub fn next_free(&self, from: u64, last: u64) -> Option<u64> {
        let mut index = from;
        while index <= last {
            if self.get(index).is_none() {
                return Some(index);
            }
            index = index.checked_add(1)?;
        }
        None
    }

    /// Takes the first entry at or after `from` out.
    pub fn pop_from(&mut self, from: u64) -> Option<(u64, T)> {
        let index = self.next(from)?.0;
        self.remove(index).map(|entry| (index, entry))
    }

    /// All entries in order of index.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter {
            array: self,
            from: Some(0),
        }
    }

    fn nodes_needed(&self, index: u64) -> usize {
        let (mut height, mut node) = match &self.root {
            Root::Direct(_) if index == 0 => return 0,
            Root::Direct(None) => return height_for(index) as usize,
            // The entry of index 0 needs a path of its own down to where the two part.
            Root::Direct(Some(_)) => {
                let height = height_for(index);
                return if height == 1 {
                    1
                } else {
                    2 * height as usize - 1
                };
            }
            Root::Tree(height, root) => (*height, root),
        };
        if index > max_index(height) {
            let wanted = height_for(index);
            // Every new level has a node; below the topmost one the new index has its own path.
            return (wanted - height) as usize + (wanted - 1) as usize;
        }
        while let Kind::Inner(slots) = &node[0].kind {
            match &slots[slot_of(index, height)] {
                Some(child) => node = child,
                None => return height as usize - 1,
            }
            height -= 1;
        }
        0
    }

    /// Makes the tree high enough for `index`.
    fn grow(&mut self, index: u64, spare: &mut Spare<T>) {
        let wanted = height_for(index);
        if let Root::Direct(entry) = &mut self.root {
            let entry = entry.take();
            let mut node = spare.take(wanted);
            if let Some(entry) = entry {
                let _ = node[0].insert(0, wanted, entry, spare);
            }
            self.root = Root::Tree(wanted, node);
            return;
        }
        let Root::Tree(height, _) = &self.root else {
            unreachable!("just looked")
        };
        for height in *height + 1..=wanted {
            let above = spare.take(height);
            let Root::Tree(h, root) = &mut self.root else {
                unreachable!("just looked")
            };
            let below = core::mem::replace(root, above);
            root[0].adopt(below);
            *h = height;
        }
    }
}

/// The height that holds `index`, at least 1.
const fn height_for(index: u64) -> u32 {
    let bits = 64 - index.leading_zeros();
    if bits == 0 { 1 } else { bits.div_ceil(BITS) }
}

impl<T> Default for XArray<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// See [`XArray::iter`].
pub struct Iter<'a, T> {
    array: &'a XArray<T>,
    from: Option<u64>,
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = (u64, &'a T);

    fn next(&mut self) -> Option<Self::Item> {
        let found = self.array.next(self.from?)?;
        self.from = found.0.checked_add(1);
        Some(found)
    }
}

impl<'a, T> IntoIterator for &'a XArray<T> {
    type Item = (u64, &'a T);
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}
