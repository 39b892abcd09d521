//! CPU time and resource usage (getrusage(2), times(2), clock_gettime(2)).
use crate::objects::{Process, Task};
pub use crate::usage::Usage;
use core::sync::atomic::Ordering::Relaxed;
use cred::{RLIM_INFINITY, Resource};

impl Usage {
    /// What one thread has used.
    pub fn of_task(task: &Task) -> Self {
        let (user_ns, system_ns) = task.cpu_times();
        let (minor_faults, major_faults) = task.faults();
        let (voluntary, involuntary) = task.switches();
        let max_rss_pages = task.mm().map_or(0, |mm| mm.counters().rss_peak as u64);
        Self {
            user_ns,
            system_ns,
            minor_faults,
            major_faults,
            voluntary,
            involuntary,
            max_rss_pages,
        }
    }
}

impl Process {
    /// Whether a timer or a limit counts its CPU time.
    pub(crate) fn counts_cpu_time(&self) -> bool {
        self.itimers.cpu_armed.load(Relaxed)
            || self.timers.count_cpu_time()
            || self.limits().cur(Resource::Cpu) != RLIM_INFINITY
    }

    /// What its threads, living and ended, have used.
    pub fn usage(&self) -> Usage {
        let mut sum = Usage::default();
        let mut leader = None;
        // Under one lock, so that a thread that ends meanwhile is counted once.
        let shared = self.sig.lock_irq();
        for task in &shared.threads {
            let (user_ns, system_ns) = task.cpu_times();
            let (minor_faults, major_faults) = task.faults();
            let (voluntary, involuntary) = task.switches();
            sum.add(&Usage {
                user_ns,
                system_ns,
                minor_faults,
                major_faults,
                voluntary,
                involuntary,
                max_rss_pages: 0,
            });
            leader.get_or_insert_with(|| task.clone());
        }
        let accounts = *self.accounts.lock_irq();
        drop(shared);
        sum.add(&accounts.ended_threads);
        let now = leader
            .and_then(|task| task.mm())
            .map_or(0, |mm| mm.counters().rss_peak as u64);
        sum.max_rss_pages = now.max(accounts.last_rss_pages);
        sum
    }

    /// What its children that were waited for, and theirs, have used.
    pub fn children_usage(&self) -> Usage {
        self.accounts.lock_irq().children
    }

    /// User and system time of all its threads, ns.
    pub fn cpu_times(&self) -> (u64, u64) {
        let shared = self.sig.lock_irq();
        let ended = self.accounts.lock_irq().ended_threads;
        let (mut user, mut system) = (ended.user_ns, ended.system_ns);
        for task in &shared.threads {
            let (u, s) = task.cpu_times();
            user += u;
            system += s;
        }
        (user, system)
    }
}
