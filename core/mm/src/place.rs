//! Where stack, mappings and heap begin: fixed distances, plus random ones unless they are turned off.
use crate::mm::Mm;
use abi::{PAGE_SHIFT, PAGE_SIZE, USER_END};

const STACK_RANDOM_PAGES: usize = 0x3f_ffff;
const MMAP_RANDOM_BITS: u32 = 28;
const HEAP_RANDOM_BYTES: usize = 0x200_0000;
const MIN_GAP: usize = 128 << 20;
const VDSO_RANDOM_PAGES: usize = 0xff;
const VDSO_SIZE: usize = 2 * PAGE_SIZE;

/// Whether addresses are random.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Randomize {
    /// The personality says `ADDR_NO_RANDOMIZE`.
    No,
    /// As usual.
    Yes,
}

/// The addresses exec builds a program around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// One past the last byte of the stack.
    pub stack_top: usize,
    /// Mappings go below this.
    pub mmap_base: usize,
    /// Where a position-independent program that has an interpreter goes.
    pub dyn_base: usize,
    /// Add this to the end of the program for the start of the heap.
    pub heap_offset: usize,
    /// Two pages: above the stack, or the highest of the mappings, of which they have to be the first.
    pub vdso: usize,
}

impl Placement {
    /// Draws the addresses for a program with this `RLIMIT_STACK`.
    pub fn draw(stack_limit: u64, randomize: Randomize) -> Self {
        let random = |mask: usize| match randomize {
            Randomize::Yes => hal::random::seed_u64() as usize & mask,
            Randomize::No => 0,
        };
        let stack_top = USER_END - (random(STACK_RANDOM_PAGES) << PAGE_SHIFT);
        // Room for the stack with its guard, wherever the dice put it.
        let pad = crate::vma::STACK_GUARD_GAP + ((STACK_RANDOM_PAGES + 1) << PAGE_SHIFT);
        let gap = usize::try_from(stack_limit)
            .unwrap_or(usize::MAX)
            .saturating_add(pad);
        let gap = gap.clamp(MIN_GAP, USER_END / 6 * 5) & !(PAGE_SIZE - 1);
        let shift = random((1 << MMAP_RANDOM_BITS) - 1) << PAGE_SHIFT;
        let mmap_base = USER_END - gap - shift;
        let above = stack_top + ((1 + random(VDSO_RANDOM_PAGES)) << PAGE_SHIFT);
        let vdso = if above + VDSO_SIZE <= USER_END {
            above
        } else {
            mmap_base - VDSO_SIZE
        };
        Self {
            stack_top,
            mmap_base,
            vdso,
            dyn_base: ((USER_END / 3 * 2) & !(PAGE_SIZE - 1))
                + (random((1 << MMAP_RANDOM_BITS) - 1) << PAGE_SHIFT),
            heap_offset: random(HEAP_RANDOM_BYTES - 1) & !(PAGE_SIZE - 1),
        }
    }
}

impl Mm {
    /// Sets where mappings go; `bottom_up` for an unlimited stack or the personality `ADDR_COMPAT_LAYOUT`.
    pub fn set_mmap_base(&self, base: usize, bottom_up: bool) {
        let mut areas = self.write_areas();
        areas.mmap_base = base;
        areas.bottom_up = bottom_up;
    }
}
