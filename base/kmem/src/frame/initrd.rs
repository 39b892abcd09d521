//! Pages that came with the boot loader (the initrd): handed over in place, without a copy.
use super::{Frame, Kind, zone};
use crate::machine;
use core::ops::Range;
use core::sync::atomic::{AtomicU8, Ordering};
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
#[cfg(target_os = "none")]
use sync::Once;

/// Pages that may be adopted: those of the initrd.
#[cfg(target_os = "none")]
static ADOPTABLE: Once<Range<Pfn>> = Once::new();

/// Boot names the pages that hold the initrd, those it shares with nothing else.
#[cfg(target_os = "none")]
pub(crate) fn set_adoptable(pages: Range<Pfn>) {
    let _ = ADOPTABLE.set(pages);
}

#[cfg(target_os = "none")]
fn adoptable() -> Option<&'static Range<Pfn>> {
    ADOPTABLE.get()
}

#[cfg(not(target_os = "none"))]
fn adoptable() -> Option<&'static Range<Pfn>> {
    zone::ready();
    Some(&machine::INITRD)
}

/// The pages of a physical range that was reserved at boot for the initrd, handed over in place one by one; the range
/// is cut to whole pages. Each page is given once; dropping the frame frees the memory. Who holds no more than bytes of
/// the initrd must be done with a page before it is adopted.
pub fn adopt(range: Range<PhysAddr>) -> impl Iterator<Item = Frame> {
    let mut may = adoptable().cloned().unwrap_or(0..0);
    let taken = STATE.compare_exchange(FRESH, ADOPTED, Ordering::AcqRel, Ordering::Acquire);
    if taken == Err(READING) {
        may = 0..0;
    }
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

/// What is going on with the initrd's pages: bytes are borrowed only while none of them has another owner.
static STATE: AtomicU8 = AtomicU8::new(FRESH);
const FRESH: u8 = 0;
const READING: u8 = 1;
const ADOPTED: u8 = 2;

/// Runs `f` on the bytes of the initrd, which lies at `range`. `None` if that is not where it lies, or if pages of it
/// were adopted before; while `f` runs none can be.
pub fn with_initrd<R>(range: Range<PhysAddr>, f: impl FnOnce(&[u8]) -> R) -> Option<R> {
    let may = adoptable()?;
    let len = range.end.0.checked_sub(range.start.0)?;
    let inside = may.start <= range.start.pfn() && range.end.page_ceil().pfn() <= may.end;
    if !inside || len == 0 {
        return None;
    }
    let taken = STATE.compare_exchange(FRESH, READING, Ordering::Acquire, Ordering::Relaxed);
    taken.ok()?;
    // SAFETY: RAM that boot set aside for the initrd; nobody writes to it before it is adopted, and READING keeps that
    // from happening while the slice lives.
    let bytes = unsafe { core::slice::from_raw_parts(machine::phys_to_virt(range.start), len) };
    let result = f(bytes);
    STATE.store(FRESH, Ordering::Release);
    Some(result)
}

/// Hosted: puts bytes where the initrd lies and says where that is.
///
/// # Panics
/// When they do not fit.
#[cfg(not(target_os = "none"))]
pub fn place_initrd(bytes: &[u8]) -> Range<PhysAddr> {
    let pages = machine::INITRD;
    assert!(bytes.len() <= pages.len() * PAGE_SIZE);
    assert_eq!(STATE.load(Ordering::Relaxed), FRESH, "adopted already");
    let start = PhysAddr::from_pfn(pages.start);
    // SAFETY: the arena's pages that play the initrd, which nobody else uses yet.
    unsafe { machine::copy(machine::phys_to_virt(start), bytes.as_ptr(), bytes.len()) };
    start..start.add(bytes.len())
}

/// Frees what of a range was not adopted: the rest of the initrd once it is unpacked. Returns how many pages.
pub fn free_reserved(range: Range<PhysAddr>) -> usize {
    adopt(range).map(drop).count()
}

const _: () = assert!(PAGE_SIZE == 4096);
