//! HPET table: where the high precision event timer is. IA-PC HPET specification 1.0a, 3.2.4.

use crate::read::{u8_at, u64_at};
use crate::{Error, check};

/// Physical address of the timer's registers.
///
/// # Errors
/// As [`check`], for "HPET"; [`Error::Truncated`] also when the registers aren't in memory.
pub fn address(bytes: &[u8]) -> Result<u64, Error> {
    let table = check(bytes, b"HPET")?;
    match (u8_at(table, 40), u64_at(table, 44)) {
        (Some(0), Some(address)) if address != 0 => Ok(address),
        _ => Err(Error::Truncated),
    }
}
