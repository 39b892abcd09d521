//! Buddy allocation of page frames: the policy, without memory.
//!
//! Blocks of 2^order pages, aligned to their size; a freed block merges with its buddy (the page number with bit
//! `order` flipped) as long as that is free too. Free blocks of one order form a doubly linked list whose links live in
//! the pages' metadata, which the caller lends through [`Store`]: kmem has an array of 64 bytes per page, the tests a
//! vector.
//!
//! Metadata of pages that never headed a block is never read, so that it need not be initialised, provided that what
//! lies between the added ranges and the next multiple of [`MAX_BLOCK`] pages says "not free".
//!
//! Called by `kmem::frame`. Specification: D. Knuth, The Art of Computer Programming 2.5, algorithms R and S.
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

#[cfg(test)]
extern crate std;
#[cfg(test)]
mod tests;

/// Largest order: blocks of 1,024 pages, 4 MiB.
pub const MAX_ORDER: u8 = 10;
/// How many orders there are.
pub const ORDERS: usize = MAX_ORDER as usize + 1;
/// Pages of the largest block.
pub const MAX_BLOCK: u32 = 1 << MAX_ORDER;
/// How many free blocks [`Buddy::alloc_below`] looks at.
pub const MOST_LOOKS: u32 = 4096;
/// "No page", in links.
pub const NONE: u32 = u32::MAX;

/// Where links and marks of free blocks are kept. Page numbers are those given to [`Buddy`].
pub trait Store {
    /// The next block on the list that `page` heads a block on.
    fn next(&self, page: u32) -> u32;
    /// The previous one.
    fn prev(&self, page: u32) -> u32;
    /// Sets the next one.
    fn set_next(&mut self, page: u32, next: u32);
    /// Sets the previous one.
    fn set_prev(&mut self, page: u32, prev: u32);
    /// The order of the free block that `page` heads, `None` if it heads none.
    fn free_order(&self, page: u32) -> Option<u8>;
    /// Marks `page` as head of a free block, or as none.
    fn set_free_order(&mut self, page: u32, order: Option<u8>);
}

/// What is wrong with a block given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreeError {
    /// Outside of the managed pages, or not aligned to its size.
    NotABlock,
    /// It is free already.
    DoubleFree,
}

/// The free lists of one zone.
#[derive(Debug)]
pub struct Buddy {
    heads: [u32; ORDERS],
    blocks: [u32; ORDERS],
    free: usize,
    /// All pages below this number may be asked for in the store.
    limit: u32,
}

impl Default for Buddy {
    fn default() -> Self {
        Self::new()
    }
}

impl Buddy {
    /// Nothing free.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            heads: [NONE; ORDERS],
            blocks: [0; ORDERS],
            free: 0,
            limit: 0,
        }
    }

    /// Free pages.
    #[must_use]
    #[inline]
    pub const fn free_pages(&self) -> usize {
        self.free
    }
    /// Free blocks of an order; 0 beyond the largest.
    #[must_use]
    pub fn free_blocks(&self, order: u8) -> usize {
        self.blocks
            .get(usize::from(order))
            .map_or(0, |&n| n as usize)
    }

    /// Pages up to `end` may be given back later though they were never added: boot memory, the initrd.
    pub fn reserve_up_to(&mut self, end: u32) {
        self.limit = self.limit.max(end);
    }

    /// Adds the pages `first..end` as free memory, in the largest blocks that fit.
    pub fn add_range(&mut self, store: &mut impl Store, first: u32, end: u32) {
        self.limit = self.limit.max(end);
        let mut page = first;
        while page < end {
            let aligned = if page == 0 {
                MAX_ORDER
            } else {
                page.trailing_zeros() as u8
            };
            let fits = (end - page).ilog2() as u8;
            let order = aligned.min(fits).min(MAX_ORDER);
            self.insert(store, page, order);
            page += 1 << order;
        }
    }

    /// Takes a block of 2^order pages; returns its first page.
    #[inline]
    pub fn alloc(&mut self, store: &mut impl Store, order: u8) -> Option<u32> {
        let found = (usize::from(order)..ORDERS).find(|&o| self.heads[o] != NONE)?;
        Some(self.carve(store, self.heads[found], found as u8, order))
    }

    /// The same of the pages below `end`: for devices that reach no others. Looks at the largest blocks first, of which there
    /// are few, and at [`MOST_LOOKS`] in all.
    pub fn alloc_below(&mut self, store: &mut impl Store, order: u8, end: u32) -> Option<u32> {
        let mut looks = MOST_LOOKS;
        for at in (order..=MAX_ORDER).rev() {
            let mut page = self.heads[usize::from(at)];
            while page != NONE && looks != 0 {
                if page
                    .checked_add(1 << order)
                    .is_some_and(|after| after <= end)
                {
                    return Some(self.carve(store, page, at, order));
                }
                page = store.next(page);
                looks -= 1;
            }
        }
        None
    }

    /// Takes the first 2^order pages of a free block of the order `at`.
    #[inline]
    fn carve(&mut self, store: &mut impl Store, page: u32, mut at: u8, order: u8) -> u32 {
        self.remove(store, page, at);
        // The upper halves that are not needed go back, largest first.
        while at > order {
            at -= 1;
            self.insert(store, page + (1 << at), at);
        }
        page
    }

    /// Gives a block back.
    pub fn free(&mut self, store: &mut impl Store, page: u32, order: u8) -> Result<(), FreeError> {
        let size = 1u32 << order.min(MAX_ORDER);
        if order > MAX_ORDER || page >= self.limit || page & (size - 1) != 0 {
            return Err(FreeError::NotABlock);
        }
        if store.free_order(page).is_some() {
            return Err(FreeError::DoubleFree);
        }
        let (mut page, mut order) = (page, order);
        while order < MAX_ORDER {
            let buddy = page ^ (1 << order);
            if buddy >= self.limit || store.free_order(buddy) != Some(order) {
                break;
            }
            self.remove(store, buddy, order);
            page &= !(1 << order);
            order += 1;
        }
        self.insert(store, page, order);
        Ok(())
    }

    fn insert(&mut self, store: &mut impl Store, page: u32, order: u8) {
        let o = usize::from(order);
        let head = self.heads[o];
        store.set_next(page, head);
        store.set_prev(page, NONE);
        store.set_free_order(page, Some(order));
        if head != NONE {
            store.set_prev(head, page);
        }
        self.heads[o] = page;
        self.blocks[o] += 1;
        self.free += 1 << order;
    }

    fn remove(&mut self, store: &mut impl Store, page: u32, order: u8) {
        let (next, prev) = (store.next(page), store.prev(page));
        if prev == NONE {
            self.heads[usize::from(order)] = next;
        } else {
            store.set_next(prev, next);
        }
        if next != NONE {
            store.set_prev(next, prev);
        }
        store.set_free_order(page, None);
        self.blocks[usize::from(order)] -= 1;
        self.free -= 1 << order;
    }
}
