//! Workers and the list they take from.
use crate::work::{Ran, Work};
use abi::Result;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use sched::{CpuSet, Thread};
use sync::{LockClass, SpinLock, WaitError, WaitMode, WaitQueue, rank};

static CLASS: LockClass = LockClass::new("workqueue", rank::WORKQUEUE);
/// An idle worker that is not the last one leaves after this.
const IDLE_NS: u64 = 5_000_000_000;

/// First in, first out, through the links of the works.
struct List {
    head: Option<Arc<Work>>,
    tail: Option<Arc<Work>>,
}

pub(crate) struct Pool {
    name: &'static str,
    cpu: Option<usize>,
    max_workers: usize,
    list: SpinLock<List>,
    waiting: AtomicUsize,
    workers: AtomicUsize,
    idle: AtomicUsize,
    closed: AtomicBool,
    wake: WaitQueue,
}

impl Pool {
    pub(crate) fn new(
        name: &'static str,
        cpu: Option<usize>,
        max_workers: usize,
    ) -> Result<Arc<Self>> {
        let pool = kmem::try_arc(Self {
            name,
            cpu,
            max_workers,
            list: SpinLock::new(
                &CLASS,
                List {
                    head: None,
                    tail: None,
                },
            ),
            waiting: AtomicUsize::new(0),
            workers: AtomicUsize::new(0),
            idle: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            wake: WaitQueue::new(),
        })?;
        pool.hire()?;
        Ok(pool)
    }

    /// Appends work. Any context.
    pub(crate) fn push(&self, work: Arc<Work>) {
        let mut list = self.list.lock_irq();
        match list.tail.replace(Arc::clone(&work)) {
            Some(tail) => *tail.next.lock() = Some(work),
            None => list.head = Some(work),
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        drop(list);
        self.wake.wake_one();
    }

    fn pop(&self) -> Option<Arc<Work>> {
        let mut list = self.list.lock_irq();
        let work = list.head.take()?;
        list.head = work.next.lock().take();
        if list.head.is_none() {
            list.tail = None;
        }
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        Some(work)
    }

    /// Ends the workers once the list is empty.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake.wake_all();
    }

    /// Starts one more worker.
    fn hire(self: &Arc<Self>) -> Result<()> {
        let number = self.workers.fetch_add(1, Ordering::Relaxed);
        self.start_worker(number).inspect_err(|_| {
            self.workers.fetch_sub(1, Ordering::Relaxed);
        })
    }

    fn start_worker(self: &Arc<Self>, number: usize) -> Result<()> {
        let pool = Arc::clone(self);
        let entry = kmem::try_box(move || worker(&pool))? as Box<dyn FnOnce() + Send>;
        let name = match self.cpu {
            Some(cpu) => kmem::try_format!("kworker/{cpu}:{number}")?,
            None => kmem::try_format!("{}:{number}", self.name)?,
        };
        let thread = Thread::new_kthread(&name, entry)?;
        if let Some(cpu) = self.cpu {
            thread.set_allowed(CpuSet::only(cpu))?;
        }
        thread.start();
        Ok(())
    }

    /// More work waits and nobody is idle: what is taken now may sleep, so another worker comes. Without memory for one
    /// the rest waits.
    fn hire_if_short(self: &Arc<Self>) {
        if self.waiting.load(Ordering::SeqCst) != 0
            && self.idle.load(Ordering::SeqCst) == 0
            && self.workers.load(Ordering::Relaxed) < self.max_workers
        {
            let _ = self.hire();
        }
    }

    /// Waits for work; false: leave.
    fn wait(&self) -> bool {
        self.idle.fetch_add(1, Ordering::SeqCst);
        let deadline = time::monotonic_ns() + IDLE_NS;
        let spare = self.workers.load(Ordering::Relaxed) > 1;
        let woken = self
            .wake
            .wait(WaitMode::Idle, spare.then_some(deadline), || {
                let work = self.waiting.load(Ordering::SeqCst) != 0;
                (work || self.closed.load(Ordering::SeqCst)).then_some(work)
            });
        self.idle.fetch_sub(1, Ordering::SeqCst);
        match woken {
            Ok(work) => work,
            Err(WaitError::TimedOut) => !self.leave_if_spare(),
            Err(WaitError::Interrupted) => true,
        }
    }

    /// Leaves unless this is the last worker.
    fn leave_if_spare(&self) -> bool {
        self.workers
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, |n| {
                (n > 1).then(|| n - 1)
            })
            .is_ok()
    }
}

fn worker(pool: &Arc<Pool>) {
    loop {
        while let Some(work) = pool.pop() {
            pool.hire_if_short();
            let home = work.home.lock_irq().clone();
            let ran = work.run();
            // Each queueing is taken off its queue's account once: when it has run.
            if let (Ran::Done | Ran::Again, Some(home)) = (ran, home) {
                home.one_done();
            }
            if ran == Ran::Again {
                pool.push(work);
            }
        }
        if !pool.wait() {
            break;
        }
    }
    if pool.closed.load(Ordering::SeqCst) {
        pool.workers.fetch_sub(1, Ordering::SeqCst);
    }
}
