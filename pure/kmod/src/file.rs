//! The file as a whole.
use crate::{Defect, ModInfo, Symbols};
use elf::{Header, Kind, Section, Sections};

/// `SHT_*`.
pub(crate) mod sht {
    pub(crate) const SYMTAB: u32 = 2;
    pub(crate) const RELA: u32 = 4;
    pub(crate) const NOBITS: u32 = 8;
}
/// `SHF_*`.
pub(crate) mod shf {
    pub(crate) const WRITE: u64 = 1 << 0;
    pub(crate) const ALLOC: u64 = 1 << 1;
    pub(crate) const EXECINSTR: u64 = 1 << 2;
    /// Set by nobody in a relocatable object: written after init, then read-only.
    pub(crate) const RO_AFTER_INIT: u64 = 1 << 21;
}

/// Most sections of a module.
const MOST_SECTIONS: usize = 65_279;
/// The section that `.mod.c` makes: the module's own record.
const THIS_MODULE: &[u8] = b".gnu.linkonce.this_module";

/// A module's file, with the parts that every module has.
#[derive(Clone, Copy)]
pub struct ModuleFile<'a> {
    sections: Sections<'a>,
    symbols: Symbols<'a>,
    info: ModInfo<'a>,
    this_module: usize,
}

impl<'a> ModuleFile<'a> {
    /// Reads and checks a whole file.
    ///
    /// # Errors
    /// The first [`Defect`] found.
    pub fn parse(file: &'a [u8]) -> Result<Self, Defect> {
        let header = Header::parse(file)?;
        if header.kind != Kind::Relocatable {
            return Err(Defect::NotRelocatable);
        }
        let sections = Sections::new(file, &header)?;
        if sections.is_empty() || sections.len() > MOST_SECTIONS {
            return Err(Defect::Section);
        }
        let mut symtab = None;
        let mut info = None;
        let mut this_module = None;
        for (index, section) in sections.iter().enumerate().skip(1) {
            check(&sections, &section)?;
            match sections.name(&section)? {
                b".modinfo" => info = Some(section),
                THIS_MODULE => this_module = Some((index, section)),
                _ => {}
            }
            if section.kind == sht::SYMTAB && symtab.replace(section).is_some() {
                return Err(Defect::Symbols);
            }
        }
        let symtab = symtab.ok_or(Defect::Stripped)?;
        let strings = sections.get(symtab.link as usize).ok_or(Defect::Stripped)?;
        let symbols = Symbols::new(sections.bytes(&symtab)?, sections.bytes(&strings)?)?;
        let outside = |symbol: crate::Symbol<'_>| matches!(symbol.home, crate::Home::Section(n) if n >= sections.len());
        if symbols.iter().any(outside) {
            return Err(Defect::Symbols);
        }
        // Without it a module says nothing of itself.
        let info = info.map_or(Ok(&[][..]), |info| sections.bytes(&info))?;
        let info = ModInfo::new(info)?;
        let (this_module, section) = this_module.ok_or(Defect::ThisModule)?;
        if section.flags & shf::ALLOC == 0 || section.flags & shf::WRITE == 0 {
            return Err(Defect::ThisModule);
        }
        Ok(Self {
            sections,
            symbols,
            info,
            this_module,
        })
    }

    /// All sections.
    #[must_use]
    pub fn sections(&self) -> Sections<'a> {
        self.sections
    }

    /// The symbol table.
    #[must_use]
    pub fn symbols(&self) -> Symbols<'a> {
        self.symbols
    }

    /// What it says of itself.
    #[must_use]
    pub fn info(&self) -> ModInfo<'a> {
        self.info
    }

    /// The number of the section that holds the module's record.
    #[must_use]
    pub fn this_module(&self) -> usize {
        self.this_module
    }

    /// The first section of that name, with its number.
    #[must_use]
    pub fn find(&self, name: &[u8]) -> Option<(usize, Section)> {
        let named = |section: &Section| self.sections.name(section).is_ok_and(|n| n == name);
        self.sections
            .iter()
            .enumerate()
            .find(|(_, section)| named(section))
    }

    /// Sections of relocations whose target is part of the memory image: (relocations, number of the target).
    pub fn relocations(&self) -> impl Iterator<Item = (Section, usize)> + '_ {
        let loaded = |number: usize| {
            self.sections
                .get(number)
                .is_some_and(|target| target.flags & shf::ALLOC != 0)
        };
        self.all_relocations()
            .filter(move |(_, target)| loaded(*target))
    }

    /// Sections of relocations of one section, which may lie outside of the memory image.
    pub fn relocations_of(&self, target: usize) -> impl Iterator<Item = Section> + '_ {
        let of_target = move |(section, number)| (number == target).then_some(section);
        self.all_relocations().filter_map(of_target)
    }

    fn all_relocations(&self) -> impl Iterator<Item = (Section, usize)> + '_ {
        self.sections
            .iter()
            .filter(|section| section.kind == sht::RELA)
            .map(|section| (section, section.info as usize))
    }
}

/// Bounds, alignment, and the name.
fn check(sections: &Sections<'_>, section: &Section) -> Result<(), Defect> {
    sections.name(section)?;
    sections.bytes(section)?;
    let entry = match section.kind {
        sht::SYMTAB | sht::RELA => 24,
        _ => 1,
    };
    let aligned = section.align == 0 || section.align.is_power_of_two() && section.align <= 1 << 21;
    if !aligned || !section.size.is_multiple_of(entry) {
        return Err(Defect::Section);
    }
    Ok(())
}
