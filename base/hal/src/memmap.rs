//! The memory map as `kmem` gets it: sorted, without overlaps, with the boot-time users of RAM carved out. Pure, so that
//! the host tests it.

use core::ops::Range;

use crate::addr::{PAGE_SIZE, PhysAddr};

/// What a region is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryKind {
    /// RAM, free from the start.
    Usable,
    /// RAM that holds the kernel's image.
    Kernel,
    /// RAM that holds the initial file system; free once that is unpacked.
    Initrd,
    /// RAM that holds the page tables of the direct map and the like; never free.
    BootData,
    /// RAM below 1 MiB where other CPUs start; free after `smp::start_all`.
    Trampoline,
    /// ACPI tables; not used as RAM.
    Acpi,
    /// Not RAM, or RAM that firmware keeps.
    Reserved,
}

impl MemoryKind {
    /// Whether there is RAM that the kernel has, or may come to have: worth frame metadata.
    #[must_use]
    pub const fn is_ram(self) -> bool {
        matches!(
            self,
            Self::Usable | Self::Kernel | Self::Initrd | Self::BootData | Self::Trampoline
        )
    }
}

/// A part of the physical address space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryRegion {
    /// First address; a multiple of the page size in RAM.
    pub start: PhysAddr,
    /// First address after it.
    pub end: PhysAddr,
    /// What it is.
    pub kind: MemoryKind,
}

/// Most regions kept; further ones are dropped (their RAM goes unused).
pub const MAX_REGIONS: usize = 128;

/// A map under construction.
#[derive(Clone, Debug)]
pub struct MemoryMap {
    regions: [MemoryRegion; MAX_REGIONS],
    count: usize,
}

impl Default for MemoryMap {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryMap {
    /// No regions.
    #[must_use]
    pub const fn new() -> Self {
        const NONE: MemoryRegion = MemoryRegion {
            start: PhysAddr(0),
            end: PhysAddr(0),
            kind: MemoryKind::Reserved,
        };
        Self {
            regions: [NONE; MAX_REGIONS],
            count: 0,
        }
    }

    /// The regions, sorted.
    #[must_use]
    pub fn regions(&self) -> &[MemoryRegion] {
        &self.regions[..self.count]
    }

    fn insert_at(&mut self, index: usize, region: MemoryRegion) {
        if self.count < MAX_REGIONS && region.start < region.end {
            self.regions.copy_within(index..self.count, index + 1);
            self.regions[index] = region;
            self.count += 1;
        }
    }

    fn remove_at(&mut self, index: usize) {
        self.regions.copy_within(index + 1..self.count, index);
        self.count -= 1;
    }

    /// Adds a region of the firmware's map, shrunk to whole pages if it is RAM. What overlaps RAM and is not RAM wins.
    pub fn add(&mut self, start: usize, end: usize, kind: MemoryKind) {
        let (start, end) = if kind == MemoryKind::Usable {
            (PhysAddr(start).page_ceil(), PhysAddr(end).page_floor())
        } else {
            (PhysAddr(start), PhysAddr(end))
        };
        if start >= end {
            return;
        }
        if kind == MemoryKind::Usable {
            // Only where nothing is yet.
            let mut from = start;
            let mut index = 0;
            while index < self.count && from < end {
                let region = self.regions[index];
                if region.end > from && region.start < end {
                    if from < region.start {
                        let before = self.count;
                        self.place(MemoryRegion {
                            start: from,
                            end: region.start.page_floor(),
                            kind,
                        });
                        index += self.count - before;
                    }
                    from = region.end.page_ceil();
                }
                index += 1;
            }
            if from < end {
                self.place(MemoryRegion {
                    start: from,
                    end,
                    kind,
                });
            }
        } else {
            self.clear(start..end);
            self.place(MemoryRegion { start, end, kind });
        }
    }

    /// Makes a part of usable RAM, widened to whole pages, something else.
    pub fn carve(&mut self, range: Range<PhysAddr>, kind: MemoryKind) {
        let (start, end) = (range.start.page_floor(), range.end.page_ceil());
        if start < end {
            self.clear(start..end);
            self.place(MemoryRegion { start, end, kind });
        }
    }

    /// Drops all usable RAM from an address on (`mem=`).
    pub fn limit(&mut self, end: PhysAddr) {
        let end = end.page_floor();
        for region in &mut self.regions[..self.count] {
            if region.kind == MemoryKind::Usable && region.end > end {
                region.end = region.start.max(end);
            }
        }
        self.drop_empty();
    }

    fn drop_empty(&mut self) {
        while let Some(index) = self
            .regions()
            .iter()
            .position(|region| region.start >= region.end)
        {
            self.remove_at(index);
        }
    }

    /// Takes a range out of all regions. RAM is cut at page boundaries.
    fn clear(&mut self, range: Range<PhysAddr>) {
        let mut index = 0;
        while index < self.count {
            let region = self.regions[index];
            if region.end <= range.start || region.start >= range.end {
                index += 1;
                continue;
            }
            self.remove_at(index);
            let (left_end, right_start) = if region.kind == MemoryKind::Usable {
                (range.start.page_floor(), range.end.page_ceil())
            } else {
                (range.start, range.end)
            };
            if region.start < left_end {
                self.insert_at(
                    index,
                    MemoryRegion {
                        end: left_end,
                        ..region
                    },
                );
                index += 1;
            }
            if right_start < region.end {
                self.insert_at(
                    index,
                    MemoryRegion {
                        start: right_start,
                        ..region
                    },
                );
                index += 1;
            }
        }
    }

    /// Puts a region in its place; joins equal neighbours.
    fn place(&mut self, region: MemoryRegion) {
        let index = self
            .regions()
            .iter()
            .position(|other| other.start > region.start)
            .unwrap_or(self.count);
        self.insert_at(index, region);
        for left in [Some(index), index.checked_sub(1)].into_iter().flatten() {
            if left + 1 < self.count {
                let (a, b) = (self.regions[left], self.regions[left + 1]);
                if a.end == b.start && a.kind == b.kind {
                    self.regions[left].end = b.end;
                    self.remove_at(left + 1);
                }
            }
        }
    }

    /// Finds `pages` free pages between two addresses, lowest first.
    #[must_use]
    pub fn find_free(&self, pages: usize, within: Range<usize>) -> Option<PhysAddr> {
        self.regions()
            .iter()
            .filter(|region| region.kind == MemoryKind::Usable)
            .find_map(|region| {
                let start = region.start.max(PhysAddr(within.start).page_ceil());
                let end = region.end.min(PhysAddr(within.end));
                (start < end && end.0 - start.0 >= pages * PAGE_SIZE).then_some(start)
            })
    }
}

/// `mem=SIZE` with K, M or G.
pub(crate) fn memory_limit(cmdline: &str) -> Option<usize> {
    let value = cmdline
        .split_ascii_whitespace()
        .rev()
        .find_map(|word| word.strip_prefix("mem="))?;
    let digits = value.len()
        - value
            .trim_start_matches(|digit: char| digit.is_ascii_digit())
            .len();
    let shift = match value.as_bytes().get(digits).map(u8::to_ascii_lowercase) {
        Some(b'k') => 10,
        Some(b'm') => 20,
        Some(b'g') => 30,
        _ => 0,
    };
    value[..digits]
        .parse::<usize>()
        .ok()?
        .checked_mul(1 << shift)
        .filter(|limit| *limit >= 16 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(map: &MemoryMap) -> std::vec::Vec<(usize, usize, MemoryKind)> {
        map.regions()
            .iter()
            .map(|region| (region.start.0, region.end.0, region.kind))
            .collect()
    }
    use MemoryKind::{Initrd, Kernel, Reserved, Usable};

    #[test]
    fn a_pc() {
        let mut m = MemoryMap::new();
        m.add(0, 0x9_fc00, Usable);
        m.add(0x9_fc00, 0xa_0000, Reserved);
        m.add(0xf_0000, 0x10_0000, Reserved);
        m.add(0x10_0000, 0x1ffe_0000, Usable);
        m.add(0x1ffe_0000, 0x2000_0000, Reserved);
        m.carve(PhysAddr(0)..PhysAddr(0x1000), Reserved);
        m.carve(PhysAddr(0x20_0000)..PhysAddr(0x34_5678), Kernel);
        m.carve(PhysAddr(0x1ff0_0000)..PhysAddr(0x1ffd_f001), Initrd);
        assert_eq!(
            map(&m),
            [
                (0, 0x1000, Reserved),
                (0x1000, 0x9_f000, Usable),
                (0x9_fc00, 0xa_0000, Reserved),
                (0xf_0000, 0x10_0000, Reserved),
                (0x10_0000, 0x20_0000, Usable),
                (0x20_0000, 0x34_6000, Kernel),
                (0x34_6000, 0x1ff0_0000, Usable),
                (0x1ff0_0000, 0x1ffe_0000, Initrd),
                (0x1ffe_0000, 0x2000_0000, Reserved),
            ]
        );
        assert_eq!(
            m.find_free(4, 0x10_0000..usize::MAX),
            Some(PhysAddr(0x10_0000))
        );
        assert_eq!(
            m.find_free(0x200, 0x10_0000..usize::MAX),
            Some(PhysAddr(0x34_6000))
        );
        assert_eq!(m.find_free(2, 0x9_e000..0xa_0000), None);
    }

    #[test]
    fn overlaps_whatever_the_order() {
        let mut first = MemoryMap::new();
        first.add(0, 0x10000, Usable);
        first.add(0x4000, 0x4800, Reserved);
        let mut second = MemoryMap::new();
        second.add(0x4000, 0x4800, Reserved);
        second.add(0, 0x10000, Usable);
        assert_eq!(
            map(&first),
            [
                (0, 0x4000, Usable),
                (0x4000, 0x4800, Reserved),
                (0x5000, 0x10000, Usable)
            ]
        );
        assert_eq!(
            second.regions().iter().filter(|r| r.kind == Usable).count(),
            2
        );
        assert!(
            second
                .regions()
                .windows(2)
                .all(|pair| pair[0].end <= pair[1].start)
        );
    }

    #[test]
    fn limits_and_joins() {
        let mut m = MemoryMap::new();
        m.add(0, 0x8000, Usable);
        m.add(0x8000, 0x10000, Usable);
        assert_eq!(map(&m), [(0, 0x10000, Usable)]);
        m.limit(PhysAddr(0x4fff));
        assert_eq!(map(&m), [(0, 0x4000, Usable)]);
        m.limit(PhysAddr(0));
        assert!(m.regions().is_empty());
    }

    #[test]
    fn the_limit_on_the_command_line() {
        assert_eq!(memory_limit("quiet mem=64M panic=1"), Some(64 << 20));
        assert_eq!(memory_limit("mem=1G mem=0x"), None);
        assert_eq!(memory_limit("mem=524288k"), Some(512 << 20));
        assert_eq!(memory_limit("mem=33554432"), Some(32 << 20));
        for bad in [
            "",
            "mem=",
            "mem=1M",
            "mem=99999999999999999999G",
            "mem=18446744073709551615G",
            "xmem=1G",
        ] {
            assert_eq!(memory_limit(bad), None, "{bad}");
        }
    }

    #[test]
    fn too_many() {
        let mut m = MemoryMap::new();
        for index in 0..1000 {
            m.add(index * 0x2000, index * 0x2000 + 0x1000, Usable);
        }
        assert_eq!(m.regions().len(), MAX_REGIONS);
        m.carve(PhysAddr(0)..PhysAddr(usize::MAX & !0xfff), Kernel);
        assert_eq!(m.regions().len(), 1);
    }
}
