//! FADT ("FACP"): fixed hardware. ACPI 6.5, 5.2.9. Old tables are short; a field beyond the end is absent.

use crate::read::{u8_at, u16_at, u32_at, u64_at};
use crate::{Error, check};

/// Where a register is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Register {
    /// An I/O port.
    Port(u16),
    /// A physical address.
    Memory(u64),
}

/// What the kernel takes from the FADT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fadt {
    /// Physical address of the DSDT.
    pub dsdt: u64,
    /// Port that turns ACPI mode on, and the value that does; `None` when it is always on.
    pub acpi_enable: Option<(u16, u8)>,
    /// PM1a control, where sleep types are written.
    pub pm1a_control: Option<Register>,
    /// PM1b control.
    pub pm1b_control: Option<Register>,
    /// The power management timer.
    pub pm_timer: Option<Register>,
    /// The timer counts 32 bits and not 24.
    pub pm_timer_wide: bool,
    /// The reset register and the value that resets.
    pub reset: Option<(Register, u8)>,
    /// There is no fixed hardware; sleep through [`Fadt::sleep_control`].
    pub hardware_reduced: bool,
    /// The sleep control register.
    pub sleep_control: Option<Register>,
    /// The CMOS register that holds the century; 0 when there is none.
    pub century: u8,
}

const FLAG_TIMER_32: u32 = 1 << 8;
const FLAG_RESET: u32 = 1 << 10;
const FLAG_HARDWARE_REDUCED: u32 = 1 << 20;

/// A generic address structure: space, width, offset, access size, address.
fn generic(table: &[u8], offset: usize) -> Option<Register> {
    let address = u64_at(table, offset + 4)?;
    match u8_at(table, offset)? {
        _ if address == 0 => None,
        0 => Some(Register::Memory(address)),
        1 => u16::try_from(address).ok().map(Register::Port),
        _ => None,
    }
}

fn port(table: &[u8], offset: usize) -> Option<Register> {
    let port = u16::try_from(u32_at(table, offset)?).ok()?;
    (port != 0).then_some(Register::Port(port))
}

impl Fadt {
    /// Reads a table.
    ///
    /// # Errors
    /// As [`check`], for "FACP"; [`Error::Truncated`] below the 116 bytes of ACPI 1.
    pub fn parse(bytes: &[u8]) -> Result<Self, Error> {
        let table = check(bytes, b"FACP")?;
        if table.len() < 116 {
            return Err(Error::Truncated);
        }
        let flags = u32_at(table, 112).unwrap_or(0);
        let wide_dsdt = u64_at(table, 140).filter(|&address| address != 0);
        let smi_command = u32_at(table, 48)
            .and_then(|port| u16::try_from(port).ok())
            .unwrap_or(0);
        let enable_value = u8_at(table, 52).unwrap_or(0);
        Ok(Self {
            dsdt: wide_dsdt.unwrap_or_else(|| u32_at(table, 40).unwrap_or(0).into()),
            acpi_enable: (smi_command != 0 && enable_value != 0)
                .then_some((smi_command, enable_value)),
            pm1a_control: generic(table, 172).or_else(|| port(table, 64)),
            pm1b_control: generic(table, 184).or_else(|| port(table, 68)),
            pm_timer: generic(table, 208).or_else(|| port(table, 76)),
            pm_timer_wide: flags & FLAG_TIMER_32 != 0,
            reset: generic(table, 116)
                .filter(|_| flags & FLAG_RESET != 0)
                .zip(u8_at(table, 128)),
            hardware_reduced: flags & FLAG_HARDWARE_REDUCED != 0,
            sleep_control: generic(table, 244),
            century: u8_at(table, 108).unwrap_or(0),
        })
    }

    /// The boot architecture flags' "no VGA, no CMOS RTC" and so on; absent in old tables.
    #[must_use]
    pub fn boot_flags(bytes: &[u8]) -> u16 {
        u16_at(bytes, 109).unwrap_or(0)
    }
}
