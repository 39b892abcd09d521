//! Tables of folders and files of DWARF 5, which describe their own columns.
use super::bytes::Bytes;
use crate::string;

/// What a column of a table of version 5 is of, and how a field is written (`DW_LNCT_*`, `DW_FORM_*`).
mod column {
    pub(super) const PATH: u64 = 1;
    pub(super) const FOLDER: u64 = 2;
}
mod form {
    pub(super) const DATA2: u64 = 0x05;
    pub(super) const DATA4: u64 = 0x06;
    pub(super) const DATA8: u64 = 0x07;
    pub(super) const STRING: u64 = 0x08;
    pub(super) const BLOCK: u64 = 0x09;
    pub(super) const DATA1: u64 = 0x0b;
    pub(super) const STRP: u64 = 0x0e;
    pub(super) const UDATA: u64 = 0x0f;
    pub(super) const DATA16: u64 = 0x1e;
    pub(super) const LINE_STRP: u64 = 0x1f;
}

/// A table of folders or files of version 5.
pub(super) struct Table<'a> {
    /// Pairs of what and how.
    columns: Bytes<'a>,
    count: u8,
    pub(super) entries: u64,
    pub(super) first: Bytes<'a>,
}

impl<'a> Table<'a> {
    /// Reads the description in front of a table.
    pub(super) fn read(from: &mut Bytes<'a>) -> Option<Self> {
        let count = from.byte()?;
        let columns = *from;
        for _ in 0..count {
            let (_what, _how) = (from.unsigned()?, from.unsigned()?);
        }
        let entries = from.unsigned()?;
        // Each entry takes a byte at least, so that their number is bounded by what there is to read.
        if count == 0 && entries != 0 {
            return None;
        }
        Some(Self {
            columns,
            count,
            entries,
            first: *from,
        })
    }

    /// The next entry: its name, and the number of its folder.
    pub(super) fn entry(
        &self,
        from: &mut Bytes<'a>,
        wide: bool,
        strings: &'a [u8],
    ) -> Option<(&'a [u8], u64)> {
        let (mut name, mut folder): (&[u8], _) = (b"", 0);
        let mut columns = self.columns;
        for _ in 0..self.count {
            let what = columns.unsigned()?;
            let (mut number, mut text): (_, &[u8]) = (0, b"");
            match columns.unsigned()? {
                form::STRING => text = from.string()?,
                form::LINE_STRP => {
                    let at = usize::try_from(from.offset(wide)?).ok()?;
                    text = string(strings, at)?;
                }
                form::STRP => drop(from.offset(wide)?),
                form::UDATA => number = from.unsigned()?,
                form::DATA1 => number = from.number(1)?,
                form::DATA2 => number = from.number(2)?,
                form::DATA4 => number = from.number(4)?,
                form::DATA8 => number = from.number(8)?,
                form::DATA16 => drop(from.take(16)?),
                form::BLOCK => {
                    let length = from.unsigned()?;
                    from.take(length)?;
                }
                _ => return None,
            }
            match what {
                column::PATH => name = text,
                column::FOLDER => folder = number,
                _ => {}
            }
        }
        Some((name, folder))
    }

    /// Entry `wanted` of the table that begins at `from`.
    pub(super) fn nth(
        &self,
        wanted: u64,
        mut from: Bytes<'a>,
        wide: bool,
        strings: &'a [u8],
    ) -> Option<(&'a [u8], u64)> {
        if wanted >= self.entries {
            return None;
        }
        for _ in 0..wanted {
            self.entry(&mut from, wide, strings)?;
        }
        self.entry(&mut from, wide, strings)
    }
}
