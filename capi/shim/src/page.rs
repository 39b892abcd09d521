//! A page for the text of an attribute.
use abi::{Errno, PAGE_SIZE, Result};
use alloc::alloc::{alloc_zeroed, dealloc};
use core::alloc::Layout;
use core::ptr::NonNull;

const LAYOUT: Layout = match Layout::from_size_align(PAGE_SIZE, PAGE_SIZE) {
    Ok(layout) => layout,
    Err(_) => panic!("a page has a size"),
};

/// The page; modules get its address.
pub(crate) struct Page(NonNull<u8>);

impl Page {
    /// A page of zeros. ENOMEM.
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: the size is not 0.
        let page = unsafe { alloc_zeroed(LAYOUT) };
        NonNull::new(page).map(Self).ok_or(Errno::ENOMEM)
    }

    /// One that begins with `text`, which is shorter than a page.
    pub(crate) fn with(text: &[u8]) -> Result<Self> {
        let page = Self::new()?;
        let len = text.len().min(PAGE_SIZE - 1);
        // SAFETY: the page is ours, and nobody else knows of it yet.
        unsafe { core::ptr::copy_nonoverlapping(text.as_ptr(), page.0.as_ptr(), len) };
        Ok(page)
    }

    pub(crate) fn address(&self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Its first bytes. Whoever wrote them writes no more.
    pub(crate) fn bytes(&self, len: usize) -> &[u8] {
        // SAFETY: within the page, which lives as long as the slice; the module's call has returned.
        unsafe { core::slice::from_raw_parts(self.0.as_ptr(), len.min(PAGE_SIZE)) }
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.0.as_ptr(), LAYOUT) }
    }
}
