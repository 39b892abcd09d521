//! The end of the machine.
use crate::{display, machine, pr_emerg, report};
use core::fmt;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};

/// Seconds from a panic to a reboot; 0: never, negative: at once (`panic=`).
static TIMEOUT: AtomicI32 = AtomicI32::new(0);
static ON_OOPS: AtomicBool = AtomicBool::new(false);
const NOBODY: usize = usize::MAX;
/// The CPU that panics.
static PANICKING: AtomicUsize = AtomicUsize::new(NOBODY);

/// /proc/sys/kernel/panic.
pub fn timeout_seconds() -> i32 {
    TIMEOUT.load(Ordering::Relaxed)
}
/// Sets it.
pub fn set_timeout_seconds(seconds: i32) {
    TIMEOUT.store(seconds, Ordering::Relaxed);
}
/// /proc/sys/kernel/panic_on_oops.
pub fn on_oops() -> bool {
    ON_OOPS.load(Ordering::Relaxed)
}
/// Sets it.
pub fn set_on_oops(on: bool) {
    ON_OOPS.store(on, Ordering::Relaxed);
}
/// Whether the machine is dying: locks may be held for ever.
pub fn in_progress() -> bool {
    PANICKING.load(Ordering::Relaxed) != NOBODY
}

/// Takes an option of the command line, if it is one of ours: `panic=N`, `oops=panic`.
pub fn boot_option(key: &str, value: Option<&str>) -> bool {
    match (key, value) {
        ("panic", Some(value)) => match value.parse() {
            Ok(seconds) => set_timeout_seconds(seconds),
            Err(_) => crate::pr_warn!("panic={value}: not a number"),
        },
        ("oops", Some("panic")) => set_on_oops(true),
        _ => return false,
    }
    true
}

/// Ends the machine: says why and where, stops the other CPUs, then does what `panic=` says.
pub fn panic(why: fmt::Arguments<'_>) -> ! {
    begin();
    pr_emerg!("Kernel panic - not syncing: {why}");
    report::who();
    report::backtrace_here();
    finish(why)
}

/// As [`panic`], after an oops that has shown where.
#[cfg(target_os = "none")]
pub(crate) fn after_oops(why: fmt::Arguments<'_>) -> ! {
    begin();
    pr_emerg!("Kernel panic - not syncing: {why}");
    finish(why)
}

/// One CPU panics; one that panics while it panics ends at once, others stop.
fn begin() {
    let _ = hal::irq::disable();
    let cpu = hal::cpu::id();
    match PANICKING.compare_exchange(NOBODY, cpu, Ordering::AcqRel, Ordering::Relaxed) {
        Ok(_) => machine::stop_others(),
        Err(first) if first == cpu => machine::end(timeout_seconds()),
        Err(_) => machine::stop_here(),
    }
    display::flush_for_panic();
}

fn finish(why: fmt::Arguments<'_>) -> ! {
    pr_emerg!("---[ end Kernel panic - not syncing: {why} ]---");
    display::flush_for_panic();
    machine::end(timeout_seconds())
}
