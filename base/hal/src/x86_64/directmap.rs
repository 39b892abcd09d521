//! The kernel's page tables, built once at boot: the direct map of all RAM, the kernel's image, and the tables under
//! which the fixed pages and `kmem`'s mappings go.

use core::ops::Range;
use core::sync::atomic::{AtomicUsize, Ordering};

use super::fixmap::{self, Table};
use super::paging::{self, ENTRIES, KERNEL_BASE, VMALLOC, pte, virt_to_phys};
use super::{cpu, fixmap::TABLE as FIXMAP};
use crate::addr::{PAGE_SIZE, PhysAddr, VirtAddr};
use crate::memmap::{MemoryKind, MemoryMap};

const MIB2: usize = 2 << 20;
const GIB: usize = 1 << 30;
const LOW_END: usize = 4 * GIB;
/// Ranges of the direct map: below 4 GiB, and what RAM is above (joined when there are many).
const MAX_RANGES: usize = 4;

static ROOT: Table = Table(core::cell::UnsafeCell::new([0; ENTRIES]));
static RANGES: [[AtomicUsize; 2]; MAX_RANGES] =
    [const { [AtomicUsize::new(0), AtomicUsize::new(0)] }; MAX_RANGES];

unsafe extern "C" {
    static _text: u8;
    static _rodata: u8;
    static _data: u8;
    static _end: u8;
}

fn address(symbol: *const u8) -> usize {
    symbol as usize
}

fn root() -> PhysAddr {
    virt_to_phys(VirtAddr(ROOT.0.get() as usize))
}

/// Whether physical addresses are in the direct map.
pub(crate) fn covers(range: Range<usize>) -> bool {
    RANGES.iter().any(|[start, end]| {
        start.load(Ordering::Relaxed) <= range.start && range.end <= end.load(Ordering::Relaxed)
    })
}

/// The tables while they are built: reached at their physical addresses, under the boot tables.
struct Builder<'a> {
    map: &'a mut MemoryMap,
    gib_pages: bool,
}

impl Builder<'_> {
    /// A zeroed page for a table, taken out of the usable RAM that the boot tables reach.
    fn new_table(&mut self) -> u64 {
        let Some(page) = self.map.find_free(1, 1 << 20..LOW_END) else {
            super::early::fail_with("no memory for page tables");
        };
        self.map
            .carve(page..page.add(PAGE_SIZE), MemoryKind::BootData);
        // SAFETY: free RAM below 4 GiB, which the boot tables map at its physical address.
        unsafe { core::ptr::write_bytes(page.0 as *mut u8, 0, PAGE_SIZE) };
        page.0 as u64
    }

    /// The entry for `virt` in the table at `level` (4 is the top, 1 has the pages), made on the way down.
    fn entry(&mut self, virt: usize, level: u32) -> *mut u64 {
        let mut table = root().0 as u64;
        let mut at = 4;
        loop {
            let index = virt >> (12 + 9 * (at - 1)) & (ENTRIES - 1);
            let entry = (table as usize as *mut u64).wrapping_add(index);
            if at == level {
                return entry;
            }
            // SAFETY: a table of ours, below 4 GiB, mapped at its physical address.
            unsafe {
                if entry.read() == 0 {
                    entry.write(self.new_table() | pte::PRESENT | pte::WRITE | pte::ACCESSED);
                }
                table = entry.read() & pte::ADDR_MASK;
            }
            at -= 1;
        }
    }

    fn set(&mut self, virt: usize, level: u32, value: u64) {
        let entry = self.entry(virt, level);
        // SAFETY: an entry of a table of ours.
        unsafe { entry.write(value) };
    }

    /// Maps whole pages of 4 KiB.
    fn map_small(&mut self, virt: usize, phys: usize, length: usize, flags: u64) {
        let mut entry = core::ptr::null_mut::<u64>();
        for offset in (0..length).step_by(PAGE_SIZE) {
            if entry.is_null() || (virt + offset).is_multiple_of(MIB2) {
                entry = self.entry(virt + offset, 1);
            }
            // SAFETY: within one table: the walk is done again where the next begins.
            unsafe {
                entry.write((phys + offset) as u64 | flags);
                entry = entry.add(1);
            }
        }
    }

    /// Maps a part of the direct map, its bounds multiples of 2 MiB. `image` is the kernel's place, which gets 4 KiB
    /// pages, without the right to write text and read-only data.
    fn map_direct(&mut self, range: Range<usize>, image: &Range<usize>) {
        let flags = pte::PRESENT | pte::ACCESSED | pte::DIRTY | pte::GLOBAL | pte::NX;
        let mut phys = range.start;
        while phys < range.end {
            let virt = paging::DIRECT_MAP_BASE + phys;
            let meets_image = |size: usize| phys < image.end && image.start < phys + size;
            if self.gib_pages
                && phys.is_multiple_of(GIB)
                && range.end - phys >= GIB
                && !meets_image(GIB)
            {
                self.set(virt, 3, phys as u64 | flags | pte::WRITE | pte::HUGE);
                phys += GIB;
                continue;
            }
            if meets_image(MIB2) {
                let read_only = image.start..address(&raw const _data) - KERNEL_BASE;
                for (part, rights) in split(phys..phys + MIB2, &read_only) {
                    let virt = paging::DIRECT_MAP_BASE + part.start;
                    self.map_small(
                        virt,
                        part.start,
                        part.len(),
                        flags | if rights { 0 } else { pte::WRITE },
                    );
                }
            } else {
                self.set(virt, 2, phys as u64 | flags | pte::WRITE | pte::HUGE);
            }
            phys += MIB2;
        }
    }
}

/// Cuts a range into what is before, inside (true) and after another.
fn split(range: Range<usize>, inner: &Range<usize>) -> [(Range<usize>, bool); 3] {
    let start = inner.start.clamp(range.start, range.end);
    let end = inner.end.clamp(start, range.end);
    [
        (range.start..start, false),
        (start..end, true),
        (end..range.end, false),
    ]
}

/// Builds the kernel's tables and loads them. `guards` are pages of the image that stay unmapped.
pub(crate) fn build(map: &mut MemoryMap, guards: [usize; 2]) {
    choose_ranges(map);
    let mut builder = Builder {
        map,
        gib_pages: cpu::features().gib_pages,
    };
    let image = address(&raw const _text) - KERNEL_BASE..address(&raw const _end) - KERNEL_BASE;
    for [start, end] in &RANGES {
        builder.map_direct(
            start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed),
            &image,
        );
    }
    let flags = pte::PRESENT | pte::ACCESSED | pte::GLOBAL;
    for (start, end, rights) in [
        (&raw const _text, &raw const _rodata, 0),
        (&raw const _rodata, &raw const _data, pte::NX),
        (
            &raw const _data,
            &raw const _end,
            pte::NX | pte::WRITE | pte::DIRTY,
        ),
    ] {
        let (start, end) = (address(start), address(end));
        builder.map_small(start, start - KERNEL_BASE, end - start, flags | rights);
    }
    for guard in guards {
        builder.set(guard, 1, 0);
    }
    // Tables that must be there before anybody copies the top table's entries.
    let fixmap_table = virt_to_phys(VirtAddr(FIXMAP.0.get() as usize)).0 as u64;
    builder.set(
        fixmap::BASE,
        2,
        fixmap_table | pte::PRESENT | pte::WRITE | pte::ACCESSED,
    );
    let _ = builder.entry(VMALLOC.start, 3);
    paging::set_kernel_root(root());
    // SAFETY: the tables map the kernel's image where it runs, its stack, and all RAM.
    unsafe { paging::write_cr3(root().0 as u64) };
    paging::flush_tlb_global();
}

/// What the direct map holds: everything below the end of the RAM that lies below 4 GiB, and the RAM above.
fn choose_ranges(map: &MemoryMap) {
    let mut low_end = 1 << 20;
    let mut used = 1;
    for region in map.regions() {
        let (start, end) = (
            region.start.0 & !(MIB2 - 1),
            region.end.0.next_multiple_of(MIB2),
        );
        if !region.kind.is_ram() {
            continue;
        }
        if region.start.0 < LOW_END {
            low_end = low_end.max(region.end.0.min(LOW_END));
            continue;
        }
        let [_, last_end] = &RANGES[used - 1];
        if used > 1 && (last_end.load(Ordering::Relaxed) >= start || used == MAX_RANGES) {
            last_end.store(end, Ordering::Relaxed);
        } else {
            RANGES[used][0].store(start, Ordering::Relaxed);
            RANGES[used][1].store(end, Ordering::Relaxed);
            used += 1;
        }
    }
    RANGES[0][1].store(low_end.next_multiple_of(MIB2), Ordering::Relaxed);
}
