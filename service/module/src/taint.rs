//! What a module tells of the kernel that loads it: flags in /proc/modules, /sys/module/M/taint and reports.
//!
//! Specification: Documentation/admin-guide/tainted-kernels.rst; the messages are those of Linux 6.1.
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use kmod::ModInfo;
use trace::taint::{self, Taint};
use trace::{pr_notice, pr_warn};

/// The flags that a module can have, in the order of their bits, with their letters.
const LETTERS: [(Taint, char); 4] = [
    (Taint::ProprietaryModule, 'P'),
    (Taint::ForcedModule, 'F'),
    (Taint::OutOfTreeModule, 'O'),
    (Taint::UnsignedModule, 'E'),
];

/// The flags of one module.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taints(u64);

impl Taints {
    /// What `.modinfo` says; the first module of each kind is told.
    pub(crate) fn of(name: &str, info: &ModInfo<'_>, forced: bool) -> Self {
        let mut taints = Self::default();
        if forced {
            if !is_set(Taint::ForcedModule) {
                pr_warn!("{name}: bad vermagic: kernel tainted.");
            }
            taints.add(Taint::ForcedModule);
        }
        if info.get(b"intree").is_none() {
            if !is_set(Taint::OutOfTreeModule) {
                pr_warn!("{name}: loading out-of-tree module taints kernel.");
            }
            taints.add(Taint::OutOfTreeModule);
        }
        if !info.gpl_compatible() {
            if !is_set(Taint::ProprietaryModule) {
                let licence = info.get(b"license").unwrap_or(b"unspecified");
                let licence = core::str::from_utf8(licence).unwrap_or("?");
                pr_warn!("{name}: module license '{licence}' taints kernel.");
            }
            taints.add(Taint::ProprietaryModule);
        }
        taints
    }

    /// It has no signature that the kernel knows.
    pub(crate) fn add_unsigned(&mut self, name: &str) {
        static TOLD: AtomicBool = AtomicBool::new(false);
        if !TOLD.swap(true, Ordering::Relaxed) {
            pr_notice!(
                "{name}: module verification failed: signature and/or required key missing - tainting kernel"
            );
        }
        self.add(Taint::UnsignedModule);
    }

    fn add(&mut self, flag: Taint) {
        self.0 |= 1 << flag as u8;
        taint::add(flag);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }
}

fn is_set(flag: Taint) -> bool {
    taint::mask() & 1 << flag as u8 != 0
}

/// Its letters.
impl fmt::Display for Taints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, letter) in LETTERS {
            if self.0 & 1 << flag as u8 != 0 {
                write!(f, "{letter}")?;
            }
        }
        Ok(())
    }
}
