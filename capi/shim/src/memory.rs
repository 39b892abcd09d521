//! `linux/slab.h`: kmalloc and its kin, on the kernel's own size classes.
use crate::block;
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use crate::redzone;
use abi::PAGE_SIZE;
use kmem::frame::{Block, Gfp, alloc_block};
use kmem::try_arc;

/// `___GFP_ZERO`.
pub(crate) const GFP_ZERO: u32 = 0x100;
/// Largest block (`KMALLOC_MAX_SIZE`).
const LARGEST: usize = 4 << 20;
/// What `kmalloc(0)` gives: not NULL, and nothing may be read there.
const ZERO_SIZE: usize = 16;

/// Memory from `kmalloc` and its kin; the words are size and alignment, the object is the [`Block`] if it has pages of its
/// own.
pub(crate) static MEMORY: Kind = Kind {
    name: ledger::MEMORY,
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
    // What lies on pages of its own goes with them.
    if resource.object.is_none() {
        block::release(address, resource.words);
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
    if size > LARGEST {
        return 0;
    }
    let guarded = redzone::is_on() && core::ptr::eq(kind, &MEMORY);
    let words = block::words(size, align, guarded);
    let block = block::take(words, zeroed);
    if block == 0 {
        return 0;
    }
    if guarded {
        // SAFETY: it is fresh, and has a zone behind it.
        unsafe { redzone::guard(block, size, zeroed) };
    }
    let resource = Resource {
        kind,
        words,
        object: None,
    };
    let entered = ledger::enter_or_undo(block, resource);
    if entered.is_ok() { block } else { 0 }
}

/// Gives a block back that the ledger has as of `kind`; what is none stays as it is.
pub(crate) fn give(block: usize, kind: &'static Kind) {
    if let Some(resource) = ledger::take(block, kind) {
        give_back(block, resource);
    }
}

/// `___GFP_DIRECT_RECLAIM`: the allocation may sleep.
const GFP_SLEEP: u32 = 0x400;

/// `GFP_DMA`, `GFP_DMA32`: memory for devices that reach only the first 16 MiB, or 4 GiB.
const GFP_DMA: u32 = 1;
const GFP_DMA32: u32 = 4;

/// How an allocation goes about it, as its flags say; while this lives.
pub(crate) struct Manner {
    zeroed: bool,
    /// Where it has to lie: `GFP_DMA`, `GFP_DMA32`.
    low: u32,
    /// The allocator never waits with preemption off.
    pinned: Option<sync::PreemptGuard>,
}

impl Manner {
    /// Reports one that may sleep where nothing may.
    pub(crate) fn of(flags: u32, what: &str) -> Self {
        let sleeps = flags & GFP_SLEEP != 0;
        if sleeps {
            crate::enter::check_may_sleep(what);
        }
        Self {
            zeroed: flags & GFP_ZERO != 0,
            low: flags & (GFP_DMA | GFP_DMA32),
            pinned: (!sleeps).then(sync::preempt_disable),
        }
    }

    /// The same for pages.
    pub(crate) fn gfp(&self) -> Gfp {
        let gfp = match self.pinned {
            None if sync::context::may_sleep() => Gfp::NORETRY,
            _ => Gfp::ATOMIC,
        };
        let gfp = match self.low {
            0 => gfp,
            GFP_DMA32 => gfp.low32(),
            _ => gfp.low(),
        };
        if self.zeroed { gfp.zeroed() } else { gfp }
    }
}

/// Memory on pages of its own, in a row: what fills pages, as it may be shown to user space, and what has to lie low.
fn take_pages(size: usize, manner: &Manner) -> usize {
    if size > LARGEST {
        return 0;
    }
    let order = size.div_ceil(PAGE_SIZE).next_power_of_two().ilog2() as u8;
    let Ok(block) = alloc_block(order, manner.gfp()).and_then(try_arc) else {
        return 0;
    };
    let at = block.bytes().as_ptr() as usize;
    let resource = Resource {
        kind: &MEMORY,
        words: block::words(size, PAGE_SIZE, false),
        object: Some(block),
    };
    ledger::enter_or_undo(at, resource).map_or(0, |()| at)
}

/// A block for the module that runs.
pub(crate) fn take(size: usize, flags: u32) -> usize {
    let manner = Manner::of(flags, "kmalloc");
    let own_pages = size >= PAGE_SIZE && !redzone::is_on() || manner.low != 0 && size != 0;
    let block = match own_pages {
        true => take_pages(size, &manner),
        false => take_block(size, manner.zeroed, &MEMORY),
    };
    drop(manner);
    block
}

/// `__kmalloc(size, flags)`.
extern "C" fn __kmalloc(size: usize, flags: u32) -> usize {
    take(size, flags)
}

/// `kfree(block)`: nothing for NULL; what was not taken, or was given back before, is a bug of the module.
pub(crate) extern "C" fn kfree(block: usize) {
    if block <= ZERO_SIZE {
        return;
    }
    match ledger::take_traced(block, &MEMORY) {
        Some((resource, by)) if block::is_guarded(resource.words) => {
            redzone::give_back(ledger::current_owner(), block, resource.words, by);
        }
        Some((resource, _)) => give_back(block, resource),
        None => {
            redzone::tell_freed(block);
            crate::enter::misuse("kfree of what was not allocated, or was freed before");
        }
    }
}

/// `ksize(block)`.
extern "C" fn ksize(block: usize) -> usize {
    let size = |resource: &Resource| match resource.object::<Block>() {
        Some(block) => block.len(),
        None if block::is_guarded(resource.words) => resource.words[0],
        None => kmem::slab::kmalloc_size(resource.words[0]),
    };
    ledger::with(block, &MEMORY, size).unwrap_or(0)
}

/// `krealloc(block, size, flags)`: the block with another size, perhaps elsewhere; NULL leaves it as it was.
extern "C" fn krealloc(block: usize, size: usize, flags: u32) -> usize {
    if size == 0 {
        kfree(block);
        return ZERO_SIZE;
    }
    let had = match block {
        0..=ZERO_SIZE => 0,
        block => match ledger::with(block, &MEMORY, |resource| resource.words[0]) {
            Some(had) => had,
            None => crate::enter::misuse("krealloc of what was not allocated"),
        },
    };
    if had >= size {
        return block;
    }
    let fresh = take(size, flags);
    if fresh != 0 && had != 0 {
        // SAFETY: both blocks are the module's, of at least that size, and not the same.
        unsafe { core::ptr::copy_nonoverlapping(block as *const u8, fresh as *mut u8, had) };
        kfree(block);
    }
    fresh
}

/// `kfree_sensitive(block)`: overwritten first.
extern "C" fn kfree_sensitive(block: usize) {
    if let Some(had) = ledger::with(block, &MEMORY, |resource| resource.words[0]) {
        // SAFETY: the module's block, of that size.
        unsafe { core::ptr::write_bytes(block as *mut u8, 0, had) };
    }
    kfree(block);
}

exports![__kmalloc, kfree, ksize, krealloc, kfree_sensitive];
