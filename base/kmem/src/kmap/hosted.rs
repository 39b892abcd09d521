//! Hosted: the host's allocator plays the kernel's own mappings.
use core::alloc::Layout;
use hal::addr::{PAGE_SIZE, Pfn};

/// Memory of the window: by its offset, from the host's allocator.
static WINDOW: std::sync::Mutex<std::collections::BTreeMap<usize, (usize, Layout)>> =
    std::sync::Mutex::new(std::collections::BTreeMap::new());

pub(crate) fn map_kernel(offset: usize, pages: usize, _zeroed: bool) -> Option<()> {
    let layout = Layout::from_size_align(pages * PAGE_SIZE, PAGE_SIZE).ok()?;
    // SAFETY: the size is not zero.
    let at = unsafe { std::alloc::alloc_zeroed(layout) } as usize;
    WINDOW.lock().ok()?.insert(offset, (at, layout));
    (at != 0).then_some(())
}
pub(crate) fn unmap_kernel(offset: usize, _pages: usize) {
    let area = WINDOW.lock().ok().and_then(|mut w| w.remove(&offset));
    if let Some((at, layout)) = area {
        // SAFETY: it was allocated so, and its user is gone.
        unsafe { std::alloc::dealloc(at as *mut u8, layout) };
    }
}
/// There are no tables here.
pub(crate) const LEAF_SPAN: usize = PAGE_SIZE * 512;
pub(crate) fn unlink_leaf(_offset: usize) -> Option<Pfn> {
    None
}
pub(crate) fn free_leaf(_table: Pfn) {}
pub(crate) fn kernel_ptr(offset: usize) -> *mut u8 {
    WINDOW
        .lock()
        .ok()
        .and_then(|w| w.get(&offset).map(|a| a.0))
        .unwrap_or(0) as *mut u8
}
