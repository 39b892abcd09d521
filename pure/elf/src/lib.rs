//! Reading ELF64 files of x86-64 from untrusted bytes: headers, program headers, a plan for loading, notes, sections.
//!
//! Called by `service/exec` (programs and their interpreter) and by whoever loads relocatable objects; calls nobody.
//! Nothing is allocated and nothing panics, whatever the bytes: every field is checked where it is used, sums never
//! wrap, counts are bounded before anything is read.
//!
//! | file | holds |
//! |---|---|
//! | `header.rs` | [`Header`], [`ProgramHeader`], [`Segments`] |
//! | `plan.rs` | [`Plan`]: where the parts of a program go |
//! | `note.rs` | [`Notes`] |
//! | `section.rs` | [`Sections`] of relocatable objects |
//!
//! Specification: System V ABI, chapters 4 and 5; its AMD64 supplement; elf(5). Which defect is which error follows
//! Linux' `binfmt_elf` (execve(2)).
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod header;
mod note;
mod plan;
mod section;
#[cfg(test)]
mod tests;

pub use header::{HEADER_SIZE, Header, Kind, PHDR_SIZE, ProgramHeader, Segments, pf, pt};
pub use note::{Note, Notes};
pub use plan::{Plan, StackFlags};
pub use section::{Section, Sections};

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ElfError {
    /// The magic number is not there.
    NotElf,
    /// Something reaches beyond the bytes at hand.
    Truncated,
    /// Not for x86-64.
    Machine,
    /// Not the type of file that was wanted.
    Kind,
    /// Program headers are missing, too many, or of a wrong size.
    ProgramHeaders,
    /// The path of the interpreter is too short, too long or unterminated.
    Interp,
    /// A segment's sizes, addresses or offset are inconsistent.
    Segment,
    /// A section's sizes, offset or name are inconsistent.
    Section,
    /// A note runs over the end of its segment.
    Note,
}

/// Little-endian fields at fixed places of a record; a record too short answers `Truncated`.
#[derive(Clone, Copy)]
pub(crate) struct Record<'a>(pub(crate) &'a [u8]);

impl Record<'_> {
    pub(crate) fn u16(self, at: usize) -> Result<u16, ElfError> {
        self.bytes(at).map(u16::from_le_bytes)
    }
    pub(crate) fn u32(self, at: usize) -> Result<u32, ElfError> {
        self.bytes(at).map(u32::from_le_bytes)
    }
    pub(crate) fn u64(self, at: usize) -> Result<u64, ElfError> {
        self.bytes(at).map(u64::from_le_bytes)
    }
    fn bytes<const N: usize>(self, at: usize) -> Result<[u8; N], ElfError> {
        let end = at.checked_add(N).ok_or(ElfError::Truncated)?;
        self.0
            .get(at..end)
            .and_then(|b| b.try_into().ok())
            .ok_or(ElfError::Truncated)
    }
}

/// `len` bytes at `offset`, if they are there.
pub(crate) fn slice(bytes: &[u8], offset: u64, len: u64) -> Result<&[u8], ElfError> {
    let start = usize::try_from(offset).map_err(|_| ElfError::Truncated)?;
    let len = usize::try_from(len).map_err(|_| ElfError::Truncated)?;
    let end = start.checked_add(len).ok_or(ElfError::Truncated)?;
    bytes.get(start..end).ok_or(ElfError::Truncated)
}
