//! `/sys/devices/system/cpu`: which processors there are (Documentation/ABI/testing/sysfs-devices-system-cpu).
use crate::sysfs::sysfs_dir;
use abi::{Errno, Result};
use core::fmt::Write;
use core::ops::Range;
use vfs::SeqBuf;

/// Those that run, and those that the machine has.
fn online() -> Range<usize> {
    0..hal::cpu::online()
}
fn present() -> Range<usize> {
    0..counted().clamp(online().end, hal::MAX_CPUS)
}
#[cfg(target_os = "none")]
fn counted() -> usize {
    hal::smp::present()
}
/// On the host there are those that run.
#[cfg(not(target_os = "none"))]
fn counted() -> usize {
    0
}

/// A list of numbers in a row, as Linux writes sets of processors.
fn list(range: &Range<usize>, out: &mut SeqBuf) -> Result<()> {
    let written = match range.len() {
        0 => writeln!(out),
        1 => writeln!(out, "{}", range.start),
        _ => writeln!(out, "{}-{}", range.start, range.end - 1),
    };
    written.map_err(|_| Errno::ENOMEM)
}

fn show_online(out: &mut SeqBuf) -> Result<()> {
    list(&online(), out)
}
fn show_present(out: &mut SeqBuf) -> Result<()> {
    list(&present(), out)
}
fn show_offline(out: &mut SeqBuf) -> Result<()> {
    list(&(online().end..present().end), out)
}
fn show_most(out: &mut SeqBuf) -> Result<()> {
    writeln!(out, "{}", hal::MAX_CPUS - 1).map_err(|_| Errno::ENOMEM)
}

/// Makes the files, and a directory for each processor. ENOMEM.
pub(crate) fn init() -> Result<()> {
    let dir = sysfs_dir("devices/system/cpu")?;
    dir.add_attribute("online", 0o444, show_online)?;
    dir.add_attribute("possible", 0o444, show_present)?;
    dir.add_attribute("present", 0o444, show_present)?;
    dir.add_attribute("offline", 0o444, show_offline)?;
    dir.add_attribute("kernel_max", 0o444, show_most)?;
    for number in present() {
        dir.add_dir(&kmem::try_format!("cpu{number}")?)?;
    }
    Ok(())
}
