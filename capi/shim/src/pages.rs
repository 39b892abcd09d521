//! `linux/vmalloc.h` and pages of `linux/gfp.h`: memory by whole pages, in a row or only seemingly so.
//!
//! Specification: Documentation/core-api/memory-allocation.rst.
use crate::enter::misuse;
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use crate::memory::{self, MEMORY, Manner};
use abi::Errno;
use alloc::sync::Arc;
use core::any::Any;
use kmem::frame::{Block, alloc_block};
use kmem::try_arc;
use kmem::vmalloc::{self, VmArea};

/// Seemingly in a row; the object is a [`VmArea`].
static AREA: Kind = Kind {
    name: "vmalloc area",
    give_back: |_, _| {},
};
/// Really in a row; the object is a [`Block`], the word its order.
static PAGES: Kind = Kind {
    name: "pages",
    give_back: |_, _| {},
};

/// Largest order of a row.
const MAX_ORDER: u8 = 10;
/// What a page is called by: a number in a range where nothing is, of the size that a record of it would have.
const PAGE_RECORDS: usize = 0xffff_ea00_0000_0000;
const PAGE_RECORD: usize = 64;
const PAGE: usize = abi::PAGE_SIZE;
/// In the second word of an area: it may be shown to user space.
const FOR_USER: usize = 1;

/// Notes what was taken under its address; 0 when that fails.
fn note(
    at: usize,
    kind: &'static Kind,
    words: [usize; 2],
    object: Arc<dyn Any + Send + Sync>,
) -> usize {
    let resource = Resource {
        kind,
        words,
        object: Some(object),
    };
    ledger::enter_or_undo(at, resource).map_or(0, |()| at)
}

fn area(size: usize, mark: usize) -> usize {
    if size == 0 {
        return 0;
    }
    crate::enter::must_sleep("vmalloc");
    let area = vmalloc::alloc(size).and_then(try_arc::<VmArea>);
    area.map_or(0, |area| {
        note(area.bytes().as_ptr() as usize, &AREA, [size, mark], area)
    })
}

extern "C" fn vmalloc(size: usize) -> usize {
    area(size, 0)
}

extern "C" fn vzalloc(size: usize) -> usize {
    area(size, 0)
}

/// `vmalloc_user(size)`: zeroed, for `remap_vmalloc_range`.
extern "C" fn vmalloc_user(size: usize) -> usize {
    area(size, FOR_USER)
}

/// `vfree(block)`: nothing for NULL.
extern "C" fn vfree(block: usize) {
    if block != 0 && ledger::take(block, &AREA).is_none() {
        misuse("vfree of what was not allocated, or was freed before");
    }
}

/// `kvmalloc_node(size, flags, node)`: in a row if it is small, else seemingly.
extern "C" fn kvmalloc_node(size: usize, flags: u32, _node: i32) -> usize {
    const SMALL: usize = 64 << 10;
    match size {
        0..=SMALL => memory::take(size, flags),
        _ => area(size, 0),
    }
}

/// `kvfree(block)`.
extern "C" fn kvfree(block: usize) {
    if block != 0 && ledger::take(block, &AREA).is_none() {
        memory::kfree(block);
    }
}

/// The area that begins at an address, and whether it may be shown to user space.
pub(crate) fn area_at(start: usize) -> Option<(Arc<VmArea>, bool)> {
    let look = |resource: &Resource| Some((resource.object()?, resource.words[1] == FOR_USER));
    ledger::with(start, &AREA, look).flatten()
}

/// A page of a row that a module has.
pub(crate) struct InRow {
    pub(crate) block: Arc<Block>,
    /// Its number in the row.
    pub(crate) page: usize,
    /// It came as pages, and not as memory.
    pub(crate) as_pages: bool,
}

/// The page of a number, if it is of a row.
pub(crate) fn in_row(pfn: usize) -> Option<InRow> {
    let look = |order: u8, kind: &'static Kind| {
        let first = pfn & !((1 << order) - 1);
        let block = ledger::object::<Block>(address_of(first)?, kind)?;
        let page = pfn - first;
        (page < 1 << block.order()).then_some((block, page))
    };
    (0..=MAX_ORDER).find_map(|order| {
        let pages = look(order, &PAGES).map(|found| (found, true));
        let either = pages.or_else(|| look(order, &MEMORY).map(|found| (found, false)));
        either.map(|((block, page), as_pages)| InRow {
            block,
            page,
            as_pages,
        })
    })
}

/// Gives up a single page that was taken as one: true if it was there.
pub(crate) fn give_single(pfn: usize) -> bool {
    let at = address_of(pfn).unwrap_or(0);
    let single = ledger::with(at, &PAGES, |resource| resource.words[0] == 0);
    single == Some(true) && ledger::take(at, &PAGES).is_some()
}

/// Where memory of a number is seen. None: no memory has that number.
fn address_of(pfn: usize) -> Option<usize> {
    let inside = pfn < hal::paging::DIRECT_MAP_SIZE / PAGE;
    inside.then(|| hal::paging::DIRECT_MAP_BASE + pfn * PAGE)
}

/// The number of a page by what it is called.
pub(crate) fn number_of(page: usize) -> Option<usize> {
    let at = page.checked_sub(PAGE_RECORDS)?;
    at.is_multiple_of(PAGE_RECORD).then_some(at / PAGE_RECORD)
}

/// What a page is called by.
pub(crate) fn record_of(pfn: usize) -> usize {
    PAGE_RECORDS + pfn * PAGE_RECORD
}

fn block(order: u32, flags: u32) -> abi::Result<Arc<Block>> {
    let order = u8::try_from(order).map_err(|_| Errno::ENOMEM)?;
    let manner = Manner::of(flags, "alloc_pages");
    let made = alloc_block(order, manner.gfp()).and_then(try_arc);
    drop(manner);
    made
}

/// `__get_free_pages(flags, order)`: their address, or 0.
extern "C" fn __get_free_pages(flags: u32, order: u32) -> usize {
    block(order, flags).map_or(0, |block| {
        let at = block.bytes().as_ptr() as usize;
        note(at, &PAGES, [order as usize, 0], block)
    })
}

/// `free_pages(address, order)`: nothing for 0.
extern "C" fn free_pages(address: usize, order: u32) {
    if address == 0 {
        return;
    }
    let taken = ledger::with(address, &PAGES, |resource| resource.words[0]);
    if taken != Some(order as usize) {
        misuse("free_pages of what was not allocated, or of another order");
    }
    drop(ledger::take(address, &PAGES));
}

/// `page_address(page)`.
extern "C" fn page_address(page: usize) -> usize {
    match page.checked_sub(PAGE_RECORDS) {
        Some(at) => hal::paging::DIRECT_MAP_BASE + at / PAGE_RECORD * PAGE,
        None => misuse("page_address of what is no page"),
    }
}

/// `virt_to_page(address)`, of memory that is really in a row.
extern "C" fn __virt_to_page(address: usize) -> usize {
    match address.checked_sub(hal::paging::DIRECT_MAP_BASE) {
        Some(at) => record_of(at / PAGE),
        None => misuse("virt_to_page of what is no page"),
    }
}

/// `alloc_pages(flags, order)`: what names the first one, or NULL.
extern "C" fn alloc_pages(flags: u32, order: u32) -> usize {
    match __get_free_pages(flags, order) {
        0 => 0,
        at => __virt_to_page(at),
    }
}

/// `__free_pages(page, order)`.
extern "C" fn __free_pages(page: usize, order: u32) {
    free_pages(page_address(page), order);
}

exports![
    vmalloc,
    vzalloc,
    vmalloc_user,
    vfree,
    kvmalloc_node,
    kvfree,
    __get_free_pages,
    free_pages,
    page_address,
    __virt_to_page,
    alloc_pages,
    __free_pages,
];
