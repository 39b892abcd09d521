//! Blocks of the kernel's own size classes, as words of the ledger describe them.
use alloc::alloc::{alloc, alloc_zeroed, dealloc};
use core::alloc::Layout;

/// Bytes behind a guarded block.
pub(crate) const ZONE: usize = 16;
/// In the word of the alignment: the block is guarded.
const GUARDED: usize = 1;

/// Whether a block of these words (size, alignment and marks) has a zone behind it.
pub(crate) const fn is_guarded([_, align]: [usize; 2]) -> bool {
    align & GUARDED != 0
}

/// The words of a block.
pub(crate) const fn words(size: usize, align: usize, guarded: bool) -> [usize; 2] {
    [size, if guarded { align | GUARDED } else { align }]
}

fn layout(words: [usize; 2]) -> Option<Layout> {
    let zone = if is_guarded(words) { ZONE } else { 0 };
    Layout::from_size_align(words[0] + zone, words[1] & !GUARDED).ok()
}

/// A fresh block; 0: there is no memory. Its size is not 0.
pub(crate) fn take(words: [usize; 2], zeroed: bool) -> usize {
    let Some(layout) = layout(words).filter(|layout| layout.size() != 0) else {
        return 0;
    };
    // SAFETY: the size is not 0.
    let block = unsafe {
        if zeroed {
            alloc_zeroed(layout)
        } else {
            alloc(layout)
        }
    };
    block as usize
}

/// Frees a block that the ledger had with these words, and has no more.
pub(crate) fn release(address: usize, words: [usize; 2]) {
    if let Some(layout) = layout(words) {
        // SAFETY: the ledger had the block with this layout, and has it no more.
        unsafe { dealloc(address as *mut u8, layout) }
    }
}
