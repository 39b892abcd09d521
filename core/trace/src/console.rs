//! Consoles: who shows records, and from which level on.
use crate::{display, pr_info, pr_warn};

pub use crate::display::{
    Console, Replay, disable_early, flush, for_each, loglevel, printk_levels, set_loglevel,
};

const QUIET_LOGLEVEL: u8 = 4;

/// Takes an option of the command line, if it is one of ours: `loglevel=N`, `quiet`, `debug`, `ignore_loglevel`.
pub fn boot_option(key: &str, value: Option<&str>) -> bool {
    match (key, value) {
        ("loglevel", Some(value)) => match value.parse() {
            Ok(level) => set_loglevel(level),
            Err(_) => pr_warn!("loglevel={value}: not a number from 0 to 255"),
        },
        ("quiet", None) => set_loglevel(QUIET_LOGLEVEL),
        ("debug", None) => set_loglevel(10),
        ("ignore_loglevel", _) => display::ignore_loglevel(),
        _ => return false,
    }
    true
}

/// Adds a console and, unless it stays beside it, ends the early one.
///
/// # Errors
/// `ENOSPC`: there are four already.
pub fn register(console: &'static dyn Console, replay: Replay) -> abi::Result<()> {
    display::add(console, replay)?;
    pr_info!("printk: console [{}] enabled", console.name());
    Ok(())
}
