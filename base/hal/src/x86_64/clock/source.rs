//! Timers of known rate, against which the others are measured.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use acpi_tables::fadt::Register;

use crate::addr::PhysAddr;
use crate::x86_64::port::{inb, inl, outb};
use crate::x86_64::{acpi, apic, cpu, fixmap};

/// A timer of known rate.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    /// The high precision event timer.
    Hpet { base: usize, hz: u64, wide: bool },
    /// ACPI's power management timer.
    PmTimer { port: u16, mask: u64 },
    /// The local APIC's timer, whose rate this hypervisor fixes at 1 GHz.
    LocalApic,
    /// Channel 2 of the programmable interval timer.
    Pit,
}

const PM_TIMER_HZ: u64 = 3_579_545;
const PIT_HZ: u64 = 1_193_182;
const FEMTOSECONDS: u64 = 1_000_000_000_000_000;

impl Source {
    /// The best one that this machine has.
    pub(super) fn find() -> Option<Self> {
        Self::hpet()
            .or_else(Self::pm_timer)
            .or_else(Self::local_apic)
            .or_else(Self::pit)
    }

    fn hpet() -> Option<Self> {
        let phys = PhysAddr(usize::try_from(acpi::machine().hpet?).ok()?);
        let base = match HPET_BASE.load(Relaxed) {
            0 => fixmap::map(phys, 0x400, fixmap::Kind::Device)?,
            base => base,
        };
        HPET_BASE.store(base, Relaxed);
        // SAFETY: the table says that the registers are there.
        let capabilities = unsafe { (base as *const u64).read_volatile() };
        let period = capabilities >> 32;
        // More than 100 ns or nothing: not an HPET.
        if period == 0 || period > 100_000_000 {
            return None;
        }
        // SAFETY: as above; enables the counter and no interrupt.
        unsafe {
            let configuration = (base + 0x10) as *mut u64;
            configuration.write_volatile(configuration.read_volatile() & !2 | 1);
        }
        Some(Self::Hpet {
            base,
            hz: FEMTOSECONDS / period,
            wide: capabilities & 1 << 13 != 0,
        })
    }

    fn pm_timer() -> Option<Self> {
        let fadt = acpi::machine().fadt?;
        match fadt.pm_timer {
            Some(Register::Port(port)) if !fadt.hardware_reduced => Some(Self::PmTimer {
                port,
                mask: if fadt.pm_timer_wide {
                    0xffff_ffff
                } else {
                    0xff_ffff
                },
            }),
            _ => None,
        }
    }

    pub(super) fn local_apic() -> Option<Self> {
        if !cpu::features().hypervisor {
            return None;
        }
        let leaf = cpu::cpuid(0x4000_0000, 0);
        let known = [leaf.ebx, leaf.ecx, leaf.edx]
            == [u32::from_le_bytes(*b"TCGT"), 0x4354_4743, 0x4743_5447];
        known.then_some(Self::LocalApic)
    }

    fn pit() -> Option<Self> {
        // SAFETY: the speaker's gate and channel 2: counts from 0xffff, no sound, no interrupt.
        unsafe {
            outb(0x61, inb(0x61) & !2 | 1);
            outb(0x43, 0xb0);
            outb(0x42, 0xff);
            outb(0x42, 0xff);
        }
        let first = Self::Pit.read();
        // It moves, or it isn't there.
        (0..100_000)
            .any(|_| Self::Pit.read() != first)
            .then_some(Self::Pit)
    }

    pub(super) const fn hz(self) -> u64 {
        match self {
            Self::Hpet { hz, .. } => hz,
            Self::PmTimer { .. } => PM_TIMER_HZ,
            Self::LocalApic => 1_000_000_000,
            Self::Pit => PIT_HZ,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Hpet { .. } => "hpet",
            Self::PmTimer { .. } => "acpi_pm",
            Self::LocalApic => "apic",
            Self::Pit => "pit",
        }
    }

    /// The counter's width, as a mask.
    pub(super) const fn mask(self) -> u64 {
        match self {
            Self::Hpet { wide: true, .. } => u64::MAX,
            Self::Hpet { .. } | Self::LocalApic => 0xffff_ffff,
            Self::PmTimer { mask, .. } => mask,
            Self::Pit => 0xffff,
        }
    }

    /// The counter, counting up.
    pub(super) fn read(self) -> u64 {
        match self {
            Self::Hpet { base, wide, .. } => read_hpet(base, wide),
            // SAFETY: the timer's port; reading it has no effect.
            Self::PmTimer { port, mask } => unsafe { u64::from(inl(port)) & mask },
            Self::LocalApic => u64::from(u32::MAX - apic::read_count()),
            Self::Pit => {
                // SAFETY: latches and reads channel 2.
                let (low, high) = unsafe {
                    outb(0x43, 0x80);
                    (inb(0x42), inb(0x42))
                };
                u64::from(!u16::from_le_bytes([low, high]))
            }
        }
    }
}

/// The HPET's main counter; half of it where the other half isn't there.
fn read_hpet(base: usize, wide: bool) -> u64 {
    let counter = base + 0xf0;
    if wide {
        // SAFETY: only `Source::hpet` makes such a base: mapped registers.
        unsafe { (counter as *const u64).read_volatile() }
    } else {
        // SAFETY: as above.
        unsafe { (counter as *const u32).read_volatile().into() }
    }
}

static HPET_BASE: AtomicUsize = AtomicUsize::new(0);

/// Makes the HPET the clock's counter: what it shows, and its rate. `None` when there is none that is wide enough.
pub(super) fn start_fallback() -> Option<(u64, u64)> {
    match Source::hpet() {
        Some(source @ Source::Hpet { hz, wide: true, .. }) => Some((source.read(), hz)),
        _ => None,
    }
}

#[cold]
pub(super) fn fallback_ticks() -> u64 {
    read_hpet(HPET_BASE.load(Relaxed), true)
}
