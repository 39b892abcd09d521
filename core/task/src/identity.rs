//! Whose a task is, for those who signal it from where its credentials cannot be looked at: interrupts, and under the lock of
//! a group.
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use cred::{Cred, Kuid};

/// The real and the saved user of a task's credentials, in one word, so that both are of one time.
pub(crate) struct Identity(AtomicU64);

impl Identity {
    pub(crate) fn new(cred: &Cred) -> Self {
        Self(AtomicU64::new(word(cred)))
    }

    /// The credentials change.
    pub(crate) fn set(&self, cred: &Cred) {
        self.0.store(word(cred), Relaxed);
    }

    pub(crate) fn users(&self) -> [Kuid; 2] {
        let word = self.0.load(Relaxed);
        [Kuid(word as u32), Kuid((word >> 32) as u32)]
    }
}

fn word(cred: &Cred) -> u64 {
    u64::from(cred.uid.0) | u64::from(cred.suid.0) << 32
}
