//! Notes: named records in a `PT_NOTE` segment or a `SHT_NOTE` section.
use crate::{ElfError, Record, slice};

/// One note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// Whose it is, without the NUL.
    pub name: &'a [u8],
    /// Its type, which the owner defines.
    pub kind: u32,
    /// What it says.
    pub desc: &'a [u8],
}

/// The notes of a segment; ends after the first that is broken.
#[derive(Clone)]
pub struct Notes<'a> {
    bytes: &'a [u8],
    align: usize,
}

impl<'a> Notes<'a> {
    /// Over the bytes of a segment whose `p_align` is `align` (4 unless it is 8).
    pub const fn new(bytes: &'a [u8], align: u64) -> Self {
        Self {
            bytes,
            align: if align == 8 { 8 } else { 4 },
        }
    }

    fn parse(&mut self) -> Result<Note<'a>, ElfError> {
        let r = Record(self.bytes);
        let (name_len, desc_len, kind) = (r.u32(0)?, r.u32(4)?, r.u32(8)?);
        let name = slice(self.bytes, 12, u64::from(name_len))?;
        let desc_at = (12 + name.len()).next_multiple_of(self.align);
        let desc = slice(self.bytes, desc_at as u64, u64::from(desc_len))?;
        let next = (desc_at + desc.len())
            .next_multiple_of(self.align)
            .min(self.bytes.len());
        self.bytes = &self.bytes[next..];
        Ok(Note {
            name: name.strip_suffix(&[0]).unwrap_or(name),
            kind,
            desc,
        })
    }
}

impl<'a> Iterator for Notes<'a> {
    type Item = Result<Note<'a>, ElfError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.bytes.is_empty() {
            return None;
        }
        let note = self.parse().map_err(|_| ElfError::Note);
        if note.is_err() {
            self.bytes = &[];
        }
        Some(note)
    }
}
