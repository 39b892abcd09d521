//! MADT ("APIC"): CPUs and interrupt controllers. ACPI 6.5, 5.2.12.

use crate::read::{u8_at, u16_at, u32_at, u64_at};
use crate::{Error, HEADER_LENGTH, check};

/// A checked MADT.
#[derive(Clone, Copy, Debug)]
pub struct Madt<'a> {
    table: &'a [u8],
}

/// How a line's signal is to be read; `None` is "as the bus does".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Active low.
    pub active_low: Option<bool>,
    /// Level-triggered.
    pub level: Option<bool>,
}

impl Signal {
    fn from_flags(flags: u16) -> Self {
        let field = |bits: u16| match bits & 3 {
            1 => Some(false),
            3 => Some(true),
            _ => None,
        };
        Self {
            active_low: field(flags),
            level: field(flags >> 2),
        }
    }
}

/// An entry of the MADT that the kernel uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A CPU.
    LocalApic {
        /// Its local APIC's number.
        id: u32,
        /// It may be started.
        enabled: bool,
    },
    /// An I/O APIC.
    IoApic {
        /// Its number.
        id: u8,
        /// Physical address of its registers.
        address: u32,
        /// The first global system interrupt that it serves.
        gsi_base: u32,
    },
    /// An ISA interrupt that isn't wired to the input of its own number, or not as ISA lines are.
    SourceOverride {
        /// The ISA interrupt.
        irq: u8,
        /// The global system interrupt it raises.
        gsi: u32,
        /// How.
        signal: Signal,
    },
    /// A 64-bit address for the local APICs' registers, in place of the one in the header.
    LocalApicAddress(u64),
}

impl<'a> Madt<'a> {
    /// Checks a table.
    ///
    /// # Errors
    /// As [`check`], for "APIC"; [`Error::Truncated`] without the fixed fields.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let table = check(bytes, b"APIC")?;
        if table.len() < HEADER_LENGTH + 8 {
            Err(Error::Truncated)
        } else {
            Ok(Self { table })
        }
    }

    /// Physical address of the local APICs' registers.
    #[must_use]
    pub fn local_apic_address(&self) -> u64 {
        let wide = self.entries().find_map(|entry| match entry {
            Entry::LocalApicAddress(address) => Some(address),
            _ => None,
        });
        wide.unwrap_or_else(|| u32_at(self.table, HEADER_LENGTH).unwrap_or(0).into())
    }

    /// The entries that the kernel uses. Stops at the first that doesn't fit.
    pub fn entries(&self) -> impl Iterator<Item = Entry> + 'a {
        let mut rest = &self.table[HEADER_LENGTH + 8..];
        core::iter::from_fn(move || {
            let length = usize::from(u8_at(rest, 1)?);
            if length < 2 || length > rest.len() {
                return None;
            }
            let (entry, tail) = rest.split_at(length);
            rest = tail;
            Some(decode(entry))
        })
        .flatten()
    }
}

fn decode(entry: &[u8]) -> Option<Entry> {
    match *entry.first()? {
        0 => Some(Entry::LocalApic {
            id: u8_at(entry, 3)?.into(),
            enabled: u32_at(entry, 4)? & 1 != 0,
        }),
        1 => Some(Entry::IoApic {
            id: u8_at(entry, 2)?,
            address: u32_at(entry, 4)?,
            gsi_base: u32_at(entry, 8)?,
        }),
        2 => Some(Entry::SourceOverride {
            irq: u8_at(entry, 3)?,
            gsi: u32_at(entry, 4)?,
            signal: Signal::from_flags(u16_at(entry, 8)?),
        }),
        5 => Some(Entry::LocalApicAddress(u64_at(entry, 4)?)),
        9 => Some(Entry::LocalApic {
            id: u32_at(entry, 4)?,
            enabled: u32_at(entry, 8)? & 1 != 0,
        }),
        _ => None,
    }
}
