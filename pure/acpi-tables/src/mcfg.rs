//! MCFG table: PCI Express configuration space in memory. PCI Firmware specification 3.3, 4.1.2.

use crate::read::{u8_at, u16_at, u64_at};
use crate::{Error, check};

/// A range of buses whose configuration space is in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Physical address of bus 0's space (also when the first bus isn't 0).
    pub base: u64,
    /// PCI segment group.
    pub group: u16,
    /// First bus.
    pub first_bus: u8,
    /// Last bus.
    pub last_bus: u8,
}

/// The ranges.
///
/// # Errors
/// As [`check`], for "MCFG"; [`Error::Truncated`] without the fixed fields.
pub fn segments(bytes: &[u8]) -> Result<impl Iterator<Item = Segment> + '_, Error> {
    let table = check(bytes, b"MCFG")?;
    let entries = table.get(44..).ok_or(Error::Truncated)?;
    Ok(entries.chunks_exact(16).filter_map(|entry| {
        Some(Segment {
            base: u64_at(entry, 0)?,
            group: u16_at(entry, 8)?,
            first_bus: u8_at(entry, 10)?,
            last_bus: u8_at(entry, 11)?,
        })
    }))
}
