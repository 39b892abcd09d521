//! What of the fair class can be switched off, for who wants to see what it is good for.
use core::sync::atomic::{AtomicU8, Ordering};

/// One of them, under the name that Linux has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Feature {
    /// Who slept gets half the latency as its bonus; without it, all of it.
    GentleFairSleepers = 1 << 0,
    /// A new thread starts one turn after the clock; without it, with the clock.
    StartDebit = 1 << 1,
    /// A thread that wakes up takes the CPU from one that is far enough ahead; without it, it waits for the tick.
    WakeupPreemption = 1 << 2,
}

/// All, in the order in which they are shown.
const ALL: [(&str, Feature); 3] = [
    ("GENTLE_FAIR_SLEEPERS", Feature::GentleFairSleepers),
    ("START_DEBIT", Feature::StartDebit),
    ("WAKEUP_PREEMPTION", Feature::WakeupPreemption),
];

/// Which are off: a bit each.
pub struct Features(AtomicU8);

/// Those of all queues of the machine.
pub static FEATURES: Features = Features::new();

impl Features {
    /// All are on.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU8::new(0))
    }

    /// Whether it is on.
    #[inline]
    pub fn has(&self, feature: Feature) -> bool {
        self.0.load(Ordering::Relaxed) & feature as u8 == 0
    }

    /// Switches the feature of that name on, or with `NO_` before it off. False: there is none.
    pub fn set(&self, text: &[u8]) -> bool {
        let (name, off) = match text.strip_prefix(b"NO_") {
            Some(name) => (name, true),
            None => (text, false),
        };
        let found = ALL.iter().find(|(known, _)| known.as_bytes() == name);
        let Some((_, feature)) = found else {
            return false;
        };
        if off {
            self.0.fetch_or(*feature as u8, Ordering::Relaxed);
        } else {
            self.0.fetch_and(!(*feature as u8), Ordering::Relaxed);
        }
        true
    }
}

impl Default for Features {
    fn default() -> Self {
        Self::new()
    }
}

/// Their names in a row; before those that are off stands `NO_`.
impl core::fmt::Display for Features {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        for (at, (name, feature)) in ALL.iter().enumerate() {
            let gap = if at == 0 { "" } else { " " };
            let no = if self.has(*feature) { "" } else { "NO_" };
            write!(f, "{gap}{no}{name}")?;
        }
        Ok(())
    }
}
