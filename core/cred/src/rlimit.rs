//! Resource limits of a process (getrlimit(2)).
use abi::{Errno, Result};
use core::array;
use core::sync::atomic::{AtomicU64, Ordering};

/// No limit.
pub const RLIM_INFINITY: u64 = u64::MAX;
/// How many limits there are.
pub const RLIM_NLIMITS: usize = 16;

/// Which limit; the numbers of x86-64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Resource {
    Cpu = 0,
    Fsize = 1,
    Data = 2,
    Stack = 3,
    Core = 4,
    Rss = 5,
    Nproc = 6,
    Nofile = 7,
    Memlock = 8,
    As = 9,
    Locks = 10,
    Sigpending = 11,
    Msgqueue = 12,
    Nice = 13,
    Rtprio = 14,
    Rttime = 15,
}

impl Resource {
    const ALL: [Self; RLIM_NLIMITS] = [
        Self::Cpu,
        Self::Fsize,
        Self::Data,
        Self::Stack,
        Self::Core,
        Self::Rss,
        Self::Nproc,
        Self::Nofile,
        Self::Memlock,
        Self::As,
        Self::Locks,
        Self::Sigpending,
        Self::Msgqueue,
        Self::Nice,
        Self::Rtprio,
        Self::Rttime,
    ];

    /// The limit of this number. EINVAL: there is none.
    pub fn from_raw(raw: u32) -> Result<Self> {
        Self::ALL.get(raw as usize).copied().ok_or(Errno::EINVAL)
    }
}

/// A soft and a hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What is enforced.
    pub cur: u64,
    /// How far `cur` may be raised without privilege.
    pub max: u64,
}

/// The limits of a process. Each half is read alone and without a lock: a reader that meets a change sees the old or
/// the new value.
#[derive(Debug)]
pub struct Rlimits {
    cur: [AtomicU64; RLIM_NLIMITS],
    max: [AtomicU64; RLIM_NLIMITS],
}

impl Rlimits {
    /// What the first process has. `max_threads` bounds RLIMIT_NPROC and RLIMIT_SIGPENDING, as Linux sets both to
    /// half of what memory allows.
    pub fn init(max_threads: u64) -> Self {
        let inf = (RLIM_INFINITY, RLIM_INFINITY);
        let half = (max_threads / 2, max_threads / 2);
        let initial = |resource: usize| match Resource::ALL[resource] {
            Resource::Stack => (8 << 20, RLIM_INFINITY),
            Resource::Core => (0, RLIM_INFINITY),
            Resource::Nproc | Resource::Sigpending => half,
            Resource::Nofile => (1024, 4096),
            Resource::Memlock => (8 << 20, 8 << 20),
            Resource::Msgqueue => (819_200, 819_200),
            Resource::Nice | Resource::Rtprio => (0, 0),
            _ => inf,
        };
        Self {
            cur: array::from_fn(|i| AtomicU64::new(initial(i).0)),
            max: array::from_fn(|i| AtomicU64::new(initial(i).1)),
        }
    }

    /// A copy for a child process.
    pub fn fork(&self) -> Self {
        let copy = |from: &[AtomicU64; RLIM_NLIMITS]| {
            array::from_fn(|i| AtomicU64::new(from[i].load(Ordering::Relaxed)))
        };
        Self {
            cur: copy(&self.cur),
            max: copy(&self.max),
        }
    }

    /// The soft limit.
    #[inline]
    pub fn cur(&self, resource: Resource) -> u64 {
        self.cur[resource as usize].load(Ordering::Relaxed)
    }

    /// Both halves.
    pub fn get(&self, resource: Resource) -> Limit {
        let i = resource as usize;
        Limit {
            cur: self.cur[i].load(Ordering::Relaxed),
            max: self.max[i].load(Ordering::Relaxed),
        }
    }

    /// Sets both halves; `privileged` is CAP_SYS_RESOURCE. EINVAL: soft above hard; EPERM: the hard limit raised
    /// without privilege, or RLIMIT_NOFILE above `nr_open`.
    pub fn set(&self, resource: Resource, new: Limit, privileged: bool) -> Result<Limit> {
        const NR_OPEN: u64 = 1 << 20;
        if new.cur > new.max {
            return Err(Errno::EINVAL);
        }
        let old = self.get(resource);
        if (new.max > old.max && !privileged) || (resource == Resource::Nofile && new.max > NR_OPEN)
        {
            return Err(Errno::EPERM);
        }
        let i = resource as usize;
        self.max[i].store(new.max, Ordering::Relaxed);
        self.cur[i].store(new.cur, Ordering::Relaxed);
        Ok(old)
    }
}
