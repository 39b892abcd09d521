//! The nodes of the tree and the store of spare ones.
use crate::{SLOTS, slot_of};
use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ops::ControlFlow;
use reserved::Reserved;

/// A node in memory of its own; the array of one is what a fallible allocation yields.
pub(crate) type NodeBox<T> = Box<[Node<T>; 1]>;

pub(crate) struct Node<T> {
    /// Slots in use.
    count: u32,
    pub(crate) kind: Kind<T>,
}

pub(crate) enum Kind<T> {
    Leaf([Option<T>; SLOTS]),
    Inner([Option<NodeBox<T>>; SLOTS]),
}

/// Memory has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoMemory;

/// Nodes allocated ahead of an insertion.
pub struct Spare<T> {
    first: Option<NodeBox<T>>,
    more: Vec<NodeBox<T>>,
}

impl<T> Spare<T> {
    /// Without any node.
    pub const fn new() -> Self {
        Self {
            first: None,
            more: Vec::new(),
        }
    }

    /// Sees to it that it holds at least `nodes`.
    ///
    /// # Errors
    /// [`NoMemory`].
    pub fn reserve(&mut self, nodes: usize) -> Result<(), NoMemory> {
        if nodes > 0 && self.first.is_none() {
            self.first = Some(new_node()?);
        }
        if nodes > 1 {
            self.more.try_reserve(nodes - 1).map_err(|_| NoMemory)?;
        }
        while self.len() < nodes {
            self.more.push_reserved(new_node()?);
        }
        Ok(())
    }

    pub(crate) fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// A node for this height. The caller has counted.
    pub(crate) fn take(&mut self, height: u32) -> NodeBox<T> {
        let Some(mut node) = self.more.pop().or_else(|| self.first.take()) else {
            unreachable!("the nodes of an insertion were counted")
        };
        if height > 1 {
            node[0].kind = Kind::Inner([const { None }; SLOTS]);
        }
        node
    }
}

impl<T> Default for Spare<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn new_node<T>() -> Result<NodeBox<T>, NoMemory> {
    let mut one: Vec<Node<T>> = Vec::new();
    one.try_reserve_exact(1).map_err(|_| NoMemory)?;
    // Made where it stays: not on the stack first, and copied.
    one.resize_reserved(1, || Node {
        count: 0,
        kind: Kind::Leaf([const { None }; SLOTS]),
    });
    one.into_boxed_slice().try_into().map_err(|_| NoMemory)
}

impl<T> Node<T> {
    pub(crate) fn get_mut(&mut self, index: u64, height: u32) -> Option<&mut T> {
        match &mut self.kind {
            Kind::Leaf(slots) => slots[slot_of(index, 1)].as_mut(),
            Kind::Inner(slots) => {
                slots[slot_of(index, height)].as_mut()?[0].get_mut(index, height - 1)
            }
        }
    }

    pub(crate) fn insert(
        &mut self,
        index: u64,
        height: u32,
        value: T,
        spare: &mut Spare<T>,
    ) -> Option<T> {
        match &mut self.kind {
            Kind::Leaf(slots) => {
                let old = slots[slot_of(index, 1)].replace(value);
                self.count += u32::from(old.is_none());
                old
            }
            Kind::Inner(slots) => {
                let slot = &mut slots[slot_of(index, height)];
                if slot.is_none() {
                    self.count += 1;
                }
                let child = slot.get_or_insert_with(|| spare.take(height - 1));
                child[0].insert(index, height - 1, value, spare)
            }
        }
    }

    /// Takes the former root as the child of slot 0.
    pub(crate) fn adopt(&mut self, below: NodeBox<T>) {
        if let Kind::Inner(slots) = &mut self.kind {
            slots[0] = Some(below);
            self.count = 1;
        }
    }

    pub(crate) fn remove(&mut self, index: u64, height: u32) -> Option<T> {
        match &mut self.kind {
            Kind::Leaf(slots) => {
                let old = slots[slot_of(index, 1)].take();
                self.count -= u32::from(old.is_some());
                old
            }
            Kind::Inner(slots) => {
                let slot = &mut slots[slot_of(index, height)];
                let child = slot.as_mut()?;
                let old = child[0].remove(index, height - 1);
                if child[0].count == 0 {
                    *slot = None;
                    self.count -= 1;
                }
                old
            }
        }
    }

    /// The first entry at or after `from`; `base` is the index that this node starts at.
    pub(crate) fn next(&self, base: u64, from: u64, height: u32) -> Option<(u64, &T)> {
        let first = slot_of(from, height);
        match &self.kind {
            Kind::Leaf(slots) => (first..SLOTS).find_map(|slot| {
                slots[slot]
                    .as_ref()
                    .map(|entry| (base + slot as u64, entry))
            }),
            Kind::Inner(slots) => {
                let shift = crate::BITS * (height - 1);
                (first..SLOTS).find_map(|slot| {
                    let base = base + ((slot as u64) << shift);
                    let from = from.max(base);
                    slots[slot].as_ref()?[0].next(base, from, height - 1)
                })
            }
        }
    }

    /// Calls `f` with the entries at and after `from`, in order.
    pub(crate) fn for_each<'a, B>(
        &'a self,
        base: u64,
        from: u64,
        height: u32,
        f: &mut impl FnMut(u64, &'a T) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let first = slot_of(from, height);
        match &self.kind {
            Kind::Leaf(slots) => {
                for (slot, entry) in slots.iter().enumerate().skip(first) {
                    if let Some(entry) = entry {
                        f(base + slot as u64, entry)?;
                    }
                }
            }
            Kind::Inner(slots) => {
                let shift = crate::BITS * (height - 1);
                for (slot, child) in slots.iter().enumerate().skip(first) {
                    if let Some(child) = child {
                        let base = base + ((slot as u64) << shift);
                        child[0].for_each(base, from.max(base), height - 1, f)?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}
