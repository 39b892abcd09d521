//! What the ACPI tables say of this machine, read once at boot; without tables, the PC's defaults.

use acpi_tables::fadt::Fadt;
use acpi_tables::madt::{Entry, Madt};
use acpi_tables::{HEADER_LENGTH, Header, RSDP_LENGTH, Rsdp};

use core::sync::atomic::{AtomicUsize, Ordering};

use super::{directmap, fixmap, paging};
use crate::MAX_CPUS;
use crate::addr::PhysAddr;

pub(crate) const MAX_IO_APICS: usize = 8;
const ISA_IRQS: usize = 16;
const MAX_TABLES: usize = 64;

/// An I/O APIC.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IoApicInfo {
    pub(crate) address: u32,
    pub(crate) gsi_base: u32,
}

/// An ISA interrupt's way into the I/O APIC.
#[derive(Clone, Copy, Debug)]
pub(crate) struct IsaIrq {
    pub(crate) gsi: u32,
    pub(crate) active_low: bool,
    pub(crate) level: bool,
}

/// The machine.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    pub(crate) local_apic: u64,
    pub(crate) apic_ids: [u32; MAX_CPUS],
    pub(crate) cpus: usize,
    pub(crate) io_apics: [IoApicInfo; MAX_IO_APICS],
    pub(crate) io_apic_count: usize,
    pub(crate) isa_irqs: [IsaIrq; ISA_IRQS],
    pub(crate) fadt: Option<Fadt>,
    pub(crate) hpet: Option<u64>,
}

/// Where the loader says that the root pointer is; 0 when it doesn't.
static ROOT_POINTER: AtomicUsize = AtomicUsize::new(0);

/// Sets where the root pointer is, before anything else here is used.
pub(crate) fn set_root_pointer(phys: PhysAddr) {
    ROOT_POINTER.store(phys.0, Ordering::Relaxed);
}

static MACHINE: super::Once<Machine> = super::Once::new();

/// The machine; read from the tables on first use.
pub(crate) fn machine() -> &'static Machine {
    MACHINE.get_or_init(read)
}

/// A physical range as bytes: in the direct map, or mapped for good.
pub(crate) fn bytes_at(phys: u64, length: usize) -> Option<&'static [u8]> {
    let phys = PhysAddr(usize::try_from(phys).ok()?);
    let end = phys.0.checked_add(length)?;
    let address = if directmap::covers(phys.0..end) {
        paging::phys_to_virt(phys).0
    } else {
        fixmap::map(phys, length, fixmap::Kind::ReadOnly)?
    };
    // SAFETY: mapped for good; firmware's tables lie in memory that nobody is given to write.
    Some(unsafe { core::slice::from_raw_parts(address as *const u8, length) })
}

/// A whole table at a physical address, by the length in its header.
fn table_at(phys: u64) -> Option<&'static [u8]> {
    if phys == 0 {
        return None;
    }
    let header = Header::parse(bytes_at(phys, HEADER_LENGTH)?).ok()?;
    // Firmware's tables are small; a length beyond this is nonsense.
    if header.length > 1 << 20 {
        None
    } else {
        bytes_at(phys, header.length)
    }
}

fn tables() -> impl Iterator<Item = &'static [u8]> {
    let root = root_pointer().and_then(|rsdp| Some((table_at(rsdp.root)?, rsdp.wide)));
    root.and_then(|(table, wide)| acpi_tables::root_entries(table, wide).ok())
        .into_iter()
        .flatten()
        .take(MAX_TABLES)
        .filter_map(table_at)
}

fn root_pointer() -> Option<Rsdp> {
    let at = |phys: u64| bytes_at(phys, RSDP_LENGTH).and_then(|bytes| Rsdp::parse(bytes).ok());
    match ROOT_POINTER.load(Ordering::Relaxed) {
        0 => {
            let area = bytes_at(0xe_0000, 0x2_0000)?;
            at(0xe_0000 + acpi_tables::find_rsdp(area)? as u64)
        }
        phys => at(phys as u64),
    }
}

/// The first table with a signature: "MCFG", "DSDT"…
#[must_use]
pub(crate) fn find_table(signature: &[u8; 4]) -> Option<&'static [u8]> {
    if signature == b"DSDT" {
        return table_at(machine().fadt?.dsdt);
    }
    tables().find(|table| table.starts_with(signature))
}

fn read() -> Machine {
    let mut machine = Machine {
        local_apic: 0xfee0_0000,
        apic_ids: [0; MAX_CPUS],
        cpus: 0,
        io_apics: [IoApicInfo::default(); MAX_IO_APICS],
        io_apic_count: 0,
        isa_irqs: core::array::from_fn(|irq| IsaIrq {
            gsi: irq as u32,
            active_low: false,
            level: false,
        }),
        fadt: None,
        hpet: None,
    };
    for table in tables() {
        match &table[..4] {
            b"APIC" => {
                if let Ok(madt) = Madt::parse(table) {
                    read_madt(&mut machine, &madt);
                }
            }
            b"FACP" => machine.fadt = Fadt::parse(table).ok(),
            b"HPET" => machine.hpet = acpi_tables::hpet::address(table).ok(),
            _ => {}
        }
    }
    if machine.io_apic_count == 0 {
        machine.io_apics[0] = IoApicInfo {
            address: 0xfec0_0000,
            gsi_base: 0,
        };
        machine.io_apic_count = 1;
    }
    machine
}

fn read_madt(machine: &mut Machine, madt: &Madt<'_>) {
    machine.local_apic = madt.local_apic_address();
    for entry in madt.entries() {
        match entry {
            Entry::LocalApic { id, enabled: true } if machine.cpus < MAX_CPUS => {
                machine.apic_ids[machine.cpus] = id;
                machine.cpus += 1;
            }
            Entry::IoApic {
                address, gsi_base, ..
            } if machine.io_apic_count < MAX_IO_APICS => {
                machine.io_apics[machine.io_apic_count] = IoApicInfo { address, gsi_base };
                machine.io_apic_count += 1;
            }
            Entry::SourceOverride { irq, gsi, signal } if usize::from(irq) < ISA_IRQS => {
                machine.isa_irqs[usize::from(irq)] = IsaIrq {
                    gsi,
                    active_low: signal.active_low.unwrap_or(false),
                    level: signal.level.unwrap_or(false),
                };
            }
            _ => {}
        }
    }
}
