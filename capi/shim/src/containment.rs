//! `/sys/kernel/containment`: how long calls into modules may take, and how much modules have taken.
//!
//! | file | says |
//! |---|---|
//! | `atomic_ms` | how long a call may keep interrupts or preemption off; 0: for ever |
//! | `run_ms` | how long it may run without sleeping; 0: for ever |
//! | `taken` | lines of the ledger |
//! | `redzones` | whether blocks that modules allocate are guarded from now on |
//!
//! What each module has taken, line by line, is in `module_ledger` of debugfs.
use crate::limits::{OFF_NS, RUN_NS};
use crate::{ledger, number, redzone, watch};
use abi::Result;
use core::fmt::Write;
use core::sync::atomic::{AtomicU64, Ordering};
use kernfs::Attribute;
use time::NSEC_PER_SEC;
use vfs::SeqBuf;

const MS: u64 = NSEC_PER_SEC / 1000;
/// An hour.
const MOST_MS: u64 = 3_600_000;

/// A limit's file.
struct Limit(&'static AtomicU64);

impl Attribute for Limit {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let _ = writeln!(out, "{}", self.0.load(Ordering::Relaxed) / MS);
        Ok(())
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        let ms = number::unsigned(text, 10, MOST_MS)?;
        self.0.store(ms * MS, Ordering::Relaxed);
        watch::limit_changed();
        Ok(text.len())
    }
}

/// Whether blocks are guarded.
struct Redzones;

impl Attribute for Redzones {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        let _ = writeln!(out, "{}", u8::from(redzone::is_on()));
        Ok(())
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        redzone::set_on(number::unsigned(text, 10, 1)? != 0);
        Ok(text.len())
    }
}

/// Makes the files. ENOMEM.
pub(crate) fn init() -> Result<()> {
    let directory = device::sysfs_dir("kernel/containment")?;
    directory.add_attribute("atomic_ms", 0o644, Limit(&OFF_NS))?;
    directory.add_attribute("run_ms", 0o644, Limit(&RUN_NS))?;
    directory.add_attribute("redzones", 0o644, Redzones)?;
    directory.add_attribute("taken", 0o444, |out: &mut SeqBuf| {
        let _ = writeln!(out, "{}", ledger::count());
        Ok(())
    })?;
    let debugfs = device::DEBUGFS.root()?;
    debugfs.add_attribute("module_ledger", 0o400, |out: &mut SeqBuf| ledger::show(out))?;
    Ok(())
}
