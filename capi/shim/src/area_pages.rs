//! Pages that a module puts into areas of address spaces: `remap_pfn_range` and its kin of `linux/mm.h`. Only what modules
//! have themselves goes in: a process never sees other memory.
//!
//! Specification: remap_pfn_range(9), vm_insert_page(9).
use crate::enter::misuse;
use crate::export::{exports, status};
use crate::mapping::{self, Mapping, answer};
use crate::page_refs;
use crate::pages;
use crate::vm_flags::{DONT_DUMP, DONT_EXPAND, IO, MAY_WRITE, MIXED_MAP, PFN_MAP, SHARED};
use abi::{Errno, PAGE_SIZE, Result, USER_END};
use alloc::sync::Arc;
use trace::pr_warn;

/// Pages of `size` bytes from `address` on, if all lie in the area.
fn pages_in(mapping: &Mapping, address: usize, size: usize) -> Result<usize> {
    let place = mapping.place();
    let fits = address.is_multiple_of(PAGE_SIZE)
        && (1..=USER_END).contains(&size)
        && place.start <= address
        && address < place.end
        && size.next_multiple_of(PAGE_SIZE) <= place.end - address;
    fits.then(|| size.div_ceil(PAGE_SIZE)).ok_or(Errno::EINVAL)
}

fn remap(area: usize, address: usize, pfn: usize, size: usize) -> Result<()> {
    let mapping = mapping::of(area).ok_or(Errno::EINVAL)?;
    let count = pages_in(&mapping, address, size)?;
    let place = mapping.place();
    let copies = mapping.flags() & (SHARED | MAY_WRITE) == MAY_WRITE;
    if copies && count * PAGE_SIZE != place.end - place.start {
        return Err(Errno::EINVAL);
    }
    let mut done = 0;
    while done < count {
        let at = address + done * PAGE_SIZE;
        let pfn = pfn.checked_add(done).ok_or(Errno::EINVAL)?;
        if let Some(row) = pages::in_row(pfn) {
            let some = ((1 << row.block.order()) - row.page).min(count - done);
            mapping.insert_row(at, row.block, row.page, some)?;
            done += some;
        } else {
            let frame = page_refs::frame_of(pfn).ok_or(Errno::EINVAL);
            let frame = frame.inspect_err(|_| {
                pr_warn!("remap_pfn_range: page {pfn:#x} is no memory of a module's");
            })?;
            mapping.insert(at, frame)?;
            done += 1;
        }
    }
    mapping.set_flags(IO | PFN_MAP | DONT_EXPAND | DONT_DUMP);
    Ok(())
}

/// `__remap_pfn_range(area, address, pfn, size)`.
extern "C" fn __remap_pfn_range(area: usize, address: usize, pfn: usize, size: usize) -> i32 {
    status(remap(area, address, pfn, size))
}

/// The area of an address that is called so; ends the call when there is none.
fn named(area: usize) -> Arc<Mapping> {
    match mapping::of(area) {
        Some(mapping) => mapping,
        None => misuse("a struct vm_area_struct that is none"),
    }
}

/// Whether pages of the other kind are in the area. Ends the call when there is no such area.
fn has(area: usize, flags: u64) -> bool {
    named(area).flags() & flags != 0
}

fn insert_page(area: usize, address: usize, page: usize) -> Result<()> {
    let mapping = mapping::of(area).ok_or(Errno::EINVAL)?;
    mapping.index(address)?;
    let pfn = pages::number_of(page).ok_or(Errno::EINVAL)?;
    // Memory, and pages behind the first of a row, have no count of their own.
    if pages::in_row(pfn).is_some_and(|row| !row.as_pages || row.page != 0) {
        return Err(Errno::EINVAL);
    }
    let frame = page_refs::frame_called(page).ok_or(Errno::EINVAL)?;
    mapping.set_flags(MIXED_MAP);
    mapping.insert(address, frame)
}

/// `vm_insert_page(area, address, page)`.
extern "C" fn vm_insert_page(area: usize, address: usize, page: usize) -> i32 {
    if has(area, PFN_MAP) {
        misuse("vm_insert_page into an area of remap_pfn_range");
    }
    status(insert_page(area, address, page))
}

fn insert_pfn(area: usize, address: usize, pfn: usize) -> Result<()> {
    let frame = page_refs::frame_of(pfn).ok_or(Errno::EFAULT)?;
    let mapping = mapping::of(area).ok_or(Errno::EFAULT)?;
    mapping.insert(address, frame)
}

/// `vmf_insert_pfn(area, address, pfn)`: of an area with `VM_PFNMAP` or `VM_MIXEDMAP`.
extern "C" fn vmf_insert_pfn(area: usize, address: usize, pfn: usize) -> u32 {
    if !has(area, PFN_MAP | MIXED_MAP) {
        misuse("vmf_insert_pfn into an area of neither VM_PFNMAP nor VM_MIXEDMAP");
    }
    match insert_pfn(area, address, pfn) {
        Ok(()) | Err(Errno::EBUSY) => answer::NO_PAGE,
        Err(Errno::ENOMEM) => answer::OOM,
        Err(_) => answer::BUS,
    }
}

fn remap_area(area: usize, start: usize, skip: usize) -> Result<()> {
    let mapping = mapping::of(area).ok_or(Errno::EINVAL)?;
    let place = mapping.place();
    let count = (place.end - place.start) / PAGE_SIZE;
    let (memory, for_user) = pages::area_at(start).ok_or(Errno::EINVAL)?;
    let end = skip.checked_add(count).ok_or(Errno::EINVAL)?;
    if !for_user || end > memory.len() / PAGE_SIZE {
        return Err(Errno::EINVAL);
    }
    for page in 0..count {
        let frame = memory.frame(skip + page).ok_or(Errno::EINVAL)?;
        mapping.insert(place.start + page * PAGE_SIZE, frame)?;
    }
    mapping.set_flags(MIXED_MAP | DONT_EXPAND | DONT_DUMP);
    Ok(())
}

/// `remap_vmalloc_range(area, memory, skip)`: all of the area shows memory of `vmalloc_user`, from its page `skip` on.
extern "C" fn remap_vmalloc_range(area: usize, start: usize, skip: usize) -> i32 {
    status(remap_area(area, start, skip))
}

exports![
    __remap_pfn_range,
    vm_insert_page,
    vmf_insert_pfn,
    remap_vmalloc_range,
];
