//! Sections, for relocatable objects.
use crate::header::SHDR_SIZE;
use crate::{ElfError, Header, Record, slice};

/// Type of a section that takes no bytes in the file.
const NOBITS: u32 = 8;

/// One section header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Offset of its name in the string table.
    pub name: u32,
    /// `SHT_*`.
    pub kind: u32,
    /// `SHF_*`.
    pub flags: u64,
    /// Address, 0 in an object.
    pub addr: u64,
    /// File offset.
    pub offset: u64,
    /// Bytes.
    pub size: u64,
    /// Index of a related section.
    pub link: u32,
    /// More of the kind.
    pub info: u32,
    /// Alignment.
    pub align: u64,
    /// Size of one entry, for tables.
    pub entsize: u64,
}

/// The section headers of a whole file in memory.
#[derive(Clone, Copy)]
pub struct Sections<'a> {
    file: &'a [u8],
    table: &'a [u8],
    names: &'a [u8],
}

impl<'a> Sections<'a> {
    /// Finds the table and the names. [`ElfError::Section`], [`ElfError::Truncated`].
    pub fn new(file: &'a [u8], header: &Header) -> Result<Self, ElfError> {
        if header.shnum != 0 && usize::from(header.shentsize) != SHDR_SIZE {
            return Err(ElfError::Section);
        }
        let table = slice(
            file,
            header.shoff,
            u64::from(header.shnum) * SHDR_SIZE as u64,
        )?;
        let mut sections = Self {
            file,
            table,
            names: &[],
        };
        if let Some(names) = sections.get(usize::from(header.shstrndx)) {
            sections.names = sections.bytes(&names)?;
        }
        Ok(sections)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.table.len() / SHDR_SIZE
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Number `index`.
    pub fn get(&self, index: usize) -> Option<Section> {
        let at = index.checked_mul(SHDR_SIZE)?;
        let r = Record(self.table.get(at..at.checked_add(SHDR_SIZE)?)?);
        parse(r).ok()
    }

    /// All in order.
    pub fn iter(&self) -> impl Iterator<Item = Section> + '_ {
        self.table
            .chunks_exact(SHDR_SIZE)
            .filter_map(|b| parse(Record(b)).ok())
    }

    /// What is in it; nothing for one that takes no bytes in the file. [`ElfError::Truncated`].
    pub fn bytes(&self, section: &Section) -> Result<&'a [u8], ElfError> {
        if section.kind == NOBITS {
            return Ok(&[]);
        }
        slice(self.file, section.offset, section.size)
    }

    /// Its name. [`ElfError::Section`] if it is not terminated within the string table.
    pub fn name(&self, section: &Section) -> Result<&'a [u8], ElfError> {
        let tail = self
            .names
            .get(section.name as usize..)
            .ok_or(ElfError::Section)?;
        let len = tail.iter().position(|&b| b == 0).ok_or(ElfError::Section)?;
        Ok(&tail[..len])
    }
}

fn parse(r: Record<'_>) -> Result<Section, ElfError> {
    Ok(Section {
        name: r.u32(0)?,
        kind: r.u32(4)?,
        flags: r.u64(8)?,
        addr: r.u64(16)?,
        offset: r.u64(24)?,
        size: r.u64(32)?,
        link: r.u32(40)?,
        info: r.u32(44)?,
        align: r.u64(48)?,
        entsize: r.u64(56)?,
    })
}
