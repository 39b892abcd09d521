//! What scheduling knows of a thread.
use crate::weight;
use core::sync::atomic::{AtomicI8, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};

/// A round-robin thread's turn (`sched_rr_timeslice`).
pub const RR_SLICE_NS: u64 = 100_000_000;

/// How a thread shares the CPU (sched(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Policy {
    /// SCHED_OTHER: fair.
    Normal = 0,
    /// SCHED_FIFO: real-time, until it blocks or yields.
    Fifo = 1,
    /// SCHED_RR: real-time, in turns within its level.
    Rr = 2,
    /// SCHED_BATCH: fair, and it preempts nobody when it wakes.
    Batch = 3,
    /// SCHED_IDLE: fair with a weight of next to nothing.
    Idle = 5,
    /// SCHED_DEADLINE: before all others, the nearest deadline first; see [`Reservation`](crate::Reservation).
    Deadline = 6,
}

impl Policy {
    /// The policy that `self as u8` came from.
    #[must_use]
    #[inline]
    pub const fn of_number(number: u8) -> Self {
        match number {
            1 => Self::Fifo,
            2 => Self::Rr,
            3 => Self::Batch,
            5 => Self::Idle,
            6 => Self::Deadline,
            _ => Self::Normal,
        }
    }

    /// The policy of a number of sched_setscheduler(2), if it is one that a level is all of (SCHED_DEADLINE needs more).
    #[must_use]
    pub const fn from_raw(raw: u32) -> Option<Self> {
        Some(match raw {
            0 => Self::Normal,
            1 => Self::Fifo,
            2 => Self::Rr,
            3 => Self::Batch,
            5 => Self::Idle,
            _ => return None,
        })
    }
    /// Whether it is a real-time policy.
    #[inline]
    #[must_use]
    pub const fn is_rt(self) -> bool {
        matches!(self, Self::Fifo | Self::Rr)
    }
}

/// A thread's claim: policy, nice value, real-time level.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// The policy.
    pub policy: Policy,
    /// -20 to 19; kept while the policy is real-time.
    pub nice: i8,
    /// 1 to 99 with a real-time policy, [`DEADLINE_LEVEL`](crate::DEADLINE_LEVEL) with a deadline, else 0.
    pub rt_level: u8,
}

impl Share {
    /// SCHED_OTHER, nice 0.
    pub const NORMAL: Self = Self {
        policy: Policy::Normal,
        nice: 0,
        rt_level: 0,
    };
}

/// Scheduling state of one thread. The fields are atomics only so that it can be shared: whoever holds the run queue's
/// lock writes them, others read single values (for /proc).
#[derive(Debug)]
pub struct Entity {
    policy: AtomicU8,
    nice: AtomicI8,
    rt_level: AtomicU8,
    weight: AtomicU32,
    vruntime: AtomicU64,
    /// Time since it was picked, or what is used up of a round-robin slice.
    used: AtomicU64,
}

impl Entity {
    /// A thread that has not run.
    #[must_use]
    pub const fn new(share: Share) -> Self {
        Self {
            policy: AtomicU8::new(share.policy as u8),
            nice: AtomicI8::new(share.nice),
            rt_level: AtomicU8::new(share.rt_level),
            weight: AtomicU32::new(weight_of(share)),
            vruntime: AtomicU64::new(0),
            used: AtomicU64::new(0),
        }
    }

    /// Its claim.
    pub fn share(&self) -> Share {
        Share {
            policy: self.policy(),
            nice: self.nice.load(Relaxed),
            rt_level: self.rt_level(),
        }
    }
    /// Sets its claim; it must not stand in a queue.
    pub fn set_share(&self, share: Share) {
        self.policy.store(share.policy as u8, Relaxed);
        self.nice.store(share.nice, Relaxed);
        self.rt_level.store(share.rt_level, Relaxed);
        self.weight.store(weight_of(share), Relaxed);
        self.used.store(0, Relaxed);
    }
    /// Its policy.
    #[inline]
    pub fn policy(&self) -> Policy {
        Policy::of_number(self.policy.load(Relaxed))
    }
    /// Real-time level, 0 for the fair class: compares classes and levels at once.
    #[inline]
    pub fn rt_level(&self) -> u8 {
        self.rt_level.load(Relaxed)
    }
    /// Its weight in the fair class.
    #[inline]
    pub fn weight(&self) -> u32 {
        self.weight.load(Relaxed)
    }
    /// Its virtual run time; with a deadline, that.
    #[inline]
    pub fn vruntime(&self) -> u64 {
        self.vruntime.load(Relaxed)
    }
    #[inline]
    pub(crate) fn set_vruntime(&self, vruntime: u64) {
        self.vruntime.store(vruntime, Relaxed);
    }
    #[inline]
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Relaxed)
    }
    #[inline]
    pub(crate) fn set_used(&self, used: u64) {
        self.used.store(used, Relaxed);
    }
    /// It moves from a queue whose virtual clock stands at `from` to one whose clock stands at `to`.
    #[inline]
    pub fn rebase(&self, from: u64, to: u64) {
        self.set_vruntime(self.vruntime().wrapping_sub(from).wrapping_add(to));
    }
}

const fn weight_of(share: Share) -> u32 {
    match share.policy {
        Policy::Idle => weight::IDLE,
        _ => weight::of_nice(share.nice),
    }
}
