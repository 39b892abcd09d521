//! The symbol table.
use crate::{Defect, field, string};

/// Bytes of one entry.
const ENTRY: usize = 24;

/// Where a symbol is defined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// Elsewhere: to be looked up by name.
    Undefined,
    /// Its value is its address.
    Absolute,
    /// A common block, which modules must not have (`-fno-common`).
    Common,
    /// In the section of that number.
    Section(usize),
}

/// One symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Its name; empty for sections.
    pub name: &'a [u8],
    /// Where it is defined.
    pub home: Home,
    /// Its offset in its section.
    pub value: u64,
    /// Bytes; 0 when unknown.
    pub size: u64,
    /// `STB_WEAK`: may stay undefined, and is 0 then.
    pub weak: bool,
    /// `STB_GLOBAL` or weak.
    pub global: bool,
    /// `STT_FUNC`.
    pub function: bool,
    /// `STT_SECTION` or `STT_FILE`: no name that anybody looks for.
    pub nameless: bool,
}

/// All symbols of a file.
#[derive(Clone, Copy)]
pub struct Symbols<'a> {
    table: &'a [u8],
    strings: &'a [u8],
}

impl<'a> Symbols<'a> {
    pub(crate) fn new(table: &'a [u8], strings: &'a [u8]) -> Result<Self, Defect> {
        let symbols = Self { table, strings };
        // Each name is checked once here, so that later look-ups can't fail.
        for index in 0..symbols.len() {
            symbols.get(index).ok_or(Defect::Symbols)?;
        }
        Ok(symbols)
    }

    /// How many there are, the null symbol included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len() / ENTRY
    }

    /// Whether there is none at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Number `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<Symbol<'a>> {
        let at = index.checked_mul(ENTRY)?;
        let entry = self.table.get(at..at.checked_add(ENTRY)?)?;
        let [info] = field::<1>(entry, 4)?;
        let (bind, kind) = (info >> 4, info & 15);
        let home = match u16::from_le_bytes(field(entry, 6)?) {
            0 => Home::Undefined,
            0xfff1 => Home::Absolute,
            0xfff2 => Home::Common,
            number => Home::Section(number.into()),
        };
        Some(Symbol {
            name: string(self.strings, u32::from_le_bytes(field(entry, 0)?) as usize)?,
            home,
            value: u64::from_le_bytes(field(entry, 8)?),
            size: u64::from_le_bytes(field(entry, 16)?),
            weak: bind == 2,
            global: bind != 0,
            function: kind == 2,
            nameless: kind == 3 || kind == 4,
        })
    }

    /// All in order, without the null symbol.
    pub fn iter(&self) -> impl Iterator<Item = Symbol<'a>> + '_ {
        (1..self.len()).filter_map(|index| self.get(index))
    }
}
