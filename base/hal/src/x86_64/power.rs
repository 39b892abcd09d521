//! Off, again, or stopped.

use acpi_tables::aml;
use acpi_tables::fadt::{Fadt, Register};

use super::early::settle;
use super::port::{inw, outb, outl, outw};
use super::{acpi, early, fixmap};
use crate::addr::PhysAddr;

const SLEEP_ENABLE: u16 = 1 << 13;
const SCI_ENABLE: u16 = 1;

/// Turns the machine off through ACPI. Comes back if that isn't possible here.
pub fn off() {
    let _ = super::irq::disable();
    let Some(fadt) = acpi::machine().fadt else {
        return;
    };
    if fadt.hardware_reduced {
        sleep_reduced(&fadt);
        return;
    }
    let Some((type_a, type_b)) = acpi::find_table(b"DSDT").and_then(aml::s5_sleep_types) else {
        return;
    };
    enable_acpi(&fadt);
    for (register, sleep_type) in [(fadt.pm1a_control, type_a), (fadt.pm1b_control, type_b)] {
        if let Some(Register::Port(port)) = register {
            // SAFETY: the PM1 control register; the sleep type for "off" is what firmware says.
            unsafe {
                outw(
                    port,
                    inw(port) & !0x3c00 | u16::from(sleep_type) << 10 | SLEEP_ENABLE,
                );
            };
        }
    }
    settle();
}

/// Machines start in ACPI mode or in the BIOS's hands; sleep types only count in the former.
fn enable_acpi(fadt: &Fadt) {
    let (Some((port, value)), Some(Register::Port(control))) =
        (fadt.acpi_enable, fadt.pm1a_control)
    else {
        return;
    };
    // SAFETY: the SMI command port with the value that the FADT gives for this; then the control register is polled.
    unsafe {
        if inw(control) & SCI_ENABLE == 0 {
            outb(port, value);
            for _ in 0..100_000 {
                if inw(control) & SCI_ENABLE != 0 {
                    break;
                }
            }
        }
    }
}

fn sleep_reduced(fadt: &Fadt) {
    let sleep_type = acpi::find_table(b"DSDT")
        .and_then(aml::s5_sleep_types)
        .map_or(5, |(sleep_type, _)| sleep_type);
    if let Some(register) = fadt.sleep_control {
        write(register, sleep_type << 2 | 1 << 5);
        settle();
    }
}

/// Writes a byte to a register that an ACPI table names.
fn write(register: Register, value: u8) {
    match register {
        // SAFETY: a sleep or reset register by the FADT.
        Register::Port(port) => unsafe { outb(port, value) },
        Register::Memory(address) => {
            let phys = PhysAddr(address as usize);
            if let Some(address) = fixmap::map(phys, 1, fixmap::Kind::Device) {
                // SAFETY: mapped just now; a sleep or reset register by the FADT.
                unsafe { (address as *mut u8).write_volatile(value) };
            }
        }
    }
}

/// Starts the machine anew: ACPI's reset register, the keyboard controller, and at last a fault that no CPU survives.
pub fn reboot() -> ! {
    let _ = super::irq::disable();
    if let Some((register, value)) = acpi::machine().fadt.and_then(|fadt| fadt.reset) {
        write(register, value);
        settle();
    }
    early::reset()
}

/// Ends QEMU with exit status `code * 2 + 1`, when it has `-device isa-debug-exit` at one of its usual ports. Comes back
/// otherwise. Only for those who ask for it: on another machine the ports may be anything.
pub fn debug_exit(code: u32) {
    // SAFETY: the caller asked for the device; other machines have nothing there.
    unsafe {
        outl(0xf4, code);
        outl(0x501, code);
    }
}
