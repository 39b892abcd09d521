//! Start of day: the metadata array is placed, RAM goes to the page allocator.
use crate::stack::{KernelStack, STACK_SIZE};
use crate::{frame, machine};
use arrayvec::ArrayVec;
use core::ops::Range;
use hal::addr::{PAGE_SIZE, Pfn, PhysAddr};
use hal::boot::{BootInfo, MemoryKind, MemoryRegion};

const SECTION: usize = buddy::MAX_BLOCK as usize;

/// Takes over the RAM that boot found. Once, on the boot CPU, before anything allocates.
///
/// # Panics
/// When there is no room for the metadata: less than a few MiB of RAM.
pub fn init(info: &BootInfo) {
    let ram = || info.memory.iter().filter(|r| r.kind.is_ram());
    let end = ram()
        .map(|r| r.end.pfn())
        .max()
        .unwrap_or(0)
        .min(frame::MOST_PAGES)
        .next_multiple_of(SECTION);
    let bytes = end * size_of::<frame::FrameMeta>();
    let metas = place(info.memory, bytes).expect("no room for the page metadata");
    machine::set_metas(hal::paging::phys_to_virt(metas.start).0);

    // Neighbouring regions of RAM are one range for the allocator, what is in use is cut out of it.
    let mut usable: ArrayVec<Range<Pfn>, 130> = ArrayVec::new();
    let mut taken: ArrayVec<Range<Pfn>, 130> = ArrayVec::new();
    for r in ram() {
        let pages = r.start.page_ceil().pfn()..r.end.pfn().min(end);
        if pages.is_empty() {
            continue;
        }
        match usable.last_mut() {
            Some(last) if last.end == pages.start => last.end = pages.end,
            _ => drop(usable.try_push(pages.clone())),
        }
        if r.kind != MemoryKind::Usable {
            push_taken(&mut taken, pages);
        }
    }
    push_taken(&mut taken, metas.start.pfn()..metas.end.pfn());
    // Page 0 stays unused: a page number of 0 means "none" in places.
    push_taken(&mut taken, 0..1);
    taken.sort_unstable_by_key(|t| t.start);
    frame::init(&usable, &taken);
    let spare = hal::directmap::spare();
    frame::init_tables(spare.start.pfn()..spare.end.pfn());
    frame::set_flush(crate::space::flush_kernel);
    crate::space::set_drainer(crate::drain::drain_local);
    crate::pressure::set_drain(crate::drain::drain_all);
    if let Some(initrd) = &info.initrd {
        frame::set_adoptable(initrd.start.pfn()..initrd.end.page_ceil().pfn());
    }
}

/// Memory that is never freed: the first, interrupt and exception stacks of a CPU. Zeroed; an unmapped page follows.
/// `None`: no memory.
pub fn boot_memory(bytes: usize) -> Option<&'static mut [u8]> {
    // A stack, which lies as those of threads do.
    if bytes == STACK_SIZE {
        return KernelStack::alloc().ok().map(KernelStack::leak);
    }
    let ptr = crate::vmalloc::alloc(bytes).ok()?.into_raw();
    // SAFETY: the area is mapped and initialised for that length, and it is nobody else's from here on.
    Some(unsafe { core::slice::from_raw_parts_mut(ptr, bytes) })
}

fn push_taken(taken: &mut ArrayVec<Range<Pfn>, 130>, pages: Range<Pfn>) {
    taken
        .try_push(pages)
        .expect("too many regions in the memory map");
}

/// Room for the metadata at the end of the last usable region that has it.
fn place(memory: &[MemoryRegion], bytes: usize) -> Option<Range<PhysAddr>> {
    memory
        .iter()
        .rev()
        .filter(|r| r.kind == MemoryKind::Usable)
        .find(|r| r.end.page_floor().0.saturating_sub(r.start.0) >= bytes + PAGE_SIZE)
        .map(|r| PhysAddr(r.end.page_floor().0 - bytes)..r.end.page_floor())
}
