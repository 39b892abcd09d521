//! I/O APICs: from a device's line (global system interrupt) to a vector on a CPU.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{DEVICE_FIRST, DEVICE_LAST};
use crate::addr::PhysAddr;
use crate::x86_64::acpi::{self, MAX_IO_APICS};
use crate::x86_64::{cpu, fixmap, irq};

/// When a line's signal counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// On its change.
    Edge,
    /// As long as it is there.
    Level,
}

/// Which voltage is the signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Polarity {
    /// High.
    High,
    /// Low.
    Low,
}

/// Why a line can't be routed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError {
    /// No I/O APIC has this line.
    NoSuchLine,
    /// Not a vector for devices.
    BadVector,
    /// No such CPU is online.
    NoSuchCpu,
}

/// Where an ISA interrupt arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IsaRoute {
    /// Its global system interrupt.
    pub gsi: u32,
    /// When it counts.
    pub trigger: Trigger,
    /// Which voltage it is.
    pub polarity: Polarity,
}

/// Where an ISA interrupt (0 to 15) arrives, by the firmware's overrides.
#[must_use]
pub fn isa_irq(irq: u8) -> IsaRoute {
    let line = acpi::machine().isa_irqs[usize::from(irq & 15)];
    IsaRoute {
        gsi: line.gsi,
        trigger: if line.level {
            Trigger::Level
        } else {
            Trigger::Edge
        },
        polarity: if line.active_low {
            Polarity::Low
        } else {
            Polarity::High
        },
    }
}

const VERSION: u32 = 1;
const REDIRECTION: u32 = 0x10;
const MASKED: u32 = 1 << 16;
const DELIVERY_NMI: u32 = 4 << 8;
const LEVEL: u32 = 1 << 15;
const ACTIVE_LOW: u32 = 1 << 13;

/// Virtual addresses of the registers; 0 until used.
static BASES: [AtomicUsize; MAX_IO_APICS] = [const { AtomicUsize::new(0) }; MAX_IO_APICS];
static LOCK: AtomicBool = AtomicBool::new(false);

/// Runs `f` alone: the registers are reached by index and window.
fn locked<R>(f: impl FnOnce() -> R) -> R {
    let saved = irq::disable();
    while LOCK.swap(true, Ordering::Acquire) {
        core::hint::spin_loop();
    }
    let result = f();
    LOCK.store(false, Ordering::Release);
    irq::restore(saved);
    result
}

fn base_of(index: usize) -> Option<usize> {
    let base = BASES[index].load(Ordering::Relaxed);
    if base != 0 {
        return Some(base);
    }
    let phys = PhysAddr(acpi::machine().io_apics[index].address as usize);
    let base = fixmap::map(phys, 32, fixmap::Kind::Device)?;
    BASES[index].store(base, Ordering::Relaxed);
    Some(base)
}

/// # Safety
/// `base` maps an I/O APIC's registers, and the lock is held.
unsafe fn read(base: usize, register: u32) -> u32 {
    // SAFETY: index, then window.
    unsafe {
        (base as *mut u32).write_volatile(register);
        ((base + 0x10) as *const u32).read_volatile()
    }
}

/// # Safety
/// As [`read`].
unsafe fn write(base: usize, register: u32, value: u32) {
    // SAFETY: index, then window.
    unsafe {
        (base as *mut u32).write_volatile(register);
        ((base + 0x10) as *mut u32).write_volatile(value);
    }
}

/// The I/O APIC that has a line, and its input there. With the lock held.
fn find(gsi: u32) -> Option<(usize, u32)> {
    let machine = acpi::machine();
    machine.io_apics[..machine.io_apic_count]
        .iter()
        .enumerate()
        .find_map(|(index, info)| {
            let pin = gsi.checked_sub(info.gsi_base)?;
            let base = base_of(index)?;
            // SAFETY: mapped by `base_of`, lock held.
            let last = unsafe { read(base, VERSION) } >> 16 & 0xff;
            (pin <= last).then_some((base, pin))
        })
}

/// Lets a line raise `vector` on `cpu`. It starts masked: [`unmask`] it when the handler stands.
///
/// # Errors
/// See [`RouteError`].
pub fn route_gsi(
    gsi: u32,
    vector: u8,
    cpu: usize,
    trigger: Trigger,
    polarity: Polarity,
) -> Result<(), RouteError> {
    if !(DEVICE_FIRST..=DEVICE_LAST).contains(&vector) {
        return Err(RouteError::BadVector);
    }
    if cpu >= cpu::online() {
        return Err(RouteError::NoSuchCpu);
    }
    let mut low = MASKED | u32::from(vector);
    if trigger == Trigger::Level {
        low |= LEVEL;
    }
    if polarity == Polarity::Low {
        low |= ACTIVE_LOW;
    }
    set_entry(gsi, low, cpu)
}

/// Lets a line's signal reach `cpu` as a non-maskable interrupt, from now on.
pub(crate) fn route_nmi(gsi: u32, cpu: usize) -> Result<(), RouteError> {
    set_entry(gsi, MASKED | DELIVERY_NMI, cpu)?;
    unmask(gsi)
}

/// Writes a line's entry, which is masked.
fn set_entry(gsi: u32, low: u32, cpu: usize) -> Result<(), RouteError> {
    locked(|| {
        let (base, pin) = find(gsi).ok_or(RouteError::NoSuchLine)?;
        // SAFETY: mapped, lock held; the entry is masked while it changes.
        unsafe {
            write(base, REDIRECTION + 2 * pin, low);
            write(base, REDIRECTION + 2 * pin + 1, cpu::apic_id(cpu) << 24);
        }
        Ok(())
    })
}

fn change_mask(gsi: u32, masked: bool) -> Result<(), RouteError> {
    locked(|| {
        let (base, pin) = find(gsi).ok_or(RouteError::NoSuchLine)?;
        let register = REDIRECTION + 2 * pin;
        // SAFETY: mapped, lock held.
        unsafe {
            let low = read(base, register) & !MASKED;
            write(base, register, if masked { low | MASKED } else { low });
        }
        Ok(())
    })
}

/// Holds a line back.
///
/// # Errors
/// [`RouteError::NoSuchLine`].
pub fn mask(gsi: u32) -> Result<(), RouteError> {
    change_mask(gsi, true)
}

/// Lets a routed line through.
///
/// # Errors
/// [`RouteError::NoSuchLine`].
pub fn unmask(gsi: u32) -> Result<(), RouteError> {
    change_mask(gsi, false)
}
