//! Where each section goes. A module's memory has six parts, each of whole pages with one kind of access; what init alone
//! needs is apart, since it is given back after init.
use crate::file::{shf, sht};
use crate::{Defect, ModuleFile};
use alloc::vec::Vec;
use core::ops::Range;
use elf::Section;
use reserved::Reserved;

const PAGE: u64 = 4096;
/// Most bytes of a module: the module area itself is smaller than 2 GiB.
const MOST: u64 = 256 << 20;

/// A part of a module's memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Executable and read-only.
    Text,
    /// Read-only, not executable.
    Rodata,
    /// Writable, not executable. `.data..ro_after_init` is among it until init is over.
    Data,
    /// As `Text`, until init is over.
    InitText,
    /// As `Rodata`, until init is over.
    InitRodata,
    /// As `Data`, until init is over.
    InitData,
}

/// All parts in the order of their addresses.
pub const PARTS: [Part; 6] = [
    Part::Text,
    Part::Rodata,
    Part::Data,
    Part::InitText,
    Part::InitRodata,
    Part::InitData,
];

/// A section's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Not in memory.
    None,
    /// At this offset of a part.
    At(Part, u64),
    /// At this offset of the module's share of each CPU's memory.
    PerCpu(u64),
}

/// The places of all sections.
#[derive(Debug)]
pub struct Layout {
    places: Vec<Place>,
    sizes: [u64; PARTS.len()],
    per_cpu: (u64, u64),
}

impl Layout {
    /// Places the sections of `file`.
    ///
    /// # Errors
    /// [`Defect::TooLarge`], [`Defect::NoMemory`].
    pub fn new(file: &ModuleFile<'_>) -> Result<Self, Defect> {
        let sections = file.sections();
        let mut places = Vec::new();
        places
            .try_reserve_exact(sections.len())
            .map_err(|_| Defect::NoMemory)?;
        let mut layout = Self {
            places,
            sizes: [0; PARTS.len()],
            per_cpu: (0, 1),
        };
        for section in sections.iter() {
            let name = sections.name(&section).unwrap_or_default();
            let place = layout.place(&section, name)?;
            layout.places.push_reserved(place);
        }
        Ok(layout)
    }

    fn place(&mut self, section: &Section, name: &[u8]) -> Result<Place, Defect> {
        // Names and versions are read from the file; nobody looks for them in memory.
        if section.flags & shf::ALLOC == 0 || name == b".modinfo" || name == b"__versions" {
            return Ok(Place::None);
        }
        if name == b".data..percpu" {
            self.per_cpu.1 = self.per_cpu.1.max(section.align);
            return append(&mut self.per_cpu.0, section).map(Place::PerCpu);
        }
        let part = part_of(section, name);
        let offset = append(&mut self.sizes[part as usize], section)?;
        if self.sizes.iter().sum::<u64>() > MOST {
            return Err(Defect::TooLarge);
        }
        Ok(Place::At(part, offset))
    }

    /// The place of a section.
    #[must_use]
    pub fn of(&self, section: usize) -> Place {
        self.places.get(section).copied().unwrap_or(Place::None)
    }

    /// Bytes of a part, in whole pages; 0 for one that the module does not have.
    #[must_use]
    pub fn size(&self, part: Part) -> u64 {
        self.sizes[part as usize].next_multiple_of(PAGE)
    }

    /// The parts of a module that stands at `base`: one behind the other, in the order of [`PARTS`].
    #[must_use]
    pub fn parts(&self, base: u64) -> [Range<u64>; PARTS.len()] {
        let mut at = base;
        PARTS.map(|part| {
            let start = at;
            at += self.size(part);
            start..at
        })
    }

    /// Bytes of a part that sections use.
    #[must_use]
    pub fn used(&self, part: Part) -> u64 {
        self.sizes[part as usize]
    }

    /// Size and alignment of the module's share of each CPU's memory.
    #[must_use]
    pub fn per_cpu(&self) -> (u64, u64) {
        self.per_cpu
    }
}

/// Puts a section behind the others; its offset.
fn append(size: &mut u64, section: &Section) -> Result<u64, Defect> {
    let offset = size.next_multiple_of(section.align.max(1));
    *size = offset
        .checked_add(section.size)
        .filter(|end| *end <= MOST)
        .ok_or(Defect::TooLarge)?;
    Ok(offset)
}

fn part_of(section: &Section, name: &[u8]) -> Part {
    let init = name.starts_with(b".init");
    let writable =
        section.flags & (shf::WRITE | shf::RO_AFTER_INIT) != 0 || section.kind == sht::NOBITS;
    match (section.flags & shf::EXECINSTR != 0, writable, init) {
        (true, _, false) => Part::Text,
        (true, _, true) => Part::InitText,
        (false, true, false) => Part::Data,
        (false, true, true) => Part::InitData,
        (false, false, false) => Part::Rodata,
        (false, false, true) => Part::InitRodata,
    }
}
