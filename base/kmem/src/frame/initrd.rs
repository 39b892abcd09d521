//! Pages that came with the boot loader (the initrd): handed over in place, without a copy.
use super::{Frame, Kind, zone};
use crate::machine;
use core::ops::Range;
use core::sync::atomic::Ordering;
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use sync::Once;

/// Pages that may be adopted: those of the initrd.
static ADOPTABLE: Once<Range<Pfn>> = Once::new();

/// Boot names the pages that hold the initrd, those it shares with nothing else.
pub(crate) fn set_adoptable(pages: Range<Pfn>) {
    let _ = ADOPTABLE.set(pages);
}

/// The pages of a physical range that was reserved at boot for the initrd, handed over in place one by one; the range
/// is cut to whole pages. Each page is given once; dropping the frame frees the memory. Who holds no more than bytes of
/// the initrd must be done with a page before it is adopted.
pub fn adopt(range: Range<PhysAddr>) -> impl Iterator<Item = Frame> {
    let may = ADOPTABLE.get().cloned().unwrap_or(0..0);
    let first = range.start.page_ceil().pfn().max(may.start);
    let end = range.end.pfn().min(may.end);
    (first..end.max(first)).filter_map(adopt_page)
}

fn adopt_page(pfn: Pfn) -> Option<Frame> {
    let meta = machine::meta_of(pfn);
    // SAFETY: metadata lives forever; that of reserved pages was cleared at boot.
    let m = unsafe { meta.as_ref() };
    m.kind
        .compare_exchange(
            Kind::Reserved as u32,
            Kind::Frame as u32,
            Ordering::AcqRel,
            Ordering::Relaxed,
        )
        .ok()?;
    m.reset(Kind::Frame as u32);
    m.set_flags(super::PageFlags::ADOPTED);
    zone::grow(1);
    // SAFETY: the exchange made the page ours; `reset` gave it the one reference.
    Some(unsafe { Frame::from_meta(meta) })
}

/// Frees what of a range was not adopted: the rest of the initrd once it is unpacked. Returns how many pages.
pub fn free_reserved(range: Range<PhysAddr>) -> usize {
    adopt(range).map(drop).count()
}

const _: () = assert!(PAGE_SIZE == 4096);
