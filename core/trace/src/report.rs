//! What reports of oopses, panics and broken rules show of the machine.
use crate::printk::caller;
use crate::symbols::Named;
use crate::{Level, machine, pr_emerg, printk, taint};
use core::sync::atomic::{AtomicU32, Ordering};

static OOPSES: AtomicU32 = AtomicU32::new(0);

/// How many oopses there were.
pub fn count() -> u32 {
    OOPSES.load(Ordering::Relaxed)
}

/// Counts an oops; its number.
#[cfg(target_os = "none")]
pub(crate) fn one_more() -> u32 {
    OOPSES.fetch_add(1, Ordering::Relaxed) + 1
}

/// `CPU: 0 PID: 1 Comm: init Tainted: ... 6.1.0-gaon`.
pub(crate) fn who() {
    let (id, name) = caller();
    let len = name.iter().position(|b| *b == 0).unwrap_or(name.len());
    let name = core::str::from_utf8(&name[..len]).unwrap_or("?");
    let cpu = hal::cpu::id();
    pr_emerg!(
        "CPU: {cpu} PID: {id} Comm: {name} {} {}",
        taint::Report,
        abi::RELEASE
    );
}

/// Where the caller stands.
pub(crate) fn backtrace_here() {
    pr_emerg!("Call Trace:");
    machine::walk_here(trace_line);
}

/// Shows where the caller stands, at a level (`dump_stack`).
pub fn dump_stack(level: Level) {
    printk!(level, "Call Trace:");
    machine::walk_here(|address| {
        printk!(level, " {}", Named::return_address(address as u64));
    });
}

/// A line of a call trace.
pub(crate) fn trace_line(address: usize) {
    printk!(Level::Emerg, " {}", Named::return_address(address as u64));
}
