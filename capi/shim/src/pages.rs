//! `linux/vmalloc.h` and pages of `linux/gfp.h`: memory by whole pages, in a row or only seemingly so.
//!
//! Specification: Documentation/core-api/memory-allocation.rst.
use crate::enter::misuse;
use crate::export::exports;
use crate::ledger::{self, Kind, Resource};
use crate::memory::{self, Manner};
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

/// What a page is called by: a number in a range where nothing is, of the size that a record of it would have.
const PAGE_RECORDS: usize = 0xffff_ea00_0000_0000;
const PAGE_RECORD: usize = 64;
const PAGE: usize = abi::PAGE_SIZE;
/// Pages for devices that reach only the first 16 MiB, or 4 GiB.
const GFP_DMA: u32 = 1;
const GFP_DMA32: u32 = 4;

/// Notes what was taken under its address; 0 when that fails.
fn note(at: usize, kind: &'static Kind, word: usize, object: Arc<dyn Any + Send + Sync>) -> usize {
    let resource = Resource {
        kind,
        words: [word, 0],
        object: Some(object),
    };
    ledger::enter_or_undo(at, resource).map_or(0, |()| at)
}

fn area(size: usize) -> usize {
    if size == 0 {
        return 0;
    }
    crate::enter::must_sleep("vmalloc");
    let area = vmalloc::alloc(size).and_then(try_arc::<VmArea>);
    area.map_or(0, |area| {
        note(area.bytes().as_ptr() as usize, &AREA, size, area)
    })
}

extern "C" fn vmalloc(size: usize) -> usize {
    area(size)
}

extern "C" fn vzalloc(size: usize) -> usize {
    area(size)
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
        _ => area(size),
    }
}

/// `kvfree(block)`.
extern "C" fn kvfree(block: usize) {
    if block != 0 && ledger::take(block, &AREA).is_none() {
        memory::kfree(block);
    }
}

fn block(order: u32, flags: u32) -> abi::Result<Arc<Block>> {
    let order = u8::try_from(order).map_err(|_| Errno::ENOMEM)?;
    let manner = Manner::of(flags, "alloc_pages");
    let gfp = match flags & (GFP_DMA | GFP_DMA32) {
        0 => manner.gfp(),
        GFP_DMA32 => manner.gfp().low32(),
        _ => manner.gfp().low(),
    };
    let made = alloc_block(order, gfp);
    let made = made.and_then(try_arc);
    drop(manner);
    made
}

/// `__get_free_pages(flags, order)`: their address, or 0.
extern "C" fn __get_free_pages(flags: u32, order: u32) -> usize {
    block(order, flags).map_or(0, |block| {
        let at = block.bytes().as_ptr() as usize;
        note(at, &PAGES, order as usize, block)
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
        Some(at) => PAGE_RECORDS + at / PAGE * PAGE_RECORD,
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
