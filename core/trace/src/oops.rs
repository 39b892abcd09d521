//! Oopses: how many there were, and broken rules of locking, which are reported likewise.
//!
//! On the machine (`die`): a spinlock held, an interrupt, an atomic section, the first process or the idle thread: the
//! machine dies. Otherwise the thread dies, and every sleeping lock that it held is marked dead, so that nobody waits for it
//! in silence.
//!
//! A task goes back to its own loop (`hal::checkpoint`) and ends from there as if a signal had ended it, so that all it owns is
//! given back; what the frames in between owned is lost.
use crate::{Level, printk, taint};
use core::fmt;
use sync::class;

#[cfg(target_os = "none")]
pub use crate::die::{describe, dump_stack_from, report, rust_panic};
pub use crate::report::{count, dump_stack};

/// A rule of locking was broken: warns, with the stack. For `sync::class::set_report_hook`.
pub fn lock_report(report: &class::Report<'_>) {
    use class::Report as R;
    taint::add(taint::Taint::Warn);
    match report {
        R::Order { held, taken, at } => warn(format_args!(
            "lock order: {} (rank {}) taken with {} (rank {}) held, at {at}",
            taken.name(),
            taken.rank(),
            held.name(),
            held.rank()
        )),
        R::Circle { held, taken, at } => warn(format_args!(
            "circular locking: {} taken with {} held, at {at}",
            taken.name(),
            held.name()
        )),
        R::IrqUnsafe { class, at } => warn(format_args!(
            "{} is taken in interrupts and with interrupts on, at {at}",
            class.name()
        )),
        R::SoftirqUnsafe { class, at } => warn(format_args!(
            "{} is taken in softirqs and with softirqs on, at {at}",
            class.name()
        )),
        R::Recursion { class, at } => warn(format_args!(
            "recursive locking: {} is taken by whom it is held, at {at}",
            class.name()
        )),
        R::SleepInAtomic { preempt_count, at } => warn(format_args!(
            "BUG: sleeping function called from invalid context at {at} (preempt count {preempt_count:#x})"
        )),
        R::DeadLock { class } => {
            warn(format_args!("{}: its owner died holding it", class.name()));
        }
        R::TooDeep { class } => warn(format_args!("too many locks held: {}", class.name())),
    }
}

fn warn(what: fmt::Arguments<'_>) {
    printk!(Level::Warning, "WARNING: {what}");
    dump_stack(Level::Warning);
}
