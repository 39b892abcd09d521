//! Guards of what modules allocate by kmalloc and its kin, while `/sys/kernel/containment/redzones` says so (in a debug build from the
//! start): some bytes behind each block that nobody may change, and a filling of what was
//! freed, which stays out of use for a while. What is wrong is told with where the block was taken and where it was freed.
//!
//! Specification: Documentation/mm/slub.rst; the values of the bytes are linux/poison.h's.
use crate::block::{self, ZONE};
use crate::ledger::Trace;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use module::Module;
use sync::{LockClass, SpinLock, rank};
use trace::pr_err;

/// What the bytes behind a block are filled with.
const RED: u8 = 0xcc;
/// What a fresh block is filled with, a freed one, and its last byte.
const FRESH: u8 = 0x5a;
const FREED: u8 = 0x6b;
const END: u8 = 0xa5;
/// Freed blocks that stay out of use.
const KEPT: usize = 64;
/// Larger ones go back at once.
const MOST_KEPT: usize = 16 << 10;

static ON: AtomicBool = AtomicBool::new(cfg!(debug_assertions));
static CLASS: LockClass = LockClass::new("capi.freed", rank::NONE);
static LIST: SpinLock<List> = SpinLock::new(
    &CLASS,
    List {
        blocks: [const { None }; KEPT],
        next: 0,
    },
);

/// A block that was freed.
struct Freed {
    /// Whose it was, by the address of the module's object.
    owner: usize,
    address: usize,
    words: [usize; 2],
    taken: Trace,
    freed: Trace,
}

struct List {
    blocks: [Option<Freed>; KEPT],
    next: usize,
}

/// Whether blocks that are taken now are guarded.
pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

pub(crate) fn set_on(on: bool) {
    ON.store(on, Ordering::Relaxed);
}

/// A block's bytes, from one to another.
///
/// # Safety
/// The block is the caller's own and has that many bytes.
unsafe fn bytes<'a>(address: usize, from: usize, to: usize) -> &'a mut [u8] {
    // SAFETY: the caller's promise.
    unsafe { core::slice::from_raw_parts_mut((address + from) as *mut u8, to - from) }
}

/// Guards a fresh block of `size` bytes, behind which a zone is.
///
/// # Safety
/// It is the caller's own, and as large as said.
pub(crate) unsafe fn guard(address: usize, size: usize, zeroed: bool) {
    // SAFETY: the caller's promise.
    unsafe {
        bytes(address, size, size + ZONE).fill(RED);
        if !zeroed {
            bytes(address, 0, size).fill(FRESH);
        }
    }
}

/// Whether the zone behind a block is as it was; what is wrong is told, by who had it and who gives it back.
///
/// # Safety
/// As for [`guard`].
unsafe fn check_zone(address: usize, size: usize, taken: &Trace, freed: &Trace) {
    // SAFETY: the caller's promise.
    let zone = unsafe { bytes(address, size, size + ZONE) };
    if let Some(at) = zone.iter().position(|byte| *byte != RED) {
        pr_err!(
            "BUG kmalloc-{size}: Right Redzone overwritten: {address:#x}, byte {} is {:#04x}",
            size + at,
            zone[at]
        );
        tell(taken, freed);
    }
}

/// Whether a freed block is as it was left.
///
/// # Safety
/// As for [`guard`].
unsafe fn check_freed(block: &Freed) {
    let size = block.words[0];
    // SAFETY: the caller's promise.
    let all = unsafe { bytes(block.address, 0, size) };
    let wanted = |at: usize| if at + 1 == size { END } else { FREED };
    if let Some(at) = (0..size).find(|at| all[*at] != wanted(*at)) {
        pr_err!(
            "BUG kmalloc-{size}: Poison overwritten: {:#x}, byte {at} is {:#04x}: written after it was freed",
            block.address,
            all[at]
        );
        tell(&block.taken, &block.freed);
    }
}

fn tell(taken: &Trace, freed: &Trace) {
    pr_err!("Allocated in");
    taken.show();
    pr_err!("Freed in");
    freed.show();
    trace::taint::add(trace::taint::Taint::BadPage);
}

/// Checks and fills a guarded block that the ledger has no more, and keeps it for a while.
pub(crate) fn give_back(owner: usize, address: usize, words: [usize; 2], taken: Trace) {
    let (size, freed) = (words[0], Trace::here());
    // SAFETY: the ledger had the block, guarded, with this size, and has it no more.
    unsafe {
        check_zone(address, size, &taken, &freed);
        let all = bytes(address, 0, size);
        all.fill(FREED);
        if let Some(last) = all.last_mut() {
            *last = END;
        }
    }
    if size > MOST_KEPT {
        return block::release(address, words);
    }
    let block = Freed {
        owner,
        address,
        words,
        taken,
        freed,
    };
    let mut list = LIST.lock_irq();
    let next = list.next;
    list.next = (next + 1) % KEPT;
    let old = list.blocks[next].replace(block);
    drop(list);
    if let Some(old) = old {
        let_go(&old);
    }
}

/// Checks a freed block once more and gives its memory back.
fn let_go(block: &Freed) {
    // SAFETY: it was on the list, and is on it no more.
    unsafe { check_freed(block) };
    block::release(block.address, block.words);
}

/// Says where a block was taken and freed that is freed again.
pub(crate) fn tell_freed(address: usize) {
    let list = LIST.lock_irq();
    let mut kept = list.blocks.iter().flatten();
    let found = kept.find(|block| block.address == address);
    let traces = found.map(|block| (block.taken, block.freed));
    drop(list);
    if let Some((taken, freed)) = traces {
        tell(&taken, &freed);
    }
}

/// Lets go of all that a module has freed.
pub(crate) fn flush(module: &Arc<Module>) {
    let owner = Arc::as_ptr(module) as usize;
    loop {
        let mut list = LIST.lock_irq();
        let of_module =
            |block: &&mut Option<Freed>| block.as_ref().is_some_and(|block| block.owner == owner);
        let block = list
            .blocks
            .iter_mut()
            .find(of_module)
            .and_then(Option::take);
        drop(list);
        match block {
            Some(block) => let_go(&block),
            None => return,
        }
    }
}
