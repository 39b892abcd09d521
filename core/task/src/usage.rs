//! Sums of CPU time and resource usage.

use crate::io_counters::IoSums;
use vfs::Cost;

/// Sums over threads that have ended, or over children that were waited for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    /// User CPU time, ns.
    pub user_ns: u64,
    /// System CPU time, ns.
    pub system_ns: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// Voluntary context switches.
    pub voluntary: u64,
    /// Involuntary context switches.
    pub involuntary: u64,
    /// Largest resident set, in pages.
    pub max_rss_pages: u64,
}

impl Usage {
    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.user_ns += other.user_ns;
        self.system_ns += other.system_ns;
        self.minor_faults += other.minor_faults;
        self.major_faults += other.major_faults;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
        self.max_rss_pages = self.max_rss_pages.max(other.max_rss_pages);
    }
}

/// What a process keeps of the dead.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) ended_threads: Usage,
    pub(crate) children: Usage,
    /// Of the threads that have ended, but for the first.
    pub(crate) ended_cost: Cost,
    /// What these have read and written, and the children.
    pub(crate) ended_io: IoSums,
    /// Resident set at the end of the address space's life.
    pub(crate) last_rss_pages: u64,
}
