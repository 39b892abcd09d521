//! Blocks of 2^order pages in a row, for what needs physical contiguity: rings, large slabs.
use super::{Frame, Gfp, Kind, NO_MEMORY, alloc_order, free_order, release_page};
use crate::charge::{self, Charge};
use crate::machine;
use abi::Result;
use core::mem::ManuallyDrop;
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use sync::Once;

/// 2^order pages in a row, owned by the kernel; freed when dropped.
pub struct Block {
    first: Pfn,
    order: u8,
    /// Its pages have counts of their own: a handle of one was given away.
    counted: Once<()>,
}

/// A block of 2^order pages, zeroed if `gfp` says so. ENOMEM: also when memory is in smaller pieces or `order` > 10.
pub fn alloc_block(order: u8, gfp: Gfp) -> Result<Block> {
    if order > buddy::MAX_ORDER {
        return Err(NO_MEMORY);
    }
    let first = alloc_order(order, gfp, Kind::Block).ok_or(NO_MEMORY)?;
    charge::charge(Charge::Kernel, 1 << order);
    Ok(Block {
        first,
        order,
        counted: Once::new(),
    })
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
    /// A handle of one of its pages, counted from the first: the page lasts as long as that does, whatever becomes of the
    /// block. Panics when the block has no such page.
    #[track_caller]
    pub fn frame(&self, page: usize) -> Frame {
        let count = 1 << self.order;
        assert!(page < count, "beyond the block: {page}");
        self.counted.get_or_init(|| {
            for page in 1..count {
                // SAFETY: metadata lives forever, and that of pages behind the first is nobody's yet.
                unsafe { machine::meta_of(self.first + page).as_ref() }.reset(Kind::Block as u32);
            }
        });
        // SAFETY: the block has a reference to each of its pages, which stays with it.
        let own = unsafe { Frame::from_meta(machine::meta_of(self.first + page)) };
        Frame::clone(&ManuallyDrop::new(own))
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
        if self.counted.get().is_none() {
            return free_order(self.first, self.order);
        }
        for page in 0..1 << self.order {
            release_page(machine::meta_of(self.first + page));
        }
    }
}

impl core::fmt::Debug for Block {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Block({:#x}, order {})", self.paddr().0, self.order)
    }
}
