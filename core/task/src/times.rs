//! CPU time and resource usage (getrusage(2), times(2), clock_gettime(2)).
use crate::process::Process;
use crate::task::Task;

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

/// What a process keeps of the dead.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Accounts {
    pub(crate) ended_threads: Usage,
    pub(crate) children: Usage,
    /// Resident set at the end of the address space's life.
    pub(crate) last_rss_pages: u64,
}

impl Process {
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
