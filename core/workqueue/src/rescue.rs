//! Rescuers (`WQ_MEM_RECLAIM`): a queue's own thread, there from the beginning, that runs its work when no worker can be
//! made for it. Without one, work that has to run so that memory becomes free would wait for that memory.
use crate::pool::{self, Pool};
use crate::work::Account;
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};
use sched::{CpuSet, Thread};
use sync::WaitMode;

/// The thread, and how it is told to end.
pub(crate) struct Rescuer {
    thread: Arc<Thread>,
    closed: Arc<AtomicBool>,
}

impl Rescuer {
    /// For the queue of that account, by its name.
    pub(crate) fn start(account: &Arc<Account>) -> Result<Self> {
        let closed = kmem::try_arc(AtomicBool::new(false))?;
        let (queue, end) = (account.clone(), closed.clone());
        let entry = kmem::try_box(move || serve(&queue, &end))? as Box<dyn FnOnce() + Send>;
        Ok(Self {
            thread: Thread::spawn_kthread(account.name.as_str(), entry)?,
            closed,
        })
    }

    /// Asks it to end.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        pool::SHORT.wake_all();
    }

    /// Waits until it has.
    pub(crate) fn wait_end(&self) {
        self.thread.wait_exit();
    }
}

fn serve(queue: &Arc<Account>, closed: &AtomicBool) {
    let mut seen = 0;
    while !closed.load(Ordering::SeqCst) {
        pool::each(|pool| run_all(pool, queue));
        let called = || {
            let calls = pool::CALLS.load(Ordering::SeqCst);
            (calls != seen || closed.load(Ordering::SeqCst)).then_some(calls)
        };
        if let Ok(calls) = pool::SHORT.wait(WaitMode::Idle, None, called) {
            seen = calls;
        }
    }
}

/// Runs what a pool has of the queue, where the pool's own workers would.
fn run_all(pool: &Arc<Pool>, queue: &Arc<Account>) {
    while let Some(work) = pool.pop_of(queue) {
        let place = pool.cpu().map_or(CpuSet::ALL, CpuSet::only);
        let _ = sched::current().set_allowed(place); // a CPU with a pool is active
        pool.run(work, None);
    }
}
