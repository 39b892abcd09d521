//! Calls into modules that do not come back: each tick that finds the CPU in a module's own text is noted with the call, and
//! one that has gone on for too long ends like a crash. Both a time and a number of ticks must have passed, so that a
//! machine that was stopped for a while finds nobody guilty.
//!
//! A loop with interrupts off has no ticks: it is not found.
use crate::enter;
use hal::landing::{self, Watch};
use hal::traps::TrapFrame;
use time::{NSEC_PER_SEC, TICK_NS};
use trace::pr_alert;

/// How long a call may run with preemption off, and without sleeping.
const OFF_NS: u64 = NSEC_PER_SEC;
const RUN_NS: u64 = 10 * NSEC_PER_SEC;

fn enough(ns: u64, ticks: u64, limit: u64) -> bool {
    ns >= limit && ticks >= limit / TICK_NS / 2
}

/// Whether the call has gone on for too long, as of this tick.
fn is_too_long(watch: &mut Watch, now: u64, ran: u64, slept: u64) -> bool {
    if hal::preempt::count() == 0 {
        watch.off_ticks = 0;
    } else {
        if watch.off_ticks == 0 {
            watch.off_since = now;
        }
        watch.off_ticks += 1;
    }
    if watch.run_ticks == 0 || watch.slept != slept {
        (watch.ran, watch.run_ticks, watch.slept) = (ran, 0, slept);
    }
    watch.run_ticks += 1;
    let off = watch.off_ticks != 0
        && enough(now.saturating_sub(watch.off_since), watch.off_ticks, OFF_NS);
    off || enough(ran.saturating_sub(watch.ran), watch.run_ticks, RUN_NS)
}

/// A tick came in kernel mode. Interrupts are off.
pub fn on_tick(frame: &mut TrapFrame) {
    if landing::owner().is_none() {
        return;
    }
    let (ran, slept) = match sched::try_current() {
        Some(thread) => (thread.run_ns(), thread.switches().0),
        None => return,
    };
    let now = time::monotonic_ns();
    let too_long = landing::watch(|watch| is_too_long(watch, now, ran, slept)).unwrap_or(false);
    // The kernel's own functions are not left half-way, and who calls one over and over is soon found outside of it.
    let Some(module) = module::owner_of(frame.rip as usize) else {
        return;
    };
    if !too_long && module.may_enter() {
        return;
    }
    if too_long {
        pr_alert!("BUG: a call that does not end [{}]", module.name());
        trace::oops::dump_stack_from(trace::Level::Alert, frame.rbp as usize);
        enter::condemn(&module);
    }
    landing::land(frame);
}
