//! Counters per CPU.
use crate::numbers::{KINDS, Kind, LINES};
use core::sync::atomic::{AtomicU64, Ordering};
use hal::MAX_CPUS;

/// Interrupts that are no device's, with their names in /proc/interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// NMI.
    Nmi,
    /// LOC: the local timer.
    LocalTimer,
    /// SPU.
    Spurious,
    /// RES: reschedule.
    Reschedule,
    /// CAL: function calls.
    Call,
    /// TLB: shootdowns.
    TlbFlush,
}

/// All of [`Arch`] with name and description, in the order of /proc/interrupts.
pub const ARCH: [(Arch, &str, &str); 6] = [
    (Arch::Nmi, "NMI", "Non-maskable interrupts"),
    (Arch::LocalTimer, "LOC", "Local timer interrupts"),
    (Arch::Spurious, "SPU", "Spurious interrupts"),
    (Arch::Reschedule, "RES", "Rescheduling interrupts"),
    (Arch::Call, "CAL", "Function call interrupts"),
    (Arch::TlbFlush, "TLB", "TLB shootdowns"),
];

#[repr(align(64))]
struct Counters {
    lines: [AtomicU64; LINES],
    arch: [AtomicU64; ARCH.len()],
    softirqs: [AtomicU64; KINDS],
}

static COUNTERS: [Counters; MAX_CPUS] = [const {
    Counters {
        lines: [const { AtomicU64::new(0) }; LINES],
        arch: [const { AtomicU64::new(0) }; ARCH.len()],
        softirqs: [const { AtomicU64::new(0) }; KINDS],
    }
}; MAX_CPUS];

#[inline]
fn here() -> &'static Counters {
    &COUNTERS[hal::cpu::id() & (MAX_CPUS - 1)]
}

/// Only this CPU writes its counter, and interrupts that count do not nest on one counter: no locked addition needed.
#[inline]
fn bump(counter: &AtomicU64) {
    counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

pub(crate) fn count_line(irq: usize) {
    bump(&here().lines[irq]);
}
pub(crate) fn count_softirq(kind: usize) {
    bump(&here().softirqs[kind]);
}
/// Counts an interrupt that is no device's.
#[inline]
pub fn count(kind: Arch) {
    bump(&here().arch[kind as usize]);
}

/// Interrupts of a line on a CPU; 0 out of range.
pub fn line(irq: usize, cpu: usize) -> u64 {
    COUNTERS
        .get(cpu)
        .and_then(|c| c.lines.get(irq))
        .map_or(0, |n| n.load(Ordering::Relaxed))
}
/// Interrupts of a line on all CPUs.
pub fn line_total(irq: usize) -> u64 {
    (0..MAX_CPUS).map(|cpu| line(irq, cpu)).sum()
}
/// Interrupts of a kind on a CPU.
pub fn arch(kind: Arch, cpu: usize) -> u64 {
    COUNTERS
        .get(cpu)
        .map_or(0, |c| c.arch[kind as usize].load(Ordering::Relaxed))
}
/// Softirqs of a kind run on a CPU.
pub fn softirq(kind: Kind, cpu: usize) -> u64 {
    COUNTERS
        .get(cpu)
        .map_or(0, |c| c.softirqs[kind as usize].load(Ordering::Relaxed))
}
/// All hard interrupts since boot (`intr` of /proc/stat).
pub fn total() -> u64 {
    COUNTERS
        .iter()
        .flat_map(|c| c.lines.iter().chain(&c.arch))
        .map(|n| n.load(Ordering::Relaxed))
        .sum()
}
