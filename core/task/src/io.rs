//! What tasks and processes read and write by system calls (`/proc/PID/io`, proc_pid_io(5)).
pub use crate::io_counters::{IoCounters, IoSums};
use crate::objects::{Process, Task};

impl Task {
    /// Its counters, to count.
    #[inline(always)]
    pub fn io_counters(&self) -> &IoCounters {
        &self.io
    }

    /// What it has read and written.
    pub fn io(&self) -> IoSums {
        self.io.get()
    }
}

impl Process {
    /// What its threads, living and ended, and the children that it waited for have read and written.
    pub fn io(&self) -> IoSums {
        // Under one lock, so that a thread that ends meanwhile is counted once.
        let shared = self.sig.lock_irq();
        let mut sum = self.accounts.lock_irq().ended_io;
        for task in &shared.threads {
            sum.add(&task.io());
        }
        sum
    }
}
