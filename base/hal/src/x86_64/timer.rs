//! This CPU's timer: one shot at a time, from the local APIC. [`super::traps::KernelTraps::timer`] is called when it goes
//! off.

use core::sync::atomic::{AtomicU64, Ordering};

use super::{apic, clock, cpu};
use crate::MAX_CPUS;

/// Timer ticks per nanosecond of the clock, times 2^32; 0 in TSC-deadline mode.
static TICKS_PER_NS: AtomicU64 = AtomicU64::new(0);
/// What each CPU waits for; `u64::MAX` when for nothing.
static DEADLINES: [AtomicU64; MAX_CPUS] = [const { AtomicU64::new(u64::MAX) }; MAX_CPUS];
/// A shot is never farther away than this (the counter is 32 bits); a farther deadline takes several, unseen.
const LONGEST_NS: u64 = 2_000_000_000;

/// The counter's rate.
static HZ: AtomicU64 = AtomicU64::new(0);

/// Sets the rate of the counter, or deadline mode when `None`.
pub(crate) fn set_rate(hz: Option<u64>) {
    HZ.store(hz.unwrap_or(0), Ordering::Relaxed);
    follow(clock::SECOND);
}

/// Lets the clock go on by `second` (nanoseconds, times 2^32) in each second of the machine's counter from now on: a second, or
/// up to half a one more or less. Timers follow; one that is set already may go off late by what that moves it.
pub fn steer(second: u64) {
    clock::steer(second);
    follow(second);
}

/// The timer counts as the clock does.
fn follow(second: u64) {
    let ticks = (u128::from(HZ.load(Ordering::Relaxed)) << 64) / u128::from(second.max(1));
    TICKS_PER_NS.store(ticks as u64, Ordering::Relaxed);
}

pub(crate) fn init_this_cpu() {
    apic::init_timer(TICKS_PER_NS.load(Ordering::Relaxed) == 0);
}

/// Lets this CPU's timer go off at `deadline_ns` on the monotonic clock, at once if that is past, instead of at the
/// deadline set before. Preemption must be off, or the shot may be another CPU's.
#[inline]
pub fn arm(deadline_ns: u64) {
    DEADLINES[cpu::id()].store(deadline_ns, Ordering::Relaxed);
    program(deadline_ns);
}

pub use arm as set_deadline;

/// Lets this CPU's timer go off after `delta_ns`.
#[inline]
pub fn arm_in(delta_ns: u64) {
    arm(clock::now_ns().saturating_add(delta_ns));
}

/// Calls the shot off. One that is on its way already may still arrive.
#[inline]
pub fn disarm() {
    DEADLINES[cpu::id()].store(u64::MAX, Ordering::Relaxed);
    if TICKS_PER_NS.load(Ordering::Relaxed) == 0 {
        apic::write_deadline(0);
    } else {
        apic::disarm_count();
    }
}

#[inline]
fn program(deadline_ns: u64) {
    let ticks_per_ns = TICKS_PER_NS.load(Ordering::Relaxed);
    if ticks_per_ns == 0 {
        apic::write_deadline(clock::ns_to_tsc(deadline_ns));
        return;
    }
    let delta = deadline_ns.saturating_sub(clock::now_ns()).min(LONGEST_NS);
    let count = (u128::from(delta) * u128::from(ticks_per_ns)) >> 32;
    apic::arm_count((count as u64).clamp(1, u32::MAX.into()) as u32);
}

/// The timer's interrupt came: whether the deadline is reached. If not, the next shot is under way.
#[inline]
pub(crate) fn reached() -> bool {
    let deadline = &DEADLINES[cpu::id()];
    let deadline_ns = deadline.load(Ordering::Relaxed);
    if deadline_ns == u64::MAX {
        return false;
    }
    if clock::now_ns() < deadline_ns {
        program(deadline_ns);
        return false;
    }
    deadline.store(u64::MAX, Ordering::Relaxed);
    true
}
