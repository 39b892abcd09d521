//! The kernel's page tables, built once at boot: the direct map of all RAM, all RAM once more for writes to page tables,
//! the kernel's image, and the tables under which the fixed pages and `kmem`'s mappings go.
//!
//! The tables themselves lie in a section of RAM that the direct map shows read-only; what is left of it goes to `kmem`
//! for the tables of address spaces, which asks for more such sections ([`protect`]).

use core::ops::Range;
use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::fixmap;
use super::paging::{self, DIRECT_MAP_BASE, ENTRIES, KERNEL_BASE, VMALLOC, pte, table_virt};
use crate::addr::{PAGE_SIZE, PhysAddr};
use crate::memmap::{MemoryKind, MemoryMap, MemoryRegion};

const MIB2: usize = 2 << 20;
const MIB: usize = 1 << 20;
const LOW_END: usize = 4 << 30;
/// RAM that is taken at once for tables, and the least amount of RAM with which that is done.
const SECTION: usize = 4 * MIB;
const ENOUGH_RAM: usize = 128 * MIB;
/// Ranges of the direct map: below 4 GiB, and what RAM is above (joined when there are many).
const MAX_RANGES: usize = 4;

/// What boot's section for tables has left.
static SPARE: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
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

/// Whether physical addresses are in the direct map.
pub(crate) fn covers(range: Range<usize>) -> bool {
    RANGES.iter().any(|[start, end]| {
        start.load(Ordering::Relaxed) <= range.start && range.end <= end.load(Ordering::Relaxed)
    })
}

/// The tables while they are built: reached at their physical addresses, under the boot tables.
struct Builder<'a> {
    map: &'a mut MemoryMap,
    root: u64,
    /// The section for tables, and what of it is free.
    section: Range<usize>,
    free: Range<usize>,
}

impl Builder<'_> {
    /// Takes a section for tables out of the usable RAM that the boot tables reach, if there is plenty: not of the first 16
    /// MiB, which old devices want.
    fn take_section(&mut self) {
        let usable = |region: &&MemoryRegion| region.kind == MemoryKind::Usable;
        let ram: usize = self
            .map
            .regions()
            .iter()
            .filter(usable)
            .map(|region| region.end.0 - region.start.0)
            .sum();
        // Wherever that many pages begin, a section of them is aligned.
        let pages = 2 * SECTION / PAGE_SIZE - 1;
        let found = self.map.find_free(pages, 16 * MIB..LOW_END);
        if let Some(page) = found.filter(|_| ram >= ENOUGH_RAM) {
            let start = page.0.next_multiple_of(SECTION);
            self.section = start..start + SECTION;
            self.free = self.section.clone();
            self.map.carve(
                PhysAddr(start)..PhysAddr(start + SECTION),
                MemoryKind::BootData,
            );
        }
    }

    /// A zeroed page for a table: of the section, else from anywhere.
    fn new_table(&mut self) -> u64 {
        let page = if let Some(page) = self.free.clone().step_by(PAGE_SIZE).next() {
            self.free.start += PAGE_SIZE;
            PhysAddr(page)
        } else {
            let Some(page) = self.map.find_free(1, 1 << 20..LOW_END) else {
                super::early::fail_with("no memory for page tables");
            };
            self.map
                .carve(page..page.add(PAGE_SIZE), MemoryKind::BootData);
            page
        };
        // SAFETY: free RAM below 4 GiB, which the boot tables map at its physical address.
        unsafe { core::ptr::write_bytes(page.0 as *mut u8, 0, PAGE_SIZE) };
        page.0 as u64
    }

    /// The entry for `virt` in the table at `level` (4 is the top, 1 has the pages), made on the way down.
    fn entry(&mut self, virt: usize, level: u32) -> *mut u64 {
        let mut table = self.root;
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

    /// Maps RAM at `base`, its bounds multiples of 2 MiB. `image` is the kernel's place, which gets 4 KiB pages, without
    /// the right to write text and read-only data; nor may `guarded` be written.
    fn map_ram(
        &mut self,
        base: usize,
        range: Range<usize>,
        image: &Range<usize>,
        guarded: &Range<usize>,
    ) {
        let flags = pte::PRESENT | pte::ACCESSED | pte::DIRTY | pte::GLOBAL | pte::NX;
        let mut phys = range.start;
        while phys < range.end {
            if phys < image.end && image.start < phys + MIB2 {
                let read_only = image.start..address(&raw const _data) - KERNEL_BASE;
                for (part, rights) in split(phys..phys + MIB2, &read_only) {
                    self.map_small(
                        base + part.start,
                        part.start,
                        part.len(),
                        flags | if rights { 0 } else { pte::WRITE },
                    );
                }
            } else {
                let write = if guarded.contains(&phys) {
                    0
                } else {
                    pte::WRITE
                };
                self.set(base + phys, 2, phys as u64 | flags | write | pte::HUGE);
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
        root: 0,
        section: 0..0,
        free: 0..0,
    };
    builder.take_section();
    builder.root = builder.new_table();
    let section = builder.section.clone();
    let image = address(&raw const _text) - KERNEL_BASE..address(&raw const _end) - KERNEL_BASE;
    for [start, end] in &RANGES {
        let range = start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed);
        builder.map_ram(DIRECT_MAP_BASE, range.clone(), &image, &section);
        builder.map_ram(table_virt(PhysAddr(0)).0, range, &image, &(0..0));
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
    let fixmap_table = builder.entry(fixmap::BASE, 1) as usize & !(PAGE_SIZE - 1);
    fixmap::set_table(PhysAddr(fixmap_table));
    let _ = builder.entry(VMALLOC.start, 3);
    SPARE[0].store(builder.free.start, Ordering::Relaxed);
    SPARE[1].store(builder.free.end, Ordering::Relaxed);
    paging::set_kernel_root(PhysAddr(builder.root as usize));
    // SAFETY: the tables map the kernel's image where it runs, its stack, and all RAM.
    unsafe { paging::write_cr3(builder.root) };
    paging::flush_tlb_global();
}

/// What boot's section for tables has left, if there is one: the direct map shows it read-only.
#[must_use]
pub fn spare() -> Range<PhysAddr> {
    PhysAddr(SPARE[0].load(Ordering::Relaxed))..PhysAddr(SPARE[1].load(Ordering::Relaxed))
}

/// Lets the direct map show RAM (bounds multiples of 2 MiB, apart from the kernel's image) read-only, or not. The TLBs learn
/// it later.
///
/// # Panics
/// If the direct map has no pages of 2 MiB there.
pub fn protect(range: Range<PhysAddr>, read_only: bool) {
    for phys in (range.start.0..range.end.0).step_by(MIB2) {
        let virt = DIRECT_MAP_BASE + phys;
        let mut table = paging::kernel_root();
        for level in [4, 3] {
            table = PhysAddr(
                (entry_at(table, virt, level).load(Ordering::Acquire) & pte::ADDR_MASK) as usize,
            );
        }
        let entry = entry_at(table, virt, 2);
        assert!(
            entry.load(Ordering::Relaxed) & pte::HUGE != 0,
            "not of the direct map"
        );
        if read_only {
            entry.fetch_and(!(pte::WRITE | pte::DIRTY), Ordering::AcqRel);
        } else {
            entry.fetch_or(pte::WRITE | pte::DIRTY, Ordering::AcqRel);
        }
    }
}

/// The entry for an address in a table of the kernel's.
fn entry_at(table: PhysAddr, virt: usize, level: u32) -> &'static AtomicU64 {
    let index = virt >> (12 + 9 * (level - 1)) & (ENTRIES - 1);
    // SAFETY: a table above pages of 2 MiB, which stays; boot is over, so that only atomics touch it.
    unsafe { AtomicU64::from_ptr((table_virt(table).0 as *mut u64).wrapping_add(index)) }
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
