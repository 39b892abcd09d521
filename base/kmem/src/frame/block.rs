//! Blocks of 2^order pages in a row, for what needs physical contiguity: rings, large slabs.
use super::{Gfp, Kind, NO_MEMORY, alloc_order, free_order};
use crate::charge::{self, Charge};
use crate::machine;
use abi::Result;
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};

/// 2^order pages in a row, owned by the kernel; freed when dropped.
#[derive(Debug)]
pub struct Block {
    first: Pfn,
    order: u8,
}

/// A block of 2^order pages, zeroed if `gfp` says so. ENOMEM: also when memory is in smaller pieces or `order` > 10.
pub fn alloc_block(order: u8, gfp: Gfp) -> Result<Block> {
    if order > buddy::MAX_ORDER {
        return Err(NO_MEMORY);
    }
    let first = alloc_order(order, gfp, Kind::Block).ok_or(NO_MEMORY)?;
    charge::charge(Charge::Kernel, 1 << order);
    Ok(Block { first, order })
}

impl Block {
    /// Physical address of its start.
    pub fn paddr(&self) -> PhysAddr {
        PhysAddr::from_pfn(self.first)
    }
    /// log2 of its size in pages.
    pub fn order(&self) -> u8 {
        self.order
    }
    /// Its size in bytes.
    pub fn len(&self) -> usize {
        PAGE_SIZE << self.order
    }
    /// A block is never empty.
    pub fn is_empty(&self) -> bool {
        false
    }
    fn ptr(&self) -> *mut u8 {
        machine::phys_to_virt(self.paddr())
    }
    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: owned, in the direct map, initialised memory of this length.
        unsafe { core::slice::from_raw_parts(self.ptr(), self.len()) }
    }
    /// Its content.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.ptr(), self.len()) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        charge::charge(Charge::Kernel, -(1isize << self.order));
        free_order(self.first, self.order);
    }
}
