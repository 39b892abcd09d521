//! Who did something last to an object.
use alloc::sync::Arc;
use pid::{Pid, PidNs};

/// A process, by all its numbers; they stay known when it has ended (`GETPID`, `shm_lpid`, `msg_lspid`).
#[derive(Clone, Default)]
pub(crate) struct Who(Option<Arc<Pid>>);

impl Who {
    /// Nobody yet.
    pub(crate) const NOBODY: Self = Self(None);

    /// Notes somebody; mostly it is who it was.
    #[inline]
    pub(crate) fn note(&mut self, process: &Arc<Pid>) {
        if !self.is(process) {
            self.0 = Some(process.clone());
        }
    }

    pub(crate) fn is(&self, process: &Arc<Pid>) -> bool {
        self.0
            .as_ref()
            .is_some_and(|noted| Arc::ptr_eq(noted, process))
    }

    /// The number in a namespace; 0: nobody, or somebody who has none there.
    pub(crate) fn nr_in(&self, ns: &PidNs) -> i32 {
        self.0.as_ref().map_or(0, |pid| pid.nr_in(ns))
    }
}

/// A process for tests.
#[cfg(test)]
pub(crate) fn anybody() -> Arc<Pid> {
    PidNs::FIRST.alloc(&[]).unwrap()
}
