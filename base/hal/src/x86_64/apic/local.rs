//! The local APIC: x2APIC by model-specific registers where the CPU has it, else registers in memory.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::{ERROR_VECTOR, IPI_FIRST, IpiKind, SPURIOUS_VECTOR, TIMER_VECTOR};
use crate::addr::PhysAddr;
use crate::x86_64::registers::{msr, rdmsr, wrmsr};
use crate::x86_64::{acpi, cpu, fixmap, irq};

/// Register offsets (xAPIC); the x2APIC's number is this >> 4.
const ID: usize = 0x20;
const TASK_PRIORITY: usize = 0x80;
const EOI: usize = 0xb0;
const SPURIOUS: usize = 0xf0;
const ERROR_STATUS: usize = 0x280;
const COMMAND_LOW: usize = 0x300;
const COMMAND_HIGH: usize = 0x310;
const LVT_TIMER: usize = 0x320;
const LVT_LINT0: usize = 0x350;
const LVT_LINT1: usize = 0x360;
const LVT_ERROR: usize = 0x370;
const TIMER_INITIAL: usize = 0x380;
const TIMER_CURRENT: usize = 0x390;
const TIMER_DIVIDE: usize = 0x3e0;

const APIC_ENABLE: u64 = 1 << 11;
const APIC_X2: u64 = 1 << 10;
const MASKED: u32 = 1 << 16;
const TIMER_DEADLINE_MODE: u32 = 2 << 17;
const DELIVERY_NMI: u32 = 4 << 8;
const DELIVERY_INIT: u32 = 5 << 8;
const DELIVERY_STARTUP: u32 = 6 << 8;
const COMMAND_BUSY: u32 = 1 << 12;
const COMMAND_ASSERT: u32 = 1 << 14;
const COMMAND_ALL_BUT_SELF: u32 = 3 << 18;

static X2APIC: AtomicBool = AtomicBool::new(false);
static BASE: AtomicUsize = AtomicUsize::new(0);

#[inline]
fn read(register: usize) -> u32 {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: an x2APIC register; reading those used here has no side effect.
        unsafe { rdmsr(msr::X2APIC + (register >> 4) as u32) as u32 }
    } else {
        // SAFETY: BASE maps the registers.
        unsafe { ((BASE.load(Ordering::Relaxed) + register) as *const u32).read_volatile() }
    }
}

#[inline]
fn write(register: usize, value: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        // SAFETY: an x2APIC register that may be written.
        unsafe { wrmsr(msr::X2APIC + (register >> 4) as u32, value.into()) };
    } else {
        // SAFETY: BASE maps the registers.
        unsafe { ((BASE.load(Ordering::Relaxed) + register) as *mut u32).write_volatile(value) };
    }
}

/// Finds the registers and enables the boot CPU's APIC. Gives its number.
pub(crate) fn init_boot_cpu() -> u32 {
    if cpu::features().x2apic {
        X2APIC.store(true, Ordering::Relaxed);
    } else {
        let phys = PhysAddr(acpi::machine().local_apic as usize);
        let base = fixmap::map(phys, 4096, fixmap::Kind::Device)
            .expect("no room for the local APIC's registers");
        BASE.store(base, Ordering::Relaxed);
    }
    init_this_cpu()
}

/// Enables this CPU's APIC with nothing but IPIs, errors and NMI let through. Gives its number.
pub(crate) fn init_this_cpu() -> u32 {
    // SAFETY: turning the APIC on, in x2 mode where the CPU has it.
    unsafe {
        let base = rdmsr(msr::APIC_BASE) | APIC_ENABLE;
        wrmsr(msr::APIC_BASE, base);
        if X2APIC.load(Ordering::Relaxed) {
            wrmsr(msr::APIC_BASE, base | APIC_X2);
        }
    }
    write(TASK_PRIORITY, 0);
    write(LVT_TIMER, MASKED | u32::from(TIMER_VECTOR));
    write(LVT_LINT0, MASKED);
    write(LVT_LINT1, DELIVERY_NMI);
    write(LVT_ERROR, u32::from(ERROR_VECTOR));
    write(ERROR_STATUS, 0);
    write(SPURIOUS, 1 << 8 | u32::from(SPURIOUS_VECTOR));
    let id = read(ID);
    if X2APIC.load(Ordering::Relaxed) {
        id
    } else {
        id >> 24
    }
}

/// Acknowledges the interrupt being handled.
#[inline]
pub(crate) fn eoi() {
    write(EOI, 0);
}

fn command(destination: u32, low: u32) {
    if X2APIC.load(Ordering::Relaxed) {
        // Ordinary stores must be visible before the message goes out: the MSR write doesn't order them.
        core::sync::atomic::fence(Ordering::SeqCst);
        // SAFETY: the interrupt command register.
        unsafe {
            wrmsr(
                msr::X2APIC + (COMMAND_LOW >> 4) as u32,
                u64::from(destination) << 32 | u64::from(low),
            );
        };
        return;
    }
    let saved = irq::disable();
    while read(COMMAND_LOW) & COMMAND_BUSY != 0 {
        core::hint::spin_loop();
    }
    write(COMMAND_HIGH, destination << 24);
    write(COMMAND_LOW, low);
    irq::restore(saved);
}

/// Asks a CPU for something. What it is about must have been stored before.
///
/// # Panics
/// If there is no such CPU.
#[inline]
pub fn send_ipi(cpu: usize, kind: IpiKind) {
    command(
        cpu::apic_id(cpu),
        COMMAND_ASSERT | u32::from(IPI_FIRST + kind as u8),
    );
}

/// Asks all other online CPUs for something.
#[inline]
pub fn send_ipi_all_but_self(kind: IpiKind) {
    if cpu::online() > 1 {
        command(
            0,
            COMMAND_ASSERT | COMMAND_ALL_BUT_SELF | u32::from(IPI_FIRST + kind as u8),
        );
    }
}

/// Sends a CPU a non-maskable interrupt. It may itself be called in one, which has perhaps interrupted a message between its
/// two halves: the first of them is put back.
///
/// # Panics
/// If there is no such CPU.
pub fn send_nmi(cpu: usize) {
    let half = match X2APIC.load(Ordering::Relaxed) {
        true => None,
        false => Some(read(COMMAND_HIGH)),
    };
    command(cpu::apic_id(cpu), COMMAND_ASSERT | DELIVERY_NMI);
    if let Some(half) = half {
        write(COMMAND_HIGH, half);
    }
}

pub(crate) fn send_init(apic_id: u32) {
    command(apic_id, COMMAND_ASSERT | DELIVERY_INIT);
}

pub(crate) fn send_startup(apic_id: u32, page: u8) {
    command(apic_id, COMMAND_ASSERT | DELIVERY_STARTUP | u32::from(page));
}

/// Sets this CPU's timer up, to count down from a number or (deadline) to compare with the TSC.
pub(crate) fn init_timer(deadline: bool) {
    write(TIMER_DIVIDE, 0xb); // by 1
    let mode = if deadline { TIMER_DEADLINE_MODE } else { 0 };
    write(LVT_TIMER, mode | u32::from(TIMER_VECTOR));
    if deadline {
        // The mode must be set before the first deadline is (SDM 11.5.4.1).
        core::sync::atomic::fence(Ordering::SeqCst);
    }
}

/// Lets this CPU's timer count down once from its largest number, without an interrupt: for measuring.
pub(crate) fn start_free_running() {
    write(TIMER_DIVIDE, 0xb);
    write(LVT_TIMER, MASKED | u32::from(TIMER_VECTOR));
    write(TIMER_INITIAL, u32::MAX);
}

#[inline]
pub(crate) fn arm_count(count: u32) {
    write(TIMER_INITIAL, count);
}

#[inline]
pub(crate) fn disarm_count() {
    write(TIMER_INITIAL, 0);
}

pub(crate) fn read_count() -> u32 {
    read(TIMER_CURRENT)
}

#[inline]
pub(crate) fn write_deadline(tsc: u64) {
    // SAFETY: the timer is in deadline mode, so that the register exists.
    unsafe { wrmsr(msr::TSC_DEADLINE, tsc) };
}
