//! Figures for /proc: times per CPU, switches, runnable and blocked threads.
use crate::{rq, ticket};
use core::sync::atomic::{AtomicU64, Ordering};

static STARTED: AtomicU64 = AtomicU64::new(0);

/// What a CPU did with its time since boot (proc_stat(5)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// User code at nice 0 or below.
    pub user_ns: u64,
    /// User code at a positive nice value.
    pub nice_ns: u64,
    /// The kernel.
    pub system_ns: u64,
    /// Nothing.
    pub idle_ns: u64,
}

/// The times of an active CPU; user and system as ticks found them, idle exact.
pub fn cpu_times(cpu: usize) -> CpuTimes {
    let shared = rq::shared(cpu);
    let idle = rq::of(cpu).lock_irq().idle;
    CpuTimes {
        user_ns: shared.user_ns.load(Ordering::Relaxed),
        nice_ns: shared.nice_ns.load(Ordering::Relaxed),
        system_ns: shared.system_ns.load(Ordering::Relaxed),
        idle_ns: idle.map_or(0, crate::Thread::run_ns),
    }
}

/// Context switches on all CPUs (`ctxt`).
pub fn switches() -> u64 {
    sum(|shared| shared.switches.load(Ordering::Relaxed))
}
/// Runnable threads, running ones included (`procs_running`).
pub fn runnable() -> u64 {
    sum(|shared| u64::from(shared.runnable.load(Ordering::Relaxed)))
}
/// Threads in an uninterruptible sleep.
pub fn uninterruptible() -> u64 {
    let total: i64 = active()
        .map(|cpu| rq::shared(cpu).uninterruptible.load(Ordering::Relaxed))
        .sum();
    total.max(0) as u64
}
/// Threads there are, idle ones included.
pub fn threads() -> usize {
    ticket::threads()
}
/// Threads started since boot.
pub fn started() -> u64 {
    STARTED.load(Ordering::Relaxed)
}
/// The CPUs that schedule.
pub fn active_cpus() -> crate::CpuSet {
    rq::ACTIVE.load()
}
/// Ticks that a CPU has had.
pub fn ticks(cpu: usize) -> u64 {
    rq::shared(cpu).ticks.load(Ordering::Relaxed)
}

pub(crate) fn note_start() {
    STARTED.fetch_add(1, Ordering::Relaxed);
}
pub(crate) fn active_for_load() -> u64 {
    runnable() + uninterruptible()
}

fn active() -> impl Iterator<Item = usize> {
    rq::ACTIVE.load().iter()
}

fn sum(of: impl Fn(&rq::Shared) -> u64) -> u64 {
    active().map(|cpu| of(rq::shared(cpu))).sum()
}
