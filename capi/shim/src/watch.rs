//! Calls into modules that do not come back. Each tick that finds the CPU in a module is noted with the call; so is each beat
//! of a heartbeat that nothing holds back (`hal::heartbeat`), which runs while there are modules and sees what no tick
//! does: loops with interrupts off, and those in a softirq of an idle CPU. A call that has gone on for too long ends like
//! a crash, at the next instruction of the module's own, or where it waits in a function of ours. Both a time and a number
//! of looks must have passed, so that a machine that was stopped for a while finds nobody guilty.
//!
//! How long is too long stands in `/sys/kernel/containment` (`containment.rs`).
use crate::enter;
use crate::limits::{off_limit_ns, run_limit_ns};
use crate::probe_hit;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};
use hal::heartbeat;
use hal::landing::{self, Watch};
use hal::paging::MODULES;
use hal::traps::{BREAKPOINT, DEBUG, FaultInfo, TrapFrame};
use module::Module;
use sync::{LockClass, Mutex, rank};
use time::{NSEC_PER_SEC, TICK_NS};
use trace::pr_alert;

/// `RFLAGS`: single steps, interrupts on.
const TRAP: u64 = 1 << 8;
const INTERRUPTS: u64 = 1 << 9;
/// Who may be in user mode.
const RING: u64 = 3;

/// Nanoseconds between two beats; 0: there are none.
static PERIOD_NS: AtomicU64 = AtomicU64::new(0);
static CLASS: LockClass = LockClass::new("capi.heartbeat", rank::NONE);
static CHANGE: Mutex<()> = Mutex::new(&CLASS, ());

/// Beats as fast as the limit wants it: some eight times before it is reached.
fn set_period() {
    let period = match off_limit_ns() {
        0 => 0,
        limit => (limit / 8).clamp(NSEC_PER_SEC / 1000, NSEC_PER_SEC / 20),
    };
    let starts = period != 0 && heartbeat::start(period);
    PERIOD_NS.store(if starts { period } else { 0 }, Ordering::Relaxed);
    if !starts {
        heartbeat::stop();
    }
}

/// A module is about to run its init.
pub(crate) fn module_comes() {
    let _changes = CHANGE.lock();
    if PERIOD_NS.load(Ordering::Relaxed) == 0 {
        set_period();
    }
}

/// Nothing of a module runs any more.
pub(crate) fn module_goes(module: &Arc<Module>) {
    let _changes = CHANGE.lock();
    if module::is_alone(module) {
        PERIOD_NS.store(0, Ordering::Relaxed);
        heartbeat::stop();
    }
}

/// The limit is another one.
pub(crate) fn limit_changed() {
    let _changes = CHANGE.lock();
    if PERIOD_NS.load(Ordering::Relaxed) != 0 {
        set_period();
    }
}

fn enough(ns: u64, looks: u64, limit: u64, period: u64) -> bool {
    limit != 0 && ns >= limit && looks >= limit / period.max(1) / 2
}

/// Whether a look says something of the call: what functions of ours take their time for (messages on a slow line) is not
/// its doing.
fn is_its_own(watch: &Watch, rip: u64) -> bool {
    watch.waiting || MODULES.contains(&(rip as usize))
}

/// Whether the call has gone on for too long, as of this tick.
fn is_too_long(watch: &mut Watch, rip: u64, now: u64, ran: u64, slept: u64) -> bool {
    if hal::preempt::count() == 0 {
        watch.off_ticks = 0;
    } else if is_its_own(watch, rip) {
        if watch.off_ticks == 0 {
            watch.off_since = now;
        }
        watch.off_ticks += 1;
    }
    if watch.run_ticks == 0 || watch.slept != slept {
        (watch.ran, watch.run_ticks, watch.slept) = (ran, 0, slept);
    }
    watch.run_ticks += 1;
    let off_ns = now.saturating_sub(watch.off_since);
    let off = watch.off_ticks != 0 && enough(off_ns, watch.off_ticks, off_limit_ns(), TICK_NS);
    let run_ns = ran.saturating_sub(watch.ran);
    watch.over |= off || enough(run_ns, watch.run_ticks, run_limit_ns(), TICK_NS);
    watch.over
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
    let rip = frame.rip;
    let too_long =
        landing::watch(|watch| is_too_long(watch, rip, now, ran, slept)).unwrap_or(false);
    // The kernel's own functions are not left half-way, and who calls one over and over is soon found outside of it.
    let Some(module) = module::owner_of(frame.rip as usize) else {
        return;
    };
    if too_long {
        end(&module, frame);
    } else if !module.may_enter() {
        landing::land(frame);
    }
}

/// Whether the call is deaf for too long, as of this beat.
fn is_deaf_too_long(watch: &mut Watch, now: u64, period: u64) -> bool {
    if watch.deaf_beats == 0 {
        watch.deaf_since = now;
    }
    watch.deaf_beats += 1;
    let ns = now.saturating_sub(watch.deaf_since);
    watch.over |= enough(ns, watch.deaf_beats, off_limit_ns(), period);
    watch.over
}

/// A beat, from any place. What is to end is not ended here, where nothing may be locked: its next instruction traps.
pub fn on_heartbeat(frame: &mut TrapFrame) {
    let period = PERIOD_NS.load(Ordering::Relaxed);
    if period == 0 {
        return;
    }
    heartbeat::pass_on();
    if frame.cs & RING != 0 || landing::owner().is_none() {
        return;
    }
    let count = hal::preempt::count() & (hal::preempt::NMI - 1);
    let deaf = frame.rflags & INTERRUPTS == 0 || count != 0;
    let (now, rip) = (hal::clock::now_ns(), frame.rip);
    let over = landing::watch(|watch| {
        if deaf && is_its_own(watch, rip) {
            return is_deaf_too_long(watch, now, period);
        }
        if !deaf {
            watch.deaf_beats = 0;
        }
        watch.over
    });
    if over == Some(true) && MODULES.contains(&(frame.rip as usize)) {
        frame.rflags |= TRAP;
    }
}

/// Whether the innermost call is to end.
fn is_over() -> bool {
    landing::watch(|watch| watch.over) == Some(true)
}

/// An exception in kernel mode. True: it was a module's, and the kernel goes on at the call that led into it.
pub fn on_fault(frame: &mut TrapFrame, fault: &FaultInfo) -> bool {
    if fault.vector == BREAKPOINT && probe_hit::on_breakpoint(frame) {
        return true;
    }
    probe_hit::on_fault(frame);
    if fault.vector != DEBUG {
        return enter::on_fault(frame, fault);
    }
    // A single step: the beat asked for it, if the call is over.
    is_over() && module::owner_of(frame.rip as usize).is_some_and(|module| end(&module, frame))
}

fn end(module: &Module, frame: &mut TrapFrame) -> bool {
    let interrupts = if frame.rflags & INTERRUPTS == 0 {
        ", with interrupts off"
    } else {
        ""
    };
    let name = module.name();
    pr_alert!("BUG: a call that does not end{interrupts} [{name}]");
    trace::oops::dump_stack_from(trace::Level::Alert, frame.rbp as usize);
    enter::condemn(module);
    landing::land(frame)
}

/// Where an exported function spins until `done`: ends the call if it is to end meanwhile. Neither the caller nor `done`
/// holds anything that has to be dropped.
pub(crate) fn spin_until(mut done: impl FnMut() -> bool) {
    let _ = landing::watch(|watch| watch.waiting = true);
    while !done() {
        if is_over() {
            enter::misuse("a call that does not end");
        }
        hal::cpu::relax();
    }
    let _ = landing::watch(|watch| watch.waiting = false);
}
