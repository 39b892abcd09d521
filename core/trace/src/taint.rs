//! Taint flags: what happened to this kernel that a reader of its reports should know (tainted-kernels.rst).
use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering};

static FLAGS: AtomicU64 = AtomicU64::new(0);

/// The letters by bit: set, and the letter when it is not set (`G` for bit 0, else a blank).
const LETTERS: &[u8; 19] = b"PFSRMBUDAWCIOELKXTN";

/// One flag, by its bit number in /proc/sys/kernel/tainted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Taint {
    /// A module without a GPL-compatible licence.
    ProprietaryModule = 0,
    /// A module was loaded by force.
    ForcedModule = 1,
    /// A module was unloaded by force.
    ForcedRmmod = 3,
    /// A machine check happened.
    MachineCheck = 4,
    /// A page's state was found wrong.
    BadPage = 5,
    /// User space asked for it.
    User = 6,
    /// The kernel died once: an oops happened.
    Die = 7,
    /// A warning was given.
    Warn = 9,
    /// A module from outside the kernel's own tree.
    OutOfTreeModule = 12,
    /// An unsigned module.
    UnsignedModule = 13,
    /// A CPU was locked up for a while.
    SoftLockup = 14,
}

/// Sets a flag.
pub fn add(flag: Taint) {
    FLAGS.fetch_or(1 << flag as u8, Ordering::Relaxed);
}
/// Sets flags by mask (a write to /proc/sys/kernel/tainted only adds).
pub fn add_mask(mask: u64) {
    FLAGS.fetch_or(mask & ((1 << LETTERS.len()) - 1), Ordering::Relaxed);
}
/// All flags as a mask.
pub fn mask() -> u64 {
    FLAGS.load(Ordering::Relaxed)
}

/// Shows as oops reports do: `Not tainted` or `Tainted: G      D           `.
#[derive(Clone, Copy, Debug)]
pub struct Report;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = mask();
        if flags == 0 {
            return f.write_str("Not tainted");
        }
        f.write_str("Tainted: ")?;
        for (bit, letter) in LETTERS.iter().enumerate() {
            let shown = match (flags >> bit & 1 != 0, bit) {
                (true, _) => char::from(*letter),
                (false, 0) => 'G',
                (false, _) => ' ',
            };
            write!(f, "{shown}")?;
        }
        Ok(())
    }
}
