//! Counts of what a disk did, as `/proc/diskstats` tells them. A request here is a call, since nothing is queued or merged.
//!
//! Specification: Documentation/admin-guide/iostats.rst.
use sync::{LockClass, SpinLock, rank};

static CLASS: LockClass = LockClass::new("block.stats", rank::NONE);

/// What was asked of a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Read,
    Write,
    Discard,
    Flush,
}

#[derive(Clone, Copy, Default)]
struct Count {
    requests: u64,
    bytes: u64,
    ns: u64,
}

#[derive(Default)]
struct Counts {
    kinds: [Count; 4],
    under_way: u32,
    /// When the first of those that are under way began.
    busy_since_ns: u64,
    busy_ns: u64,
}

pub(crate) struct Stats(SpinLock<Counts>);

impl Stats {
    pub(crate) fn new() -> Self {
        Self(SpinLock::new(&CLASS, Counts::default()))
    }

    /// Runs `request`, which says how many bytes it moved, and counts it.
    pub(crate) fn counted<E>(
        &self,
        kind: Kind,
        request: impl FnOnce() -> Result<usize, E>,
    ) -> Result<usize, E> {
        let start = time::monotonic_ns();
        {
            let mut counts = self.0.lock();
            if counts.under_way == 0 {
                counts.busy_since_ns = start;
            }
            counts.under_way += 1;
        }
        let result = request();
        let end = time::monotonic_ns();
        let mut counts = self.0.lock();
        counts.under_way -= 1;
        if counts.under_way == 0 {
            counts.busy_ns += end.saturating_sub(counts.busy_since_ns);
        }
        let count = &mut counts.kinds[kind as usize];
        count.requests += 1;
        count.bytes += result.as_ref().map_or(0, |n| *n as u64);
        count.ns += end.saturating_sub(start);
        drop(counts);
        result
    }

    /// The numbers of a line of `/proc/diskstats`, in its order.
    pub(crate) fn numbers(&self) -> [u64; 17] {
        const MS: u64 = 1_000_000;
        let (kinds, under_way, busy_ns) = {
            let counts = self.0.lock();
            (counts.kinds, counts.under_way, counts.busy_ns)
        };
        let [reads, writes, discards, flushes] = kinds;
        let four = |c: Count| [c.requests, 0, c.bytes / crate::SECTOR, c.ns / MS];
        let mut numbers = [0; 17];
        numbers[..4].copy_from_slice(&four(reads));
        numbers[4..8].copy_from_slice(&four(writes));
        numbers[8] = u64::from(under_way);
        numbers[9] = busy_ns / MS;
        numbers[10] = kinds.iter().map(|count| count.ns).sum::<u64>() / MS;
        numbers[11..15].copy_from_slice(&four(discards));
        numbers[15..].copy_from_slice(&[flushes.requests, flushes.ns / MS]);
        numbers
    }
}
