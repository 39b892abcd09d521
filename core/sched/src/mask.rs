//! Sets of CPUs.
use core::sync::atomic::{AtomicU64, Ordering};
use hal::MAX_CPUS;

/// A set of CPU numbers below 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct CpuSet(pub u64);

const _: () = assert!(MAX_CPUS <= 64);

impl CpuSet {
    /// Every CPU there may be.
    pub const ALL: Self = Self(if MAX_CPUS == 64 {
        u64::MAX
    } else {
        (1 << MAX_CPUS) - 1
    });

    /// Only `cpu`.
    #[inline]
    #[must_use]
    pub const fn only(cpu: usize) -> Self {
        Self(1 << cpu)
    }
    /// Whether `cpu` is in it.
    #[inline]
    #[must_use]
    pub const fn has(self, cpu: usize) -> bool {
        cpu < 64 && self.0 >> cpu & 1 != 0
    }
    /// What both have.
    #[inline]
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
    /// Without `cpu`.
    #[inline]
    #[must_use]
    pub const fn without(self, cpu: usize) -> Self {
        Self(self.0 & !(1 << cpu))
    }
    /// Whether it has none.
    #[inline]
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    /// The lowest CPU in it.
    #[inline]
    #[must_use]
    pub const fn first(self) -> Option<usize> {
        if self.0 == 0 {
            None
        } else {
            Some(self.0.trailing_zeros() as usize)
        }
    }
    /// How many it has.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.count_ones() as usize
    }
    /// Its CPUs, ascending.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |cpu| self.has(*cpu))
    }
}

/// A set that many CPUs read and change.
pub(crate) struct AtomicCpuSet(AtomicU64);

impl AtomicCpuSet {
    pub(crate) const fn new(set: CpuSet) -> Self {
        Self(AtomicU64::new(set.0))
    }
    #[inline]
    pub(crate) fn load(&self) -> CpuSet {
        CpuSet(self.0.load(Ordering::Relaxed))
    }
    #[inline]
    pub(crate) fn store(&self, set: CpuSet) {
        self.0.store(set.0, Ordering::Relaxed);
    }
    #[inline]
    pub(crate) fn insert(&self, cpu: usize) {
        self.0.fetch_or(1 << cpu, Ordering::SeqCst);
    }
    #[inline]
    pub(crate) fn remove(&self, cpu: usize) {
        self.0.fetch_and(!(1 << cpu), Ordering::SeqCst);
    }
}
