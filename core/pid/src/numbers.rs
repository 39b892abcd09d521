//! Which process numbers are in use: a bitmap taken next-fit, lock-free.
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

/// One past the highest number; `/proc/sys/kernel/pid_max` of Linux.
pub const PID_MAX: u32 = 32768;
/// Numbers below this are not reused after the first round, as in Linux: daemons of the boot keep them.
pub(crate) const RESERVED: u32 = 300;
const WORDS: usize = (PID_MAX / 64) as usize;

/// The bitmap.
pub(crate) struct Numbers {
    words: [AtomicU64; WORDS],
    last: AtomicU32,
    used: AtomicU32,
}

impl Numbers {
    /// All free but 0, which stands for "none" in every interface.
    pub(crate) const fn new() -> Self {
        let mut words = [const { AtomicU64::new(0) }; WORDS];
        words[0] = AtomicU64::new(1);
        Self {
            words,
            last: AtomicU32::new(0),
            used: AtomicU32::new(0),
        }
    }

    /// Takes the next free number after the last one taken; `None` when all are in use.
    pub(crate) fn take(&self) -> Option<u32> {
        let start = (self.last.load(Relaxed) + 1).min(PID_MAX);
        let found = self
            .take_in(start, PID_MAX)
            .or_else(|| self.take_in(RESERVED, start));
        if let Some(nr) = found {
            self.last.store(nr, Relaxed);
            self.used.fetch_add(1, Relaxed);
        }
        found
    }

    fn take_in(&self, from: u32, to: u32) -> Option<u32> {
        let mut at = from;
        while at < to {
            let word = &self.words[(at / 64) as usize];
            let free = !word.load(Relaxed) & (!0 << (at % 64));
            if free == 0 {
                at = (at / 64 + 1) * 64;
                continue;
            }
            let nr = at / 64 * 64 + free.trailing_zeros();
            if nr >= to {
                return None;
            }
            if word.fetch_or(1 << (nr % 64), Relaxed) & 1 << (nr % 64) == 0 {
                return Some(nr);
            }
        }
        None
    }

    /// Takes this number; false if it is in use.
    pub(crate) fn take_one(&self, nr: u32) -> bool {
        let bit = 1 << (nr % 64);
        let Some(word) = self.words.get((nr / 64) as usize) else {
            return false;
        };
        let taken = word.fetch_or(bit, Relaxed) & bit == 0;
        if taken {
            self.used.fetch_add(1, Relaxed);
        }
        taken
    }

    /// Gives a number back.
    pub(crate) fn give(&self, nr: u32) {
        let old = self.words[(nr / 64) as usize].fetch_and(!(1 << (nr % 64)), Relaxed);
        debug_assert!(old >> (nr % 64) & 1 != 0, "a number is given back once");
        self.used.fetch_sub(1, Relaxed);
    }

    /// The first number in use that is at least `from`.
    pub(crate) fn next_used(&self, from: u32) -> Option<u32> {
        let mut at = from.max(1);
        while at < PID_MAX {
            let used = self.words[(at / 64) as usize].load(Relaxed) & (!0 << (at % 64));
            if used != 0 {
                return Some(at / 64 * 64 + used.trailing_zeros());
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }

    /// The number taken last (`/proc/loadavg`, `ns_last_pid`).
    pub(crate) fn last(&self) -> u32 {
        self.last.load(Relaxed)
    }

    /// The next one is looked for behind `nr`, at most [`PID_MAX`].
    pub(crate) fn set_last(&self, nr: u32) {
        self.last.store(nr, Relaxed);
    }

    /// How many are taken.
    pub(crate) fn in_use(&self) -> u32 {
        self.used.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_in_order_and_wraps_past_the_reserved() {
        let map = Numbers::new();
        assert_eq!(map.take(), Some(1));
        assert_eq!(map.take(), Some(2));
        map.give(1);
        assert_eq!(map.take(), Some(3), "not the one just freed");
        while map.last() < PID_MAX - 1 {
            assert!(map.take().is_some());
        }
        assert_eq!(map.take(), None, "1 is free but reserved");
        map.give(500);
        assert_eq!(map.take(), Some(500));
        assert_eq!(map.take(), None);
        assert_eq!(map.next_used(0), Some(2));
        assert_eq!(map.next_used(PID_MAX), None);
    }
}
