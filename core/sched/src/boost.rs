//! Priority inheritance: a thread that others wait for has the level of the most urgent of them while they wait.
//!
//! What a thread was given by sched_setscheduler(2) is kept beside what it has, and is what it is asked for. Both change
//! under the lock of its run queue.
use core::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use runqueue::{Policy, Share};

/// What inheritance keeps with a thread.
#[derive(Debug)]
pub(crate) struct Boost {
    /// The level that it inherits; 0: none.
    level: AtomicU8,
    /// Its own claim, while it inherits.
    own: AtomicU32,
    /// It takes over nothing more that others wait for.
    closed: AtomicBool,
}

const fn pack(share: Share) -> u32 {
    share.policy as u32 | (share.nice as u8 as u32) << 8 | (share.rt_level as u32) << 16
}

fn unpack(word: u32) -> Share {
    Share {
        policy: Policy::of_number(word as u8),
        nice: (word >> 8) as u8 as i8,
        rt_level: (word >> 16) as u8,
    }
}

/// `own`, or the real-time class at `level` (above its own levels: before all) if that comes first.
const fn stronger(own: Share, level: u8) -> Share {
    if level <= own.rt_level {
        return own;
    }
    Share {
        policy: Policy::Fifo,
        nice: own.nice,
        rt_level: level,
    }
}

impl Boost {
    pub(crate) const fn new() -> Self {
        Self {
            level: AtomicU8::new(0),
            own: AtomicU32::new(0),
            closed: AtomicBool::new(false),
        }
    }

    /// What it inherits; 0: nothing.
    pub(crate) fn level(&self) -> u8 {
        self.level.load(Ordering::Acquire)
    }

    /// The claim it was given, where it runs by `now`.
    pub(crate) fn own(&self, now: Share) -> Share {
        match self.level() {
            0 => now,
            _ => unpack(self.own.load(Ordering::Relaxed)),
        }
    }

    /// It is given the claim `own`: what it runs by from now on. The run queue is locked.
    pub(crate) fn give(&self, own: Share) -> Share {
        self.own.store(pack(own), Ordering::Relaxed);
        stronger(own, self.level())
    }

    /// It runs by `now` and inherits `level`: what it runs by from now on. The run queue is locked.
    pub(crate) fn inherit(&self, now: Share, level: u8) -> Share {
        let own = self.own(now);
        self.own.store(pack(own), Ordering::Relaxed);
        self.level.store(level, Ordering::Release);
        stronger(own, level)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    pub(crate) fn close(&self, closed: bool) {
        self.closed.store(closed, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packing_keeps_all() {
        for share in [
            Share::NORMAL,
            Share {
                policy: Policy::Rr,
                nice: -20,
                rt_level: 99,
            },
            Share {
                policy: Policy::Idle,
                nice: 19,
                rt_level: 0,
            },
            Share {
                policy: Policy::Deadline,
                nice: 7,
                rt_level: 100,
            },
        ] {
            assert_eq!(unpack(pack(share)), share);
        }
    }

    #[test]
    fn the_stronger_claim_counts() {
        let round_robin = Share {
            policy: Policy::Rr,
            nice: 3,
            rt_level: 7,
        };
        assert_eq!(stronger(round_robin, 7), round_robin);
        assert_eq!(stronger(round_robin, 0), round_robin);
        let raised = stronger(round_robin, 8);
        assert_eq!((raised.policy, raised.rt_level), (Policy::Fifo, 8));
        assert_eq!(raised.nice, 3);
    }

    #[test]
    fn what_was_given_meanwhile_comes_back() {
        let boost = Boost::new();
        let raised = boost.inherit(Share::NORMAL, 40);
        assert_eq!(raised.rt_level, 40);
        assert_eq!(boost.own(raised), Share::NORMAL);
        let given = Share {
            nice: 5,
            ..Share::NORMAL
        };
        let raised = boost.give(given);
        assert_eq!((raised.rt_level, boost.own(raised)), (40, given));
        assert_eq!(boost.inherit(raised, 0), given);
        assert_eq!(boost.own(given), given);
    }
}
