//! Allocation of single pages: the per-CPU list, then the zone, then reclaim, then a victim.
use super::{FrameMeta, Gfp, Kind, NO_MEMORY, lists, zone};
use crate::{machine, pressure};
use abi::Result;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use sync::inject::{self, Site};

/// Fault injection: allocations of pages.
pub static FRAME_ALLOC: Site = Site::new("fail_page_alloc");

/// A page with one reference, marked as `kind`. ENOMEM.
#[inline]
pub(crate) fn alloc_page(gfp: Gfp, kind: Kind) -> Result<NonNull<FrameMeta>> {
    let (page, zero) = match lists::take(gfp) {
        Some(taken) if !inject::should_fail(&FRAME_ALLOC, 1) => taken,
        taken => alloc_slow(taken, gfp)?,
    };
    let meta = machine::meta_of(page as Pfn);
    // SAFETY: metadata lives forever.
    unsafe { meta.as_ref() }.reset(kind as u32);
    if gfp.wants_zero() && !zero {
        // SAFETY: the page is off every list, so it is ours.
        unsafe {
            machine::zero(
                machine::phys_to_virt(PhysAddr::from_pfn(page as Pfn)),
                PAGE_SIZE,
            );
        };
    }
    Ok(meta)
}

/// No page at hand, or `taken` must not be used: fault injection.
#[cold]
fn alloc_slow(taken: Option<(u32, bool)>, gfp: Gfp) -> Result<(u32, bool)> {
    if let Some((page, zero)) = taken {
        lists::put_back(page, zero);
        return Err(NO_MEMORY);
    }
    pressure::retry(gfp, || lists::take(gfp)).ok_or(NO_MEMORY)
}

/// 2^order pages in a row with one reference on the first, marked as `kind`.
pub(crate) fn alloc_order(order: u8, gfp: Gfp, kind: Kind) -> Option<Pfn> {
    // The lists of the CPUs know pages of all addresses.
    if order == 0 && gfp.end().is_none() {
        return alloc_page(gfp, kind).ok().map(machine::pfn_of);
    }
    let first =
        zone::alloc(order, gfp).or_else(|| pressure::retry(gfp, || zone::alloc(order, gfp)))?;
    // SAFETY: metadata lives forever.
    unsafe { machine::meta_of(first).as_ref() }.reset(kind as u32);
    if gfp.wants_zero() {
        // SAFETY: the pages are ours.
        unsafe {
            machine::zero(
                machine::phys_to_virt(PhysAddr::from_pfn(first)),
                PAGE_SIZE << order,
            );
        };
    }
    Some(first)
}

/// Frees what [`alloc_order`] gave.
pub(crate) fn free_order(first: Pfn, order: u8) {
    if order == 0 {
        free_page(machine::meta_of(first));
    } else {
        zone::free(first, order);
    }
}

/// Frees a page whose last reference is gone.
#[inline]
pub(crate) fn free_page(meta: NonNull<FrameMeta>) {
    lists::give(meta, false);
}

/// Gives up the reference that [`alloc_page`] gave: the last one frees the page.
#[inline]
pub(crate) fn release_page(meta: NonNull<FrameMeta>) {
    // SAFETY: metadata lives forever.
    let refs = &unsafe { meta.as_ref() }.refs;
    // A count of 1 is ours alone: nobody can make more of it.
    if refs.load(Ordering::Acquire) == 1 || refs.fetch_sub(1, Ordering::AcqRel) == 1 {
        free_page(meta);
    }
}

/// Whether there is RAM among pages of these numbers.
#[cfg(target_os = "none")]
pub fn has_ram(pages: &core::ops::Range<Pfn>) -> bool {
    let regions = &mut hal::boot::info().memory.iter();
    regions.any(|region| {
        let (start, end) = (region.start.pfn(), region.end.pfn().min(super::MOST_PAGES));
        region.kind.is_ram() && start < pages.end && pages.start < end
    })
}

/// Whether the page of that number is RAM.
#[cfg(target_os = "none")]
pub fn is_ram(pfn: Pfn) -> bool {
    pfn < super::MOST_PAGES && has_ram(&(pfn..pfn + 1))
}

/// What whoever has that page noted of it, if it is RAM: owner and index. If nobody has it they mean nothing.
#[cfg(target_os = "none")]
pub fn notes_of(pfn: Pfn) -> Option<(u64, u64)> {
    // SAFETY: all RAM has metadata, which lives forever.
    let meta = is_ram(pfn).then(|| unsafe { machine::meta_of(pfn).as_ref() })?;
    Some((meta.owner(), meta.index()))
}
