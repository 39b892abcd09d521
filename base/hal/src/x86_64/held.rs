//! A short stack of triples of words per CPU, in its header: `sync` notes there which spinning locks the CPU holds. The
//! caller is pinned to its CPU. An interrupt may come at any moment and leaves the stack as it found it; a triple whose first
//! word is 0 is not there yet, or no longer.

use core::arch::asm;
use core::mem::offset_of;

use super::percpu::{self, CpuLocal, HELD_FIRST as FIRST, HELD_MAX};

/// Most triples.
pub const MAX: usize = HELD_MAX;
const ENTRY: u32 = 24;
const END: u32 = FIRST + MAX as u32 * ENTRY;

/// Puts a triple, whose first word is not 0, on the stack; false when it is full.
#[inline]
#[must_use]
pub fn push(first: usize, second: usize, third: usize) -> bool {
    let top = percpu::read_u32!(held_top);
    if top >= END {
        return false;
    }
    // SAFETY: this CPU's header, within the array. The place is taken before it is written, so that an interrupt's
    // come above it; the first word, 0 in every free place, is written last.
    unsafe {
        asm!(
            "add dword ptr gs:[{o}], {entry}",
            "mov gs:[{top:r} + 8], {second}",
            "mov gs:[{top:r} + 16], {third}",
            "mov gs:[{top:r}], {first}",
            o = const offset_of!(CpuLocal, held_top),
            entry = const ENTRY,
            top = in(reg) top,
            first = in(reg) first,
            second = in(reg) second,
            third = in(reg) third,
            options(nostack),
        );
    }
    true
}

/// Takes the uppermost triple with this second word off; the others stay in order. Nothing happens if there is none.
#[inline]
pub fn pop(second: usize) {
    let top = percpu::read_u32!(held_top);
    let uppermost: usize;
    // SAFETY: a read of this CPU's header: the triple below the top, or (with none there) what stands before the array.
    unsafe {
        asm!("mov {word}, gs:[{top:r} - 16]", top = in(reg) top, word = out(reg) uppermost,
            options(readonly, nostack, preserves_flags));
    }
    if uppermost != second && !pull_up(second) {
        return;
    }
    // SAFETY: this CPU's header. One was found, so the stack isn't empty.
    unsafe {
        asm!("mov qword ptr gs:[{top:r} - 24], 0", "sub dword ptr gs:[{o}], {entry}", top = in(reg) top,
            o = const offset_of!(CpuLocal, held_top), entry = const ENTRY, options(nostack));
    }
}

/// Moves the uppermost triple with this second word to the top; false if there is none.
#[cold]
fn pull_up(second: usize) -> bool {
    let depth = depth();
    // SAFETY: this CPU's header; the caller is pinned, and interrupts leave what is below the top alone.
    let list = unsafe { &mut (&mut (*percpu::this()).held)[..depth] };
    match list.iter().rposition(|held| held[1] == second) {
        Some(at) => {
            list[at..].rotate_left(1);
            true
        }
        None => false,
    }
}

/// How many there are.
#[inline]
#[must_use]
pub fn depth() -> usize {
    ((percpu::read_u32!(held_top) - FIRST) / ENTRY) as usize
}

/// The triple at `index` from the bottom; `None` above the top.
#[must_use]
pub fn get(index: usize) -> Option<[usize; 3]> {
    // SAFETY: this CPU's header, a read; the caller is pinned.
    (index < depth().min(MAX)).then(|| unsafe { (*percpu::this()).held[index] })
}

/// Forgets all but the `keep` lowest.
pub fn truncate(keep: usize) {
    let depth = depth().min(MAX);
    let keep = keep.min(depth);
    // SAFETY: this CPU's header; the caller is pinned, and interrupts leave what is below the top alone.
    unsafe { (&mut (*percpu::this()).held)[keep..depth].fill([0; 3]) };
    let top = FIRST + keep as u32 * ENTRY;
    // SAFETY: this CPU's header; within the part in use.
    unsafe {
        asm!("mov dword ptr gs:[{o}], {top:e}", o = const offset_of!(CpuLocal, held_top), top = in(reg) top,
            options(nostack, preserves_flags));
    }
}
