//! A thread's claim to CPUs: policy, nice value, level, affinity.
use crate::mask::CpuSet;
use runqueue::Share;

/// What a thread gives on to those it creates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SchedAttr {
    /// Policy, nice value, level.
    pub share: Share,
    /// The CPUs it may run on.
    pub allowed: CpuSet,
    /// Children start with SCHED_OTHER and no negative nice value (`SCHED_RESET_ON_FORK`).
    pub reset_on_fork: bool,
}

impl SchedAttr {
    /// SCHED_OTHER, nice 0, any CPU.
    pub const NORMAL: Self = Self {
        share: Share::NORMAL,
        allowed: CpuSet::ALL,
        reset_on_fork: false,
    };

    /// What a child starts with.
    #[must_use]
    pub const fn for_child(self) -> Self {
        if !self.reset_on_fork {
            return self;
        }
        let urgent = self.share.rt_level != 0;
        let nice = if urgent || self.share.nice < 0 {
            0
        } else {
            self.share.nice
        };
        let share = Share {
            policy: Share::NORMAL.policy,
            nice,
            rt_level: 0,
        };
        Self {
            share,
            reset_on_fork: false,
            ..self
        }
    }
}
