//! ACPI's static tables, read from byte slices. Pure: whoever maps the tables (`hal`) hands them in; nothing here trusts
//! a length, an offset or a count in them. Specification: ACPI 6.5, chapters 4, 5.2 and 20 (the one AML object needed to
//! turn the machine off).
//!
//! | file | tables |
//! |---|---|
//! | `lib.rs` | RSDP, table header, RSDT and XSDT |
//! | [`madt`] | interrupt controllers and CPUs |
//! | [`fadt`] | fixed hardware: power management timer, sleep and reset registers |
//! | [`hpet`] | high precision event timer |
//! | [`mcfg`] | PCI Express configuration space |
//! | [`aml`] | the `\_S5` package, found without an interpreter |
#![no_std]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

pub mod aml;
pub mod fadt;
pub mod hpet;
pub mod madt;
pub mod mcfg;
mod read;
#[cfg(test)]
mod tests;

use read::{u8_at, u32_at, u64_at};

/// Why a table can't be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It ends before what it must hold, or its length field says more than there is.
    Truncated,
    /// It has another signature.
    Signature,
    /// Its bytes don't add up to 0.
    Checksum,
}

/// Bytes of the header that every table but the RSDP starts with.
pub const HEADER_LENGTH: usize = 36;
/// Bytes of an RSDP of revision 2; revision 0 has the first 20.
pub const RSDP_LENGTH: usize = 36;

fn sum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// The root pointer: where the list of tables is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rsdp {
    /// Physical address of the RSDT (32-bit entries) or XSDT (64-bit entries).
    pub root: u64,
    /// It is an XSDT.
    pub wide: bool,
}

impl Rsdp {
    /// Reads a root pointer from at least 20 bytes, [`RSDP_LENGTH`] when there are so many.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Signature`] (not "RSD PTR "), [`Error::Checksum`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let legacy = bytes.get(..20).ok_or(Error::Truncated)?;
        if &legacy[..8] != b"RSD PTR " {
            return Err(Error::Signature);
        }
        if sum(legacy) != 0 {
            return Err(Error::Checksum);
        }
        let narrow = Self {
            root: u32_at(legacy, 16).ok_or(Error::Truncated)?.into(),
            wide: false,
        };
        if legacy[15] < 2 {
            return Ok(narrow);
        }
        let full = bytes.get(..RSDP_LENGTH).ok_or(Error::Truncated)?;
        if sum(full) != 0 {
            return Err(Error::Checksum);
        }
        match u64_at(full, 24) {
            Some(root) if root != 0 => Ok(Self { root, wide: true }),
            _ => Ok(narrow),
        }
    }
}

/// Finds a root pointer in a memory area that is searched at every 16th byte (the BIOS area); gives its offset.
#[must_use]
pub fn find_rsdp(area: &[u8]) -> Option<usize> {
    (0..area.len())
        .step_by(16)
        .find(|&offset| Rsdp::parse(&area[offset..]).is_ok())
}

/// A table's header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Four letters.
    pub signature: [u8; 4],
    /// The whole table's length, header included.
    pub length: usize,
    /// The table's revision.
    pub revision: u8,
}

impl Header {
    /// Reads a header; says nothing of the rest of the table.
    ///
    /// # Errors
    /// [`Error::Truncated`], also when the length field is below [`HEADER_LENGTH`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let header = bytes.get(..HEADER_LENGTH).ok_or(Error::Truncated)?;
        let mut signature = [0; 4];
        signature.copy_from_slice(&header[..4]);
        let length = u32_at(header, 4).ok_or(Error::Truncated)? as usize;
        let revision = u8_at(header, 8).ok_or(Error::Truncated)?;
        if length < HEADER_LENGTH {
            Err(Error::Truncated)
        } else {
            Ok(Self {
                signature,
                length,
                revision,
            })
        }
    }
}

/// Checks a whole table: signature, length, checksum. Gives it cut to its length.
///
/// # Errors
/// [`Error::Truncated`], [`Error::Signature`], [`Error::Checksum`].
pub fn check<'a>(bytes: &'a [u8], signature: &[u8; 4]) -> Result<&'a [u8], Error> {
    let header = Header::parse(bytes)?;
    if header.signature != *signature {
        return Err(Error::Signature);
    }
    let table = bytes.get(..header.length).ok_or(Error::Truncated)?;
    if sum(table) == 0 {
        Ok(table)
    } else {
        Err(Error::Checksum)
    }
}

/// The physical addresses in an RSDT or XSDT.
///
/// # Errors
/// As [`check`].
pub fn root_entries(bytes: &[u8], wide: bool) -> Result<impl Iterator<Item = u64> + '_, Error> {
    let table = check(bytes, if wide { b"XSDT" } else { b"RSDT" })?;
    let size = if wide { 8 } else { 4 };
    Ok(table[HEADER_LENGTH..].chunks_exact(size).map(move |entry| {
        if wide {
            u64_at(entry, 0).unwrap_or(0)
        } else {
            u32_at(entry, 0).unwrap_or(0).into()
        }
    }))
}
