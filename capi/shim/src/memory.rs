//! `linux/slab.h`: kmalloc and its kin, on the kernel's own size classes.
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use alloc::alloc::{alloc, alloc_zeroed, dealloc};
use core::alloc::Layout;

/// `___GFP_ZERO`.
const GFP_ZERO: u32 = 0x100;
/// Largest block (`KMALLOC_MAX_SIZE`).
const LARGEST: usize = 4 << 20;
/// What `kmalloc(0)` gives: not NULL, and nothing may be read there.
const ZERO_SIZE: usize = 16;

/// Memory from `kmalloc` and its kin; the words are size and alignment.
pub(crate) static MEMORY: Kind = Kind {
    name: "memory",
    give_back,
};

/// Memory that the kernel took for a module: given back with it, without a word.
pub(crate) static FOR_MODULE: Kind = Kind {
    name: "",
    give_back,
};

#[expect(
    clippy::needless_pass_by_value,
    reason = "every kind of resource has this face"
)]
fn give_back(address: usize, resource: Resource) {
    release(address, resource.words);
}

/// Frees a block that the ledger had with these words, and has no more.
pub(crate) fn release(address: usize, [size, align]: [usize; 2]) {
    if let Ok(layout) = Layout::from_size_align(size, align) {
        // SAFETY: the ledger had the block with this layout, and has it no more.
        unsafe { dealloc(address as *mut u8, layout) }
    }
}

/// A block, noted in the ledger as of `kind`. 0: there is no memory.
pub(crate) fn take_block(size: usize, zeroed: bool, kind: &'static Kind) -> usize {
    if size == 0 {
        return ZERO_SIZE;
    }
    // A power of two is aligned to itself, as Linux promises; else to 8.
    let align = if size.is_power_of_two() {
        size.clamp(8, 4096)
    } else {
        8
    };
    let Ok(layout) = Layout::from_size_align(size, align) else {
        return 0;
    };
    if size > LARGEST {
        return 0;
    }
    // SAFETY: the size is not 0.
    let block = unsafe {
        if zeroed {
            alloc_zeroed(layout)
        } else {
            alloc(layout)
        }
    };
    if block.is_null() {
        return 0;
    }
    let resource = Resource {
        kind,
        words: [size, align],
        object: None,
    };
    let entered = ledger::enter_or_undo(block as usize, resource);
    if entered.is_ok() { block as usize } else { 0 }
}

/// Gives a block back that the ledger has as of `kind`; what is none stays as it is.
pub(crate) fn give(block: usize, kind: &'static Kind) {
    if let Some(resource) = ledger::take(block, kind) {
        give_back(block, resource);
    }
}

/// `__kmalloc(size, flags)`.
extern "C" fn __kmalloc(size: usize, flags: u32) -> usize {
    take_block(size, flags & GFP_ZERO != 0, &MEMORY)
}

/// `kfree(block)`: nothing for NULL; what was not taken, or was given back before, is a bug of the module.
extern "C" fn kfree(block: usize) {
    if block <= ZERO_SIZE {
        return;
    }
    match ledger::take(block, &MEMORY) {
        Some(resource) => give_back(block, resource),
        None => crate::enter::misuse("kfree of what was not allocated, or was freed before"),
    }
}

/// `ksize(block)`.
extern "C" fn ksize(block: usize) -> usize {
    let size = |resource: &Resource| kmem::slab::kmalloc_size(resource.words[0]);
    ledger::with(block, &MEMORY, size).unwrap_or(0)
}

exports![__kmalloc, kfree, ksize];
