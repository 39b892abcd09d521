//! What debugfs shows of the scheduler: `sched/features`, and the older path `sched_features` to it.
//!
//! Specification: Documentation/scheduler/sched-debug.rst; one name a write, `NO_` before it switches it off.
use crate::sysfs::DEBUGFS;
use abi::{Errno, Result};
use core::fmt::Write;
use kernfs::Attribute;
use runqueue::FEATURES;
use vfs::SeqBuf;

struct Features;

impl Attribute for Features {
    fn show(&self, out: &mut SeqBuf) -> Result<()> {
        writeln!(out, "{FEATURES}").map_err(|_| Errno::ENOMEM)
    }

    fn store(&self, text: &[u8]) -> Result<usize> {
        if FEATURES.set(text.trim_ascii()) {
            Ok(text.len())
        } else {
            Err(Errno::EINVAL)
        }
    }
}

/// Makes the files. ENOMEM.
pub(crate) fn init() -> Result<()> {
    let root = DEBUGFS.root()?;
    let features = root
        .dir("sched")?
        .add_attribute("features", 0o644, Features)?;
    root.add_link("sched_features", &features).map(drop)
}
