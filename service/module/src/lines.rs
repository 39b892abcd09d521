//! Source lines of a module's text: what reports of its failures show beside its functions. Kept as its file has them
//! (`kmod::Lines`), so that loading pays for a copy alone.
use alloc::vec::Vec;
use kmem::TryVec;
use kmod::{Lines, ModuleFile, SourceLine, relocate};

/// A module's `.debug_line`, relocated, and the names that it refers to. Empty when there is none.
#[derive(Debug, Default)]
pub(crate) struct LineTable {
    programs: Vec<u8>,
    strings: Vec<u8>,
}

impl LineTable {
    /// What `file` has, by the values of its symbols. A module is none the worse for having nothing, or what makes no
    /// sense, or no memory for it: its reports show no lines then.
    pub(crate) fn of(file: &ModuleFile<'_>, values: &[u64]) -> Self {
        Self::read(file, values).unwrap_or_default()
    }

    fn read(file: &ModuleFile<'_>, values: &[u64]) -> Option<Self> {
        let sections = file.sections();
        let (number, programs) = file.find(b".debug_line")?;
        let mut programs = Vec::try_from_slice(sections.bytes(&programs).ok()?).ok()?;
        // In memory it has no address; places in it, such as names, are counted from its start.
        let value_of = |number: u32| values.get(number as usize).copied();
        for relocations in file.relocations_of(number) {
            let entries = sections.bytes(&relocations).ok()?;
            relocate(entries, &mut programs, 0, &value_of).ok()?;
        }
        let strings = match file.find(b".debug_line_str") {
            Some((_, strings)) => Vec::try_from_slice(sections.bytes(&strings).ok()?).ok()?,
            None => Vec::new(),
        };
        Some(Self { programs, strings })
    }

    /// The line of an instruction.
    pub(crate) fn find(&self, address: u64) -> Option<SourceLine<'_>> {
        Lines::new(&self.programs, &self.strings).find(address)
    }
}
