//! Clocks, high-resolution timers, the tick, load averages.
//!
//! - [`clock`]: the clocks of clock_gettime(2) that are not a thread's own.
//! - [`adjust`]: setting them, at once or by and by (`ntp`: the discipline of adjtimex(2)).
//! - [`timer`]: timers per CPU; a callback runs in hard interrupt context.
//! - [`tick`]: the periodic tick of a busy CPU; an idle CPU has none.
//! - [`load`]: the three averages of /proc/loadavg.
//!
//! Called by: sched and everything above. Calls: `hal` (clock, one-shot timer), `sync`, `kmem`, `timerqueue`.
//!
//! # Lock order
//! One lock per CPU's queue (rank `TIMER`), never two at once; callbacks run without it and may take run queue locks. The
//! clock discipline's (`TIMER_OWNER`) has none beneath it.
//!
//! # Specification
//! clock_gettime(2), adjtimex(2), timer semantics of Documentation/timers/hrtimers.rst, proc_loadavg(5).
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]
#![deny(missing_docs)]

extern crate alloc;

pub mod adjust;
pub mod clock;
pub mod load;
mod machine;
mod ntp;
mod oneshot;
pub mod tick;
pub mod timer;

pub use clock::{ClockId, boottime_ns, monotonic_ns, realtime_ns};
pub use timer::{Restart, Timer, TimerNode, TimerTarget};

/// Nanoseconds in a second.
pub const NSEC_PER_SEC: u64 = 1_000_000_000;
/// Length of a tick.
pub const TICK_NS: u64 = hal::clock::TICK_NS;
/// Ticks of a busy CPU in a second (`CONFIG_HZ`).
pub const HZ: u64 = NSEC_PER_SEC / TICK_NS;
/// The unit of times in /proc and times(2), a second (`USER_HZ`, `_SC_CLK_TCK`).
pub const USER_HZ: u64 = 100;

/// Nanoseconds as ticks of [`USER_HZ`].
#[must_use]
pub const fn ns_to_clock_t(ns: u64) -> u64 {
    ns / (NSEC_PER_SEC / USER_HZ)
}

/// Ticks since boot, counted on from Linux' start value five minutes before its wrap at 32 bits.
#[must_use]
pub fn jiffies() -> u64 {
    const INITIAL: u64 = (-300i64 * HZ as i64) as u32 as u64;
    INITIAL + monotonic_ns() / TICK_NS
}

/// Makes room for timers on a CPU that has come up (the first one too). Called on that CPU.
///
/// # Errors
/// `ENOMEM`.
pub fn cpu_up() -> abi::Result<()> {
    timer::cpu_up(hal::cpu::id())
}
