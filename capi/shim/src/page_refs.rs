//! References to single pages: `get_page` and `put_page` of `linux/mm.h`, and the ways from addresses and numbers to pages.
//! A module knows pages that it has, as pages, as memory that fills pages, or in areas of vmalloc.
//!
//! The references that a module took with `get_page` are one line of the ledger; the one that came with a single page is
//! the line of that page itself.
use crate::enter::misuse;
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use crate::pages;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicUsize, Ordering};
use kmem::frame::{Frame, PageFlags, is_ram, notes_of};
use kmem::{try_arc, vmalloc};
use sync::{LockClass, SpinLock, rank};

static CLASS: LockClass = LockClass::new("capi.page_refs", rank::NONE);
/// One change of the references at a time.
static GATE: SpinLock<()> = SpinLock::new(&CLASS, ());

/// References that were taken, by what the page is called by; the object is a [`Counted`].
static REFERENCES: Kind = Kind {
    name: "page reference",
    give_back: |_, _| {},
};

struct Counted {
    frame: Frame,
    count: AtomicUsize,
}

fn counted(page: usize) -> Option<Arc<Counted>> {
    ledger::object(page, &REFERENCES)
}

/// The page of a number, if modules have it.
pub(crate) fn frame_of(pfn: usize) -> Option<Frame> {
    if let Some(row) = pages::in_row(pfn) {
        return Some(row.block.frame(row.page));
    }
    // Whoever asked for a page of an area noted there where it belongs.
    let (start, number) = notes_of(pfn)?;
    let (area, _) = pages::area_at(start as usize)?;
    area.frame(number as usize)
        .filter(|frame| frame.pfn() == pfn)
}

/// The page that is called so.
pub(crate) fn frame_called(page: usize) -> Option<Frame> {
    match counted(page) {
        Some(counted) => Some(counted.frame.clone()),
        None => frame_of(pages::number_of(page)?),
    }
}

/// Takes a reference more. False: modules have no such page, or there is no memory to note it.
fn take(page: usize) -> bool {
    let _one = GATE.lock_irq();
    if let Some(counted) = counted(page) {
        counted.count.fetch_add(1, Ordering::Relaxed);
        return true;
    }
    let Some(frame) = frame_called(page) else {
        return false;
    };
    let count = AtomicUsize::new(1);
    let noted = try_arc(Counted { frame, count }).and_then(|object| {
        let resource = Resource {
            kind: &REFERENCES,
            words: [0; 2],
            object: Some(object),
        };
        ledger::enter_or_undo(page, resource)
    });
    noted.is_ok()
}

/// Gives a reference up: the last one that was taken, or the one that the page came with. False: there is none.
fn give(page: usize) -> bool {
    match counted(page) {
        Some(counted) => {
            if counted.count.fetch_sub(1, Ordering::Relaxed) == 1 {
                drop(ledger::take(page, &REFERENCES));
            }
            true
        }
        None => pages::number_of(page).is_some_and(pages::give_single),
    }
}

/// Takes a page over with a reference of the module's; false beside it: it has none. None: modules have no such page.
pub(crate) fn hand_over(page: usize) -> Option<(Frame, bool)> {
    let _one = GATE.lock_irq();
    let frame = frame_called(page)?;
    Some((frame, give(page)))
}

/// `get_page(page)`.
extern "C" fn get_page(page: usize) {
    if !take(page) {
        misuse("get_page of what is no page");
    }
}

/// `put_page(page)`.
extern "C" fn put_page(page: usize) {
    let given = {
        let _one = GATE.lock_irq();
        give(page)
    };
    if !given {
        misuse("put_page of a page without a reference");
    }
}

/// `page_count(page)`: references, those of page tables too.
extern "C" fn page_count(page: usize) -> i32 {
    // The handle that is looked through is one more.
    frame_called(page).map_or(0, |frame| frame.refs() as i32 - 1)
}

/// `vmalloc_to_page(address)`: NULL: no area of a module's is there.
extern "C" fn vmalloc_to_page(address: usize) -> usize {
    let found = vmalloc::start_of(address).and_then(|start| {
        let (area, _) = pages::area_at(start)?;
        let number = (address - start) / abi::PAGE_SIZE;
        let frame = area.frame(number)?;
        frame.meta().set_owner(start as u64);
        frame.meta().set_index(number as u64);
        Some(pages::record_of(frame.pfn()))
    });
    found.unwrap_or(0)
}

/// `pfn_valid(pfn)`: whether it is memory.
extern "C" fn pfn_valid(pfn: usize) -> bool {
    is_ram(pfn)
}

/// `__page_reserve(page, how)`: 1 sets the mark of `SetPageReserved`, 0 clears it, else it is only told.
extern "C" fn __page_reserve(page: usize, how: i32) -> bool {
    let Some(frame) = frame_called(page) else {
        misuse("a mark at what is no page");
    };
    let meta = frame.meta();
    match how {
        0 => meta.clear_flags(PageFlags::RESERVED),
        1 => meta.set_flags(PageFlags::RESERVED),
        _ => meta.flags(),
    }
    .contains(PageFlags::RESERVED)
}

exports![
    get_page,
    put_page,
    page_count,
    vmalloc_to_page,
    pfn_valid,
    __page_reserve,
];
