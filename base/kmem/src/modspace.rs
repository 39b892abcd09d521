//! Memory for the text and data of kernel modules: within 2 GiB of the kernel's text, never writable and executable at
//! once.
//!
//! A [`Draft`] is writable and not executable; sealing it gives each range of its pages the rights it was placed for. Each
//! area is followed by an unmapped page. An area whose module failed is retired: its memory comes back, its addresses
//! stay unused until reboot, so that a stray return into it faults. The tables of addresses that nothing is mapped at go too:
//! however many modules have failed, what they left behind is a bit for each page.
//!
//! Lock order: the mapping lock → the bits.
pub mod percpu;

use crate::charge::{self, Charge};
use crate::frame::NO_MEMORY;
use crate::kmap;
use crate::space;
use abi::Result;
use core::ops::Range;
use hal::addr::PAGE_SIZE;
use hal::paging::{MODULES, pte};
use sync::{LockClass, Mutex, SpinLock, rank};

/// Pages of the window.
const PAGES: usize = (MODULES.end - MODULES.start) / PAGE_SIZE;

/// One bit per page of the window: in use, retired, or the guard of an area.
struct Taken {
    bits: [u64; PAGES / 64],
    /// No page below this one is free.
    hint: usize,
    areas: usize,
    mapped: usize,
}

/// Held while pages and tables of the window come and go.
static MAPPING_CLASS: LockClass = LockClass::new("modspace.mapping", rank::MODSPACE_MAPPING);
static MAPPING: Mutex<()> = Mutex::new(&MAPPING_CLASS, ());
static CLASS: LockClass = LockClass::new("modspace", rank::MODSPACE);
static TAKEN: SpinLock<Taken> = SpinLock::new(
    &CLASS,
    Taken {
        bits: [0; PAGES / 64],
        hint: 0,
        areas: 0,
        mapped: 0,
    },
);

impl Taken {
    fn is_taken(&self, page: usize) -> bool {
        self.bits[page / 64] & 1 << (page % 64) != 0
    }

    fn set(&mut self, pages: Range<usize>, taken: bool) {
        for page in pages {
            let bit = 1 << (page % 64);
            if taken {
                self.bits[page / 64] |= bit;
            } else {
                self.bits[page / 64] &= !bit;
            }
        }
    }

    /// The first `count` free pages in a row.
    fn take(&mut self, count: usize) -> Option<usize> {
        let mut run = 0;
        let mut page = self.hint;
        while page < PAGES {
            if page.is_multiple_of(64) && self.bits[page / 64] == u64::MAX {
                run = 0;
                page += 64;
                continue;
            }
            run = if self.is_taken(page) { 0 } else { run + 1 };
            page += 1;
            if run == count {
                let start = page - count;
                self.set(start..page, true);
                if start == self.hint {
                    self.hint = page;
                }
                self.areas += 1;
                return Some(start);
            }
        }
        None
    }
}

/// What may be done with pages of an area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Read and execute.
    Text,
    /// Read.
    Rodata,
    /// Read and write.
    Data,
}

/// Counters: areas there are, and pages mapped in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModspaceStats {
    /// Areas, retired ones not among them.
    pub areas: usize,
    /// Pages mapped.
    pub pages: usize,
}

/// The pages of one area, in place.
#[derive(Debug)]
struct Pages {
    start: usize,
    count: usize,
}

/// An area under construction: writable, not executable.
#[derive(Debug)]
pub struct Draft(Pages);

/// An area with its final rights.
#[derive(Debug)]
pub struct ModArea(Pages);

/// Zeroed pages for `bytes`. May sleep.
///
/// # Errors
/// `ENOMEM`.
pub fn alloc(bytes: usize) -> Result<Draft> {
    let count = bytes.div_ceil(PAGE_SIZE).max(1);
    let _mapping = MAPPING.lock();
    let page = TAKEN.lock_irq().take(count + 1).ok_or(NO_MEMORY)?;
    let start = MODULES.start + page * PAGE_SIZE;
    if kmap::map_at(start, count, true).is_none() {
        give_back(start, count);
        return Err(NO_MEMORY);
    }
    TAKEN.lock_irq().mapped += count;
    charge::charge(Charge::Kernel, count as isize);
    Ok(Draft(Pages { start, count }))
}

impl Draft {
    /// Where it stands, and will stand.
    #[must_use]
    pub fn address(&self) -> usize {
        self.0.start
    }

    /// Its content.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: mapped writable, owned, and borrowed mutably; nothing in it runs before it is sealed.
        unsafe {
            core::slice::from_raw_parts_mut(self.0.start as *mut u8, self.0.count * PAGE_SIZE)
        }
    }

    /// Gives each range of pages its rights; pages in no range stay writable data.
    #[must_use]
    pub fn seal(self, parts: &[(Range<usize>, Rights)]) -> ModArea {
        for (pages, rights) in parts {
            let pages = pages.start.min(self.0.count)..pages.end.min(self.0.count);
            let set = match rights {
                Rights::Text => 0,
                Rights::Rodata => pte::NX,
                Rights::Data => pte::NX | pte::WRITE,
            };
            kmap::protect_at(self.0.start + pages.start * PAGE_SIZE, pages.len(), set);
        }
        space::flush_kernel(self.0.range());
        ModArea(self.0)
    }
}

impl ModArea {
    /// Its addresses.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.0.range()
    }

    /// Gives back the memory of some of its pages; what else it has stays.
    pub fn release(&mut self, pages: Range<usize>) {
        let pages = pages.start.min(self.0.count)..pages.end.min(self.0.count);
        unmap(self.0.start + pages.start * PAGE_SIZE, pages.len());
    }

    /// Gives back all memory; the addresses are never used again.
    pub fn retire(self) {
        unmap(self.0.start, self.0.count);
        TAKEN.lock_irq().areas -= 1;
        core::mem::forget(self);
    }
}

impl Pages {
    fn range(&self) -> Range<usize> {
        self.start..self.start + self.count * PAGE_SIZE
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        unmap(self.start, self.count);
        give_back(self.start, self.count);
    }
}

fn unmap(start: usize, count: usize) {
    let _mapping = MAPPING.lock();
    kmap::hide_at(start, count);
    space::flush_kernel(start..start + count * PAGE_SIZE);
    let freed = kmap::unmap_at(start, count);
    TAKEN.lock_irq().mapped -= freed;
    charge::charge(Charge::Kernel, -(freed as isize));
    drop_tables(start..start + count * PAGE_SIZE);
}

/// Frees the tables under which nothing is mapped any more. With the mapping lock held.
fn drop_tables(range: Range<usize>) {
    let first = range.start & !(kmap::LEAF_SPAN - 1);
    for leaf in (first..range.end).step_by(kmap::LEAF_SPAN) {
        if kmap::leaf_is_empty(leaf)
            && let Some(table) = kmap::unlink_leaf_at(leaf)
        {
            // Any flush has a CPU forget which tables it passed through.
            space::flush_kernel(leaf..leaf + PAGE_SIZE);
            kmap::free_leaf(table);
        }
    }
}

/// Lets the addresses be used again; the TLBs have forgotten them.
fn give_back(start: usize, count: usize) {
    let page = (start - MODULES.start) / PAGE_SIZE;
    let mut taken = TAKEN.lock_irq();
    taken.set(page..page + count + 1, false);
    taken.hint = taken.hint.min(page);
    taken.areas -= 1;
}

/// Exact counters.
#[must_use]
pub fn stats() -> ModspaceStats {
    let taken = TAKEN.lock_irq();
    ModspaceStats {
        areas: taken.areas,
        pages: taken.mapped,
    }
}
